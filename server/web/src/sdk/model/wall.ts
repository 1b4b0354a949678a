/**
 * Local time as a number: milliseconds since 1970 on the clock on the wall, wherever that hangs.
 *
 * Days are whole numbers of 86,400,000; nothing here knows of zones, see zone.ts.
 */

export const DAY_MS = 86_400_000
export const FIRST_YEAR = 2
export const LAST_YEAR = 9998
export const BEGINNING = wallAt(FIRST_YEAR, 1, 1)
export const END = Date.UTC(LAST_YEAR, 11, 31, 23, 59, 59)

/** A date, or a local time to the second. */
export interface Local {
  readonly wall: number
  readonly isDate: boolean
}

const DATE = /^(\d{4})-(\d{2})-(\d{2})$/
const TIME = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})$/

/** `2026-03-01` or `2026-03-01T09:00:00`; null for anything else, and for what no calendar has. */
export function parseLocal(value: unknown): Local | null {
  if (typeof value !== 'string') return null
  const found = TIME.exec(value) ?? DATE.exec(value)
  if (!found) return null
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = found
    .slice(1)
    .map(Number)
  if (year < FIRST_YEAR || year > LAST_YEAR) return null
  const wall = wallAt(year, month, day) + ((hour * 60 + minute) * 60 + second) * 1000
  const isDate = found.length === 4
  return formatLocal(wall, isDate) === value ? { wall, isDate } : null
}

/** How a date or a local time is written in the document. */
export function formatLocal(wall: number, isDate: boolean): string {
  const text = new Date(wall).toISOString()
  return isDate ? text.slice(0, 10) : text.slice(0, 19)
}

/** Midnight of a day; `month` counts from 1 and may be beyond 12. */
export function wallAt(year: number, month: number, day: number): number {
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day) // Date.UTC takes the year 26 for 1926
  return date.getTime()
}

export function dayOf(wall: number): number {
  return Math.floor(wall / DAY_MS)
}

/** 0 is Monday. */
export function weekdayOf(day: number): number {
  return modulo(day + 3, 7)
}

export function yearOf(day: number): number {
  return new Date(day * DAY_MS).getUTCFullYear()
}

/** 1 to 12. */
export function monthOf(day: number): number {
  return new Date(day * DAY_MS).getUTCMonth() + 1
}

/** First day of a month and of the following one; `month` counts from 1. */
export function monthRange(year: number, month: number): readonly [number, number] {
  return [dayOf(wallAt(year, month, 1)), dayOf(wallAt(year, month + 1, 1))]
}

export function modulo(value: number, by: number): number {
  return ((value % by) + by) % by
}
