import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// Everything but index.html and sw.js is under /assets, the name of each file with its hash:
// the server lets browsers keep those for ever.
export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2022',
    assetsDir: 'assets',
    chunkSizeWarningLimit: 900,
  },
})
