/**
 * Which days a recurrence rule takes, period by period. Days are counted since 1970.
 *
 * RFC 5545 tells rule parts that expand from parts that limit; over the days of one period both
 * come to the same: a day is taken when every part that is given takes it.
 */

import type { Rule } from './rule'
import { dayOf, LAST_YEAR, modulo, monthOf, monthRange, wallAt, weekdayOf, yearOf } from './wall'

export type DayTest = (day: number) => boolean

/** The first day of a year, month, week or day, and those of its days that may be taken. */
export interface Period {
  readonly begins: number
  readonly days: readonly number[]
}

interface Periods {
  /** The number of the period a moment is in. */
  index(wall: number, rule: Rule): number
  /** The period of a number; null past the end of the calendar. */
  days(index: number, rule: Rule): Period | null
}

const LAST_DAY = dayOf(wallAt(LAST_YEAR, 12, 31))

/**
 * The rule with what it leaves open about the day taken from its first start.
 *
 * RFC 5545 section 3.3.10: "Information, not contained in the rule, necessary to determine the
 * various recurrence instance start time and dates are derived from the Start Time".
 */
export function completed(rule: Rule, first: number): Rule {
  if (rule.byDay.length || rule.byMonthDay.length || rule.byYearDay.length) return rule
  const day = dayOf(first)
  const dayOfMonth = new Date(first).getUTCDate()
  if (rule.freq === 'WEEKLY' || (rule.freq === 'YEARLY' && rule.byWeekNo.length))
    return { ...rule, byDay: [[0, weekdayOf(day)]] }
  if (rule.freq === 'YEARLY') {
    const byMonth = rule.byMonth.length ? rule.byMonth : [monthOf(day)]
    return { ...rule, byMonth, byMonthDay: [dayOfMonth] }
  }
  return rule.freq === 'MONTHLY' ? { ...rule, byMonthDay: [dayOfMonth] } : rule
}

/** The tests a day must pass, the cheap ones first. `PERIODS` may have done some already. */
export function dayTests(rule: Rule): DayTest[] {
  const tests: DayTest[] = []
  if (rule.byDay.length) tests.push(onWeekdays(rule))
  if (rule.byMonth.length && rule.freq !== 'YEARLY' && rule.freq !== 'MONTHLY')
    tests.push((day) => rule.byMonth.includes(monthOf(day)))
  if (rule.byMonthDay.length) tests.push((day) => isAmong(rule.byMonthDay, placeInMonth(day)))
  if (rule.byYearDay.length) tests.push((day) => isAmong(rule.byYearDay, placeInYear(day)))
  if (rule.byWeekNo.length) tests.push((day) => isAmong(rule.byWeekNo, weekInYear(day, rule.wkst)))
  return tests
}

type Place = readonly [fromFront: number, fromBack: number]

/** BYDAY: any such weekday, or the nth of them in its month or year. */
function onWeekdays(rule: Rule): DayTest {
  const weekdays = new Set(rule.byDay.map(([, weekday]) => weekday))
  const counts = rule.freq === 'YEARLY' || rule.freq === 'MONTHLY'
  if (!counts || !rule.byDay.some(([nth]) => nth)) return (day) => weekdays.has(weekdayOf(day))
  const place = rule.freq === 'MONTHLY' || rule.byMonth.length ? placeInMonth : placeInYear
  const wanted = new Set(rule.byDay.map(([nth, weekday]) => nth * 7 + weekday))
  return (day) => {
    const weekday = weekdayOf(day)
    if (!weekdays.has(weekday)) return false
    const [front, back] = place(day)
    const ordinals = [0, Math.floor((front + 6) / 7), -Math.floor((6 - back) / 7)]
    return ordinals.some((ordinal) => wanted.has(ordinal * 7 + weekday))
  }
}

function isAmong(wanted: readonly number[], [front, back]: Place): boolean {
  return wanted.includes(front) || wanted.includes(back)
}

function placeInMonth(day: number): Place {
  const date = new Date(day * 86_400_000)
  const [, end] = monthRange(date.getUTCFullYear(), date.getUTCMonth() + 1)
  return [date.getUTCDate(), day - end]
}

function placeInYear(day: number): Place {
  const year = yearOf(day)
  return [day - dayOf(wallAt(year, 1, 1)) + 1, day - dayOf(wallAt(year + 1, 1, 1))]
}

/** "Week number one of the calendar year is the first week that contains at least four (4) days in
 * that calendar year": a week belongs to the year its fourth day is in. */
function weekInYear(day: number, wkst: number): Place {
  const [front, back] = placeInYear(day - modulo(weekdayOf(day) - wkst, 7) + 3)
  return [Math.floor((front + 6) / 7), -Math.floor((6 - back) / 7)]
}

function span(begins: number, end: number): number[] {
  return Array.from({ length: end - begins }, (_, at) => begins + at)
}

/** Rules by the hour and less go by days, too. */
export const PERIODS: Readonly<Record<'YEARLY' | 'MONTHLY' | 'WEEKLY' | 'DAILY', Periods>> = {
  YEARLY: {
    index: (wall) => yearOf(dayOf(wall)),
    days(year, rule) {
      if (year > LAST_YEAR) return null
      const begins = dayOf(wallAt(year, 1, 1))
      if (!rule.byMonth.length) return { begins, days: span(begins, dayOf(wallAt(year + 1, 1, 1))) }
      return { begins, days: rule.byMonth.flatMap((month) => span(...monthRange(year, month))) }
    },
  },
  MONTHLY: {
    index: (wall) => yearOf(dayOf(wall)) * 12 + monthOf(dayOf(wall)) - 1,
    days(index, rule) {
      const year = Math.floor(index / 12)
      if (year > LAST_YEAR) return null
      const month = modulo(index, 12) + 1
      const [begins, end] = monthRange(year, month)
      const isTaken = !rule.byMonth.length || rule.byMonth.includes(month)
      return { begins, days: isTaken ? span(begins, end) : [] }
    },
  },
  WEEKLY: {
    // Day -3 was a Monday.
    index: (wall, rule) => Math.floor((dayOf(wall) + 3 - rule.wkst) / 7),
    days(index, rule) {
      const begins = index * 7 - 3 + rule.wkst
      return begins + 7 < LAST_DAY ? { begins, days: span(begins, begins + 7) } : null
    },
  },
  DAILY: {
    index: (wall) => dayOf(wall),
    days: (day) => (day < LAST_DAY ? { begins: day, days: [day] } : null),
  },
}
