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

const DATE_LENGTH = 10
const TIME_LENGTH = 19
const ZERO = 48

/** `2026-03-01` or `2026-03-01T09:00:00`; null for anything else, and for what no calendar has. */
export function parseLocal(value: unknown): Local | null {
  if (typeof value !== 'string') return null
  const isDate = value.length === DATE_LENGTH
  if (!isDate && value.length !== TIME_LENGTH) return null
  const [year, month, day] = [digits(value, 0, 4), digits(value, 5, 7), digits(value, 8, 10)]
  if (value[4] !== '-' || value[7] !== '-' || !(year >= FIRST_YEAR && year <= LAST_YEAR))
    return null
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month))) return null
  const midnight = wallAt(year, month, day)
  if (isDate) return { wall: midnight, isDate }
  const [hour, minute, second] = [
    digits(value, 11, 13),
    digits(value, 14, 16),
    digits(value, 17, 19),
  ]
  if (value[10] !== 'T' || value[13] !== ':' || value[16] !== ':') return null
  if (!(hour < 24 && minute < 60 && second < 60)) return null
  return { wall: midnight + ((hour * 60 + minute) * 60 + second) * 1000, isDate }
}

/** The number that these digits are; NaN when one is none. A regular expression takes five times as long. */
function digits(text: string, from: number, to: number): number {
  let number = 0
  for (let at = from; at < to; at += 1) {
    const digit = text.charCodeAt(at) - ZERO
    if (!(digit >= 0 && digit <= 9)) return Number.NaN
    number = number * 10 + digit
  }
  return number
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** How a date or a local time is written in the document. */
export function formatLocal(wall: number, isDate: boolean): string {
  const text = new Date(wall).toISOString()
  return isDate ? text.slice(0, 10) : text.slice(0, 19)
}

/** Midnight of a day; `month` counts from 1 and may be beyond 12. */
export function wallAt(year: number, month: number, day: number): number {
  if (year >= 100) return Date.UTC(year, month - 1, day)
  return new Date(0).setUTCFullYear(year, month - 1, day) // Date.UTC takes the year 26 for 1926
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
