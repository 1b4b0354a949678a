/**
 * The service worker: keeps the page, so that it opens without a network. It never keeps data.
 *
 * The build puts in what is to be kept (see vite.config.ts).
 */

declare const __VERSION__: string
declare const __FILES__: readonly string[]

const worker = globalThis as unknown as ServiceWorkerGlobalScope

const CACHE = `page-${__VERSION__}`
const SHELL = '/'
/** Longer than that nobody waits for a page that is here already. */
const PATIENCE_MS = 2000

worker.addEventListener('install', (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) =>
        cache.addAll([SHELL, ...__FILES__].map((url) => new Request(url, { cache: 'no-cache' }))),
      )
      .then(() => worker.skipWaiting()),
  )
})

worker.addEventListener('activate', (event) => {
  const others = caches
    .keys()
    .then((names) =>
      Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name))),
    )
  event.waitUntil(others.then(() => worker.clients.claim()))
})

worker.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== 'GET' || url.origin !== worker.location.origin) return
  if (request.mode === 'navigate' && url.pathname === SHELL) event.respondWith(shell(request, url))
  else if (__FILES__.includes(url.pathname)) event.respondWith(kept(request))
})

/** The page from the network when that is quick, else the one that is kept. A token has to be seen by the server. */
async function shell(request: Request, url: URL): Promise<Response> {
  const patience = url.searchParams.has('token') ? 10 * PATIENCE_MS : PATIENCE_MS
  try {
    return await fetch(request, { signal: AbortSignal.timeout(patience) })
  } catch {
    return (await caches.match(SHELL)) ?? Response.error()
  }
}

async function kept(request: Request): Promise<Response> {
  return (await caches.match(request, { ignoreSearch: true })) ?? fetch(request)
}
