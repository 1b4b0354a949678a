/**
 * Between the clock of the page's zone, which FullCalendar draws, and the times of events.
 *
 * FullCalendar runs in "UTC" and is given wall clocks; what zones do is our own model's matter.
 */

import { formatLocal, parseLocal } from '../../sdk/model/wall'
import { inZone, type Span, spanOf, whenOf } from '../../sdk/model/when'
import { instantOf, wallOf } from '../../sdk/model/zone'
import type { When } from '../../sdk/types'

/** A `when` as FullCalendar takes it, on the clock of `zone`. */
export function onClock(when: When, zone: string): { start: string; end: string; allDay: boolean } {
  const span = spanOf(when)
  if (!span) return { start: when.start, end: when.end, allDay: false }
  const shown = inZone(span, zone)
  return { ...whenOf(shown), allDay: shown.allDay }
}

/**
 * What FullCalendar says of a drag, as the new `when` of an event that had `held`.
 *
 * A timed event keeps its own zone, a floating one stays floating; whole days that become times are
 * in the page's zone.
 */
export function fromClock(
  held: When | null,
  start: Date,
  end: Date | null,
  allDay: boolean,
  zone: string,
): When {
  const from = start.getTime()
  const to = end?.getTime() ?? from + (allDay ? 86_400_000 : 3_600_000)
  if (allDay) return { start: formatLocal(from, true), end: formatLocal(to, true), tz: null }
  const wasTimed = held?.start.includes('T')
  const own = wasTimed ? (held?.tz ?? null) : zone
  const drawn = { start: from, end: to, allDay, tz: own === null ? null : zone }
  return whenOf(own === null ? drawn : inZone(drawn, own))
}

/** The same event so many days, or minutes, later. */
export function later(when: When, by: { days?: number; minutes?: number }): When {
  const span = spanOf(when)
  if (!span) return when
  const ms = (by.days ?? 0) * 86_400_000 + (span.allDay ? 0 : (by.minutes ?? 0) * 60_000)
  return whenOf({ ...span, start: span.start + ms, end: span.end + ms })
}

/** Midnight of a date on the clock of `zone`, as an instant. */
export function instantOfDate(date: string, zone: string): number {
  return instantOf(parseLocal(date)?.wall ?? 0, zone)
}

/** An hour from the next full hour on, or from nine o'clock on another day than today. */
export function nextHour(date: string, zone: string, now = Date.now()): When {
  const wall = wallOf(now, zone)
  const isToday = formatLocal(wall, true) === date
  const hour = isToday ? Math.min(23, new Date(wall).getUTCHours() + 1) : 9
  const start = (parseLocal(date)?.wall ?? wall) + hour * 3_600_000
  return whenOf({ start, end: start + 3_600_000, allDay: false, tz: zone })
}

export type { Span }
