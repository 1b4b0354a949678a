/** A series: the starts that a recurrence gives an event, and what becomes of it when it is moved. */

import type { Override, Recurrence, When } from '../types'
import { Budget, LOOKS, Plan } from './moments'
import { daysLater, formatRule, parseRule, type Rule, untilBefore, untilOnWall } from './rule'
import { BEGINNING, DAY_MS, dayOf, END, formatLocal, parseLocal, weekdayOf } from './wall'
import { type Span, startingAt, whenOf } from './when'

/** An event's time and recurrence, ready to be expanded. Everything is local to the event's zone. */
export class Series {
  readonly span: Span
  readonly rule: Rule | null
  readonly extra: readonly number[]
  readonly #plan: Plan | null
  /** The local time after which the rule yields nothing; null when it goes on for ever. */
  readonly bound: number | null

  constructor(span: Span, recurrence: Recurrence) {
    this.span = span
    this.rule = recurrence.rrule === null ? null : parseRule(recurrence.rrule)
    this.extra = (recurrence.rdate ?? []).flatMap((text) => extraStart(text, span))
    this.#plan = this.rule && new Plan(this.rule, span.start)
    this.bound = this.#bound()
  }

  /** A local time no start comes after; null when the series goes on for ever. */
  get last(): number | null {
    return this.bound === null ? null : Math.max(this.bound, this.span.start, ...this.extra)
  }

  /** The starts from `lo` to before `hi`, sorted; what was found when the budget is spent. */
  starts(lo: number, hi: number, budget = new Budget()): number[] {
    const fixed = [this.span.start, ...this.extra].filter((start) => start >= lo && start < hi)
    const all = [...fixed, ...this.#byRule(lo, hi, budget)]
    const found = new Set(this.span.allDay ? all.map((start) => dayOf(start) * DAY_MS) : all)
    return [...found].sort((a, b) => a - b)
  }

  /** Whether an instance starts there. */
  has(start: number): boolean {
    return this.starts(start, start + (this.span.allDay ? DAY_MS : 1000)).includes(start)
  }

  /** The start that a recurrence id names; null when no instance has that id. */
  startOf(recurrenceId: string): number | null {
    const { allDay } = this.span
    const local = parseLocal(recurrenceId)
    return local && local.isDate === allDay && this.has(local.wall) ? local.wall : null
  }

  /** How many instances of the rule precede `start`, the first one included; null past counting. */
  countBefore(start: number): number | null {
    const budget = new Budget()
    const earlier = this.#byRule(this.span.start, start, budget)
    return budget.exhausted ? null : 1 + earlier.length
  }

  #byRule(lo: number, hi: number, budget: Budget): number[] {
    const stop = this.bound === null ? hi : Math.min(hi, this.bound + 1000)
    const found: number[] = []
    if (!this.#plan || lo >= stop) return found
    for (const moment of this.#plan.moments(lo, stop, budget)) {
      if (!budget.find()) break
      found.push(moment)
    }
    return found
  }

  #bound(): number | null {
    const { rule, span } = this
    if (!rule) return span.start
    if (rule.until) return untilOnWall(rule.until, span.allDay, span.tz)
    return rule.count === null ? null : this.#lastCounted(rule, rule.count)
  }

  /** The start at which COUNT is reached; the last one found when the budget is spent. */
  #lastCounted(rule: Rule, count: number): number {
    const summed = lastBySums(rule, count, this.span.start)
    if (summed !== null) return summed
    let last = this.span.start
    let number = 1
    for (const moment of this.#plan?.moments(last, END, new Budget(20 * LOOKS)) ?? []) {
      if (++number > count) break
      last = moment
    }
    return last
  }
}

/** The recurrence of what comes before the instance at `start`, and of it and the rest; null when
 * the series cannot be split there. A COUNT is shared out; any other series ends by UNTIL. */
export function split(
  span: Span,
  recurrence: Recurrence,
  start: number,
): [Recurrence, Recurrence] | null {
  const series = new Series(span, recurrence)
  const { rule } = series
  if (!rule || !new Series(span, { rrule: recurrence.rrule }).has(start)) return null
  const before = ended(rule, series, start)
  const isShared = rule.count !== null && before.count !== null
  const after = isShared ? { ...rule, count: rule.count - before.count } : rule
  const [earlier, later] = datesAround(recurrence, span, start)
  return [recurrenceOf(formatRule(before), earlier), recurrenceOf(formatRule(after), later)]
}

/**
 * The same at an extra date, after the first start. There is no rest (null) where the rule goes on
 * after that date: begun there, it would yield other days.
 */
export function splitAtDate(
  span: Span,
  recurrence: Recurrence,
  start: number,
): [Recurrence, Recurrence | null] {
  const series = new Series(span, recurrence)
  const { rule, bound } = series
  const [earlier, later] = datesAround(recurrence, span, start)
  if (rule && (bound === null || bound >= start))
    return [recurrenceOf(formatRule(ended(rule, series, start)), earlier), null]
  const before = rule
    ? recurrenceOf(recurrence.rrule, earlier)
    : datesFrom(span, span.start, earlier)
  return [before, datesFrom(span, start, later)]
}

/** The rule of a series, ended before `start`: a COUNT is cut down, any other ends by UNTIL. */
function ended(rule: Rule, series: Series, start: number): Rule {
  const count = rule.count === null ? null : series.countBefore(start)
  const { allDay, tz } = series.span
  return { ...rule, count, until: count === null ? untilBefore(start, allDay, tz) : null }
}

