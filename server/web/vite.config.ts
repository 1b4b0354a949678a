import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

/** Tells the service worker what to keep, and compresses everything once, as well as it can be. */
function finish(): Plugin {
  return {
    name: 'finish',
    apply: 'build',
    closeBundle() {
      const folder = 'dist'
      const files = readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
      const kept = files.filter((path) => path.startsWith(join(folder, 'assets')))
      const urls = kept.map((path) => path.slice(folder.length)).sort()
      const version = createHash('sha256')
      for (const path of [...kept, join(folder, 'index.html')].sort())
        version.update(readFileSync(path))
      const worker = join(folder, 'sw.js')
      const told = `const __VERSION__=${JSON.stringify(version.digest('hex').slice(0, 12))},__FILES__=${JSON.stringify(urls)};`
      writeFileSync(worker, `(()=>{${told}${readFileSync(worker, 'utf8')}})()`)
      for (const path of files) compress(path)
    },
  }
}

function compress(path: string): void {
  const content = readFileSync(path)
  if (content.length < 1000 || /\.(br|gz|png)$/.test(path)) return
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }
  writeFileSync(`${path}.br`, brotliCompressSync(content, quality))
  writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }))
}

// Everything but index.html and sw.js is under /assets, the name of each file with its hash:
// the server lets browsers keep those for ever.
export default defineConfig({
  plugins: [react(), finish()],
  // `npm run dev` beside `make serve`: sign in there by the URL that was printed.
  server: {
    proxy: Object.fromEntries(
      ['/api', '/sync', '/yjs'].map((path) => [
        path,
        { target: 'http://127.0.0.1:8000', ws: true },
      ]),
    ),
  },
  build: {
    target: 'es2022',
    assetsDir: 'assets',
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    chunkSizeWarningLimit: 900,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { index: 'index.html', sw: 'src/sw.ts' },
      output: {
        entryFileNames: ({ name }) => (name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js'),
      },
    },
  },
})
