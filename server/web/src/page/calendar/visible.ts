/** What is on screen: toasts, presence and the mini month only care about that. */

import { create } from 'zustand'
import type { ViewKind } from '../view'

interface Visible {
  kind: ViewKind
  /** Dates; `end` is exclusive. */
  start: string
  end: string
  /** What the view is about, without the days before and after that fill it. */
  title: { start: string; end: string }
  /** Where somebody has asked to be taken: to a date, and to a time of that day. */
  sought: { date: string; time?: string | undefined }
}

export const useVisible = create<Visible>()(() => ({
  kind: 'month',
  start: '',
  end: '',
  title: { start: '', end: '' },
  sought: { date: '' },
}))

/** Whether something from `start` to `end` (dates or local times) is on screen. */
export function isVisible(start: string, end: string): boolean {
  const shown = useVisible.getState()
  const [from, to] = [midnight(start), midnight(end)]
  const [first, last] = [midnight(shown.start), midnight(shown.end)]
  return from < last && (to > first || (from === to && to === first))
}

/** A date as the local time at which it begins, so that both compare as text. */
function midnight(text: string): string {
  return text.length === 10 ? `${text}T00:00:00` : text
}
