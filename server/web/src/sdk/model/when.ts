/** `when` of an event: reading it, moving it, and the instants it stands for. */

import type { When } from '../types'
import { formatLocal, type Local, parseLocal } from './wall'
import { instantOf, isZone, wallOf } from './zone'

/** A `when` with its ends as numbers, see wall.ts. */
export interface Span {
  readonly start: number
  readonly end: number
  readonly allDay: boolean
  readonly tz: string | null
}

/** Read the document's plain value; null for what is malformed. */
export function readWhen(value: unknown): When | null {
  if (!isRecord(value) || !spanOf(value)) return null
  // Each of them can be written in one way only: they are as we would write them.
  return {
    start: value.start as string,
    end: value.end as string,
    tz: (value.tz ?? null) as string | null,
  }
}

/** The span of a `when`; null for what is malformed. */
export function spanOf(value: When | Record<string, unknown>): Span | null {
  const start = parseLocal(value.start)
  const end = parseLocal(value.end)
  const tz = value.tz ?? null
  if (!start || !end || start.isDate !== end.isDate) return null
  if (start.isDate ? tz !== null || end.wall <= start.wall : end.wall < start.wall) return null
  if (tz !== null && !isZone(tz)) return null
  return { start: start.wall, end: end.wall, allDay: start.isDate, tz }
}

export function whenOf({ start, end, allDay, tz }: Span): When {
  return { start: formatLocal(start, allDay), end: formatLocal(end, allDay), tz }
}

/** The same length and zone from another start. */
export function startingAt(span: Span, start: number): Span {
  return { ...span, start, end: start + span.end - span.start }
}

/** First instant and the one after the last. `zone`: for whole days and floating times. */
export function instantsOf(span: Span, zone: string): readonly [number, number] {
  const own = span.tz ?? zone
  const start = instantOf(span.start, own)
  const end = instantOf(span.end, own)
  // 02:30 to 03:00 in a night without a 02:30: the start is put off past the end.
  return [start, end >= start ? end : start + span.end - span.start]
}

/** A timed `when` as the clock in another zone shows it. */
export function inZone(span: Span, zone: string): Span {
  if (span.allDay || span.tz === null || span.tz === zone) return span
  const [start, end] = instantsOf(span, zone)
  const [from, to] = [wallOf(start, zone), wallOf(end, zone)]
  // In the night whose clocks go back the wall can show an end before the start: keep the length.
  return { start: from, end: to >= from ? to : from + end - start, allDay: false, tz: zone }
}

export function localOf(value: unknown, isDate: boolean): Local | null {
  const local = parseLocal(value)
  return local && local.isDate === isDate ? local : null
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
