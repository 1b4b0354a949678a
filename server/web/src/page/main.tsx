/** Where the page begins. */

import './styles/tokens.css'
import './styles/page.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app'
import { Guard } from './shell/guard'
import { registerWorker } from './shell/worker'
import { workspace } from './workspace'

const root = document.getElementById('root')
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Guard>
        <App />
      </Guard>
    </StrictMode>,
  )
}
// For the console, and for whoever drives the page.
Object.assign(globalThis, { workspace })
void workspace.start()
if (import.meta.env.PROD) registerWorker()
