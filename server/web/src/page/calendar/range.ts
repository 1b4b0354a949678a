/** Going from one month, week or day to the next, and what the range is called. */

import { formatLocal, parseLocal, wallAt } from '../../sdk/model/wall'
import { useView, type ViewKind } from '../view'
import { useVisible } from './visible'

const DAYS: Partial<Record<ViewKind, number>> = { week: 7, day: 1 }

/** The date so many steps of a view later. The 31st of a month without one is its last day. */
export function stepped(kind: ViewKind, date: string, by: number): string {
  const wall = parseLocal(date)?.wall ?? 0
  const days = DAYS[kind]
  if (days) return formatLocal(wall + by * days * 86_400_000, true)
  const day = new Date(wall)
  const [year, month] = [day.getUTCFullYear(), day.getUTCMonth() + 1 + by]
  const last = new Date(wallAt(year, month + 1, 0)).getUTCDate()
  return formatLocal(wallAt(year, month, Math.min(day.getUTCDate(), last)), true)
}

/** Show what comes so many steps later. */
export function step(by: number): void {
  const { kind, date, set } = useView.getState()
  set({ date: stepped(kind, date, by) })
}

/** Go to a date, or to a local time: to where it is on the page, too. */
export function goTo(start: string): void {
  const date = start.slice(0, 10)
  useView.getState().set({ date })
  useVisible.setState({ sought: { date, time: start.slice(11) || undefined } })
}

/** What a range is called: "November 2026", "16–22 November 2026". `end` is exclusive. */
export function rangeTitle(kind: ViewKind, start: string, end: string, language: string): string {
  const [from, to] = [parseLocal(start), parseLocal(end)]
  if (!from || !to) return ''
  const isMonth = kind === 'month' || kind === 'list'
  const style: Intl.DateTimeFormatOptions = isMonth
    ? { year: 'numeric', month: 'long' }
    : {
        year: 'numeric',
        month: 'short',
        day: 'numeric',
        ...(kind === 'day' && { weekday: 'short' }),
      }
  const format = new Intl.DateTimeFormat(language, { ...style, timeZone: 'UTC' })
  if (isMonth || kind === 'day') return format.format(from.wall)
  return format.formatRange(from.wall, to.wall - 86_400_000)
}
