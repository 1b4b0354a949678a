// Runs in the page before anything of its own: when the first event is on screen, which tasks are
// long (over 50 ms), and how far the frames are apart.
window.marks = {}
window.tasks = []
window.frames = []

const looking = new MutationObserver(() => {
  if (!document.querySelector('[data-event]')) return
  looking.disconnect()
  // After the frame in which it is drawn.
  requestAnimationFrame(() =>
    setTimeout(() => {
      marks.painted = performance.now()
    }),
  )
})
looking.observe(document, { subtree: true, childList: true })

new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) tasks.push([startTime, duration])
}).observe({ type: 'longtask', buffered: true })

let last = performance.now()
const count = (now) => {
  frames.push(now - last)
  last = now
  requestAnimationFrame(count)
}
requestAnimationFrame(count)
