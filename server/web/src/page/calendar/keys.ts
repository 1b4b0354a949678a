/** The calendar by keyboard: everything that the mouse can do. */

import { type RefObject, useEffect } from 'react'
import { today, useView, type ViewKind } from '../view'
import { begin, instanceOf, move, redo, remove, undo } from './actions'
import { later } from './clock'
import { goTo, step } from './range'
import { useShortcuts } from './shortcuts'

const VIEWS: Record<string, ViewKind> = { m: 'month', w: 'week', d: 'day', l: 'list' }
const TYPING = 'input, textarea, select, [contenteditable="true"], dialog, [role="dialog"]'

/** Listen for the keys as long as the calendar is there. */
export function useKeys(root: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const isTyping = event.target instanceof Element && event.target.closest(TYPING)
      if (event.defaultPrevented || (isTyping && event.key !== 'Escape')) return
      if (isPress(event, root.current)) return
      if (act(event, root.current)) event.preventDefault()
    }
    window.addEventListener('keydown', listen)
    return () => window.removeEventListener('keydown', listen)
  }, [root])
}

/** Whether a key presses a button beside the calendar: that is what it is for. */
function isPress({ key, target }: KeyboardEvent, root: HTMLElement | null): boolean {
  const isKey = key === 'Enter' || key === ' '
  return (
    isKey && target instanceof Element && !!target.closest('button, a') && !root?.contains(target)
  )
}

/** Do what a key says; whether it says anything. */
function act(event: KeyboardEvent, root: HTMLElement | null): boolean {
  const key = keyOf(event)
  if (event.ctrlKey || event.metaKey) return actOnHistory(key.toLowerCase(), event.shiftKey)
  if (event.altKey) return actOnTime(key)
  const view = useView.getState()
  const kind = VIEWS[key]
  if (kind) view.set({ kind })
  else if (key === 'n' || key === 'c') begin()
  else if (key === 't') goTo(today(view.zone))
  else if (key === 'j') step(1)
  else if (key === 'k') step(-1)
  else if (key === '/') document.querySelector<HTMLElement>('.search-input')?.focus()
  else if (key === '?') useShortcuts.setState({ open: true })
  else if (key === 'Escape') view.set(escaped(view))
  else return actOnEvent(key, root)
  return true
}

/** Escape closes what lies on top. */
function escaped({ drawer, panel }: ReturnType<typeof useView.getState>) {
  if (drawer) return { drawer: false }
  return panel ? { panel: null } : { selection: null }
}

/** What a key says; where letters are not Latin, what stands on it in Latin. */
function keyOf({ key, code }: KeyboardEvent): string {
  const isForeign = key.length === 1 && key > '\u007f'
  return (isForeign && /^Key([A-Z])$/.exec(code)?.[1]?.toLowerCase()) || key
}

function actOnHistory(letter: string, shiftKey: boolean): boolean {
  if (letter === 'z' && !shiftKey) undo()
  else if (letter === 'y' || letter === 'z') redo()
  else return false
  return true
}

/** Alt and an arrow move the selected event: sideways by a day, up and down by a quarter of an hour. */
function actOnTime(key: string): boolean {
  const by = {
    ArrowLeft: { days: -1 },
    ArrowRight: { days: 1 },
    ArrowUp: { minutes: -15 },
    ArrowDown: { minutes: 15 },
  }[key]
  const { selection } = useView.getState()
  const instance = instanceOf(selection)
  if (!by || !instance || !selection) return false
  void move(selection.project, instance, later(instance.when, by))
  return true
}

function actOnEvent(key: string, root: HTMLElement | null): boolean {
  const { selection, open } = useView.getState()
  if (key.startsWith('Arrow'))
    return root !== null && walk(root, key === 'ArrowRight' || key === 'ArrowDown' ? 1 : -1)
  if (!selection) return false
  if (key === 'Enter' || key === ' ') open(selection)
  else if (key === 'Delete' || key === 'Backspace') void remove(selection)
  else return false
  return true
}

/** Select and focus the next or previous event on screen. */
function walk(root: HTMLElement, by: number): boolean {
  const shown = [...root.querySelectorAll<HTMLElement>('[data-event]:not(.event-ghost)')]
  if (!shown.length) return false
  const { selection, select } = useView.getState()
  const at = shown.findIndex(
    ({ dataset }) =>
      dataset.event === selection?.event &&
      dataset.recurrence === (selection?.recurrenceId ?? '') &&
      dataset.project === selection?.project,
  )
  const next =
    at < 0
      ? shown[by > 0 ? 0 : shown.length - 1]
      : shown[Math.min(shown.length - 1, Math.max(0, at + by))]
  const { event = '', recurrence, project = '' } = next?.dataset ?? {}
  select({ project, event, recurrenceId: recurrence || null })
  next?.closest<HTMLElement>('[tabindex]')?.focus()
  next?.scrollIntoView({ block: 'nearest' })
  return true
}
