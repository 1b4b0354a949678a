/** The last day of a series, as people choose it and as RFC 5545 (section 3.3.10) wants it written. */

import {
  formatRule,
  parseRule,
  type Rule,
  type Until,
  untilBefore,
  untilOnWall,
} from '../../sdk/model/rule'
import { Series } from '../../sdk/model/series'
import { DAY_MS, formatLocal, modulo, parseLocal } from '../../sdk/model/wall'
import { spanOf } from '../../sdk/model/when'
import type { Recurrence, When } from '../../sdk/types'

/** Where a series begins: a `when`, or that much of it. */
export type Start = Pick<When, 'start' | 'tz'>

/** The bound that lets in all of that day: a date, a local time, or an instant, as the start is. */
export function untilEndOf(date: string, { start, tz }: Start): Until | null {
  const day = parseLocal(date)
  const first = parseLocal(start)
  if (!day?.isDate || !first) return null
  return untilBefore(day.wall + DAY_MS, first.isDate, tz)
}

/** The last day on which the bound of a rule lets the series begin an instance; '' without a bound. */
export function lastDayOf({ until }: Rule, { start, tz }: Start): string {
  const first = parseLocal(start)
  if (!until || !first) return ''
  const bound = untilOnWall(until, first.isDate, tz)
  const time = modulo(first.wall, DAY_MS)
  return formatLocal(Math.floor((bound - time) / DAY_MS) * DAY_MS, true)
}

/** The day of the tenth instance: a last day to begin with. */
export function tenthDayOf(rule: Rule, when: When): string {
  const span = spanOf(when)
  const rrule = formatRule({ ...rule, count: 10, until: null })
  return span ? formatLocal(new Series(span, { rrule }).last ?? span.start, true) : ''
}

/** A recurrence for another `when`: its last day stays, written as that one wants it. */
export function fittedTo(recurrence: Recurrence, held: When, when: When): Recurrence {
  const rule = recurrence.rrule ? parseRule(recurrence.rrule) : null
  if (!rule?.until || !spanOf(held) || !spanOf(when)) return recurrence
  const until = untilEndOf(lastDayOf(rule, held), when)
  return until ? { ...recurrence, rrule: formatRule({ ...rule, until }) } : recurrence
}