/** The extra dates before `start`, and those after it. */
function datesAround({ rdate = [] }: Recurrence, span: Span, start: number): [string[], string[]] {
  const by = (isMeant: (date: number) => boolean) =>
    rdate.filter((text) => extraStart(text, span).some(isMeant))
  return [by((date) => date < start), by((date) => date > start)]
}

/** A series of extra dates. Without any the start itself is one: what has no recurrence is no series,
 * and has no overrides. */
function datesFrom(span: Span, start: number, rdate: readonly string[]): Recurrence {
  return { rrule: null, rdate: rdate.length ? rdate : [formatLocal(start, span.allDay)] }
}

export interface Shift {
  readonly recurrence: Recurrence
  /** The overrides under their new recurrence ids. */
  readonly overrides: ReadonlyMap<string, Override>
}

/**
 * What else to write when a series is given another first start, so that it moves as a whole.
 *
 * Overrides, extra dates and the bound of the rule move along, and so do the weekdays of a weekly
 * rule. null when a series of times becomes one of days or the other way round.
 */
export function shifted(
  held: Span,
  recurrence: Recurrence,
  overrides: ReadonlyMap<string, Override>,
  when: Span,
): Shift | null {
  if (held.allDay !== when.allDay) return null
  const rule = recurrence.rrule === null ? null : parseRule(recurrence.rrule)
  const by = follows(rule, held, when)
  const later = (text: string) => laterBy(text, by)
  const moved = new Map([...overrides].map(([id, override]) => [later(id), override]))
  return { recurrence: moveRecurrence(recurrence, rule, held, when, by), overrides: moved }
}

/** The first `when` of a series that takes over at an instance. */
export function whenFrom(span: Span, start: number): When {
  return whenOf(startingAt(span, start))
}

/** How far the instances move when the first start does: not where the rule itself says where.
 * The second Monday of a month stays one when the first instance is put on a Tuesday. */
function follows(rule: Rule | null, held: Span, when: Span): number {
  const by = when.start - held.start
  if (!rule) return by
  if (rule.byHour.length || rule.byMinute.length || rule.bySecond.length) return 0
  const saysDays = rule.byMonthDay.length || rule.byYearDay.length
  if (saysDays || (rule.byDay.length && rule.freq !== 'WEEKLY'))
    return by - (dayOf(when.start) - dayOf(held.start)) * DAY_MS
  return by
}

function moveRecurrence(
  recurrence: Recurrence,
  rule: Rule | null,
  held: Span,
  when: Span,
  by: number,
): Recurrence {
  const rdate = (recurrence.rdate ?? []).map((date) => laterBy(date, by))
  if (!rule) return recurrenceOf(null, rdate)
  const days = dayOf(held.start + by) - dayOf(held.start)
  let moved = withMovedBound(rule, held, when, by)
  if (rule.freq === 'WEEKLY' && days % 7) moved = daysLater(moved, days)
  return recurrenceOf(moved === rule ? recurrence.rrule : formatRule(moved), rdate)
}

function withMovedBound(rule: Rule, held: Span, when: Span, by: number): Rule {
  if (!rule.until || (!by && held.tz === when.tz)) return rule
  if (rule.until.isDate) {
    const days = dayOf(held.start + by) - dayOf(held.start)
    return { ...rule, count: null, until: { ...rule.until, wall: rule.until.wall + days * DAY_MS } }
  }
  const bound = untilOnWall(rule.until, held.allDay, held.tz) + by + 1000
  return { ...rule, count: null, until: untilBefore(bound, when.allDay, when.tz) }
}

function laterBy(text: string, by: number): string {
  const local = parseLocal(text)
  return local
    ? formatLocal(Math.min(Math.max(local.wall + by, BEGINNING), END), local.isDate)
    : text
}

function recurrenceOf(rrule: string | null, rdate: readonly string[]): Recurrence {
  return rdate.length ? { rrule, rdate } : { rrule }
}

/** Extra dates as starts; a bare date has the time of the series. */
function extraStart(text: string, span: Span): number[] {
  const local = parseLocal(text)
  if (!local) return []
  const midnight = dayOf(local.wall) * DAY_MS
  if (span.allDay) return [midnight]
  return [local.isDate ? midnight + (span.start - dayOf(span.start) * DAY_MS) : local.wall]
}

/** The last of so many starts without walking, for what most series are; null for all others. */
function lastBySums(rule: Rule, count: number, first: number): number | null {
  const isPlain = [
    rule.byMonth,
    rule.byWeekNo,
    rule.byYearDay,
    rule.byMonthDay,
    rule.byHour,
    rule.byMinute,
    rule.bySecond,
    rule.bySetPos,
  ].every((list) => !list.length)
  if (!isPlain) return null
  if (rule.freq === 'DAILY' && !rule.byDay.length)
    return Math.min(END, first + (count - 1) * rule.interval * DAY_MS)
  if (rule.freq === 'WEEKLY')
    return Math.min(END, first + daysOfWeekly(rule, count - 1, weekdayOf(dayOf(first))) * DAY_MS)
  return null
}

/** How many days after the first a rule of weekdays yields its `further`-th moment. */
function daysOfWeekly(rule: Rule, further: number, firstWeekday: number): number {
  if (!further) return 0
  const weekdays = rule.byDay.length ? rule.byDay.map(([, day]) => day) : [firstWeekday]
  const place = (day: number) => (day - rule.wkst + 7) % 7
  const places = [...new Set(weekdays.map(place))].sort((a, b) => a - b)
  const own = place(firstWeekday)
  const rest = places.filter((at) => at > own)
  if (further <= rest.length) return (rest[further - 1] as number) - own
  const left = further - rest.length - 1
  const weeks = Math.floor(left / places.length)
  return (weeks + 1) * rule.interval * 7 + (places[left % places.length] as number) - own
}
