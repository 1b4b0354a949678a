/** On a touch screen: swipe sideways to go on and back. */

import { type RefObject, useEffect } from 'react'
import { step } from './range'

const LEAST_PX = 60
const JUST_MS = 500

let swipedAt = 0

/** Whether the finger that has just left the screen has swiped: then it has not tapped. */
export function hasSwiped(): boolean {
  return Date.now() - swipedAt < JUST_MS
}

export function useSwipe(root: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const element = root.current
    let start: { x: number; y: number; at: number } | null = null
    const begin = ({ touches }: TouchEvent) => {
      const [touch] = touches
      start =
        touch && touches.length === 1
          ? { x: touch.clientX, y: touch.clientY, at: Date.now() }
          : null
    }
    const end = ({ changedTouches }: TouchEvent) => {
      const [touch] = changedTouches
      if (!start || !touch || Date.now() - start.at > 400) return // slower is a drag, or a scroll
      const [x, y] = [touch.clientX - start.x, touch.clientY - start.y]
      if (Math.abs(x) > LEAST_PX && Math.abs(x) > 2 * Math.abs(y)) {
        swipedAt = Date.now()
        step(x < 0 ? 1 : -1)
      }
      start = null
    }
    element?.addEventListener('touchstart', begin, { passive: true })
    element?.addEventListener('touchend', end, { passive: true })
    return () => {
      element?.removeEventListener('touchstart', begin)
      element?.removeEventListener('touchend', end)
    }
  }, [root])
}
