/** The page goes to the background, comes back, and is closed. */

import { useEffect } from 'react'
import { workspace } from '../workspace'

const LET_GO_MS = 30_000

/** A phone's page in the background lets go of its connections, and is back at once when it is seen. */
export function useLifecycle(): void {
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const isPhone = matchMedia('(pointer: coarse)')
    const each = (act: 'pause' | 'resume') => {
      for (const { connection } of workspace.getSnapshot().open) connection[act]()
    }
    const change = () => {
      clearTimeout(timer)
      if (!document.hidden) each('resume')
      else if (isPhone.matches) timer = setTimeout(() => each('pause'), LET_GO_MS)
    }
    const leave = (event: BeforeUnloadEvent) => {
      const isLosing = workspace
        .getSnapshot()
        .open.some(({ saved }) => saved.getSnapshot().state === 'unsaved')
      if (isLosing) event.preventDefault()
    }
    document.addEventListener('visibilitychange', change)
    window.addEventListener('beforeunload', leave)
    return () => {
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', change)
      window.removeEventListener('beforeunload', leave)
    }
  }, [])
}
