/** The recurrence rule of RFC 5545 section 3.3.10, as a value. */

import { FIRST_YEAR, formatLocal, LAST_YEAR, wallAt } from './wall'
import { instantOf, wallOf } from './zone'

export const FREQUENCIES = [
  'YEARLY',
  'MONTHLY',
  'WEEKLY',
  'DAILY',
  'HOURLY',
  'MINUTELY',
  'SECONDLY',
] as const
export const WEEKDAYS = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'] as const
export type Frequency = (typeof FREQUENCIES)[number]

const LONGEST_TEXT = 4_000
const LARGEST_NUMBER = 10 ** 10

/** The last moment a rule may reach: a day, a local time, or (`utc`) an instant. */
export interface Until {
  readonly wall: number
  readonly isDate: boolean
  readonly utc: boolean
}

/** One RRULE, its parts checked. `byDay` holds pairs of ordinal (or 0) and weekday (0: Monday). */
export interface Rule {
  readonly freq: Frequency
  readonly interval: number
  readonly count: number | null
  readonly until: Until | null
  readonly wkst: number
  readonly byMonth: readonly number[]
  readonly byWeekNo: readonly number[]
  readonly byYearDay: readonly number[]
  readonly byMonthDay: readonly number[]
  readonly byDay: readonly (readonly [number, number])[]
  readonly byHour: readonly number[]
  readonly byMinute: readonly number[]
  readonly bySecond: readonly number[]
  readonly bySetPos: readonly number[]
}

type ListField =
  | 'byMonth'
  | 'byWeekNo'
  | 'byYearDay'
  | 'byMonthDay'
  | 'byHour'
  | 'byMinute'
  | 'bySecond'
  | 'bySetPos'

const LISTS: Readonly<Record<string, readonly [ListField, number, number, boolean]>> = {
  BYMONTH: ['byMonth', 1, 12, false],
  BYWEEKNO: ['byWeekNo', 1, 53, true],
  BYYEARDAY: ['byYearDay', 1, 366, true],
  BYMONTHDAY: ['byMonthDay', 1, 31, true],
  BYHOUR: ['byHour', 0, 23, false],
  BYMINUTE: ['byMinute', 0, 59, false],
  BYSECOND: ['bySecond', 0, 60, false],
  BYSETPOS: ['bySetPos', 1, 366, true],
}

const PLAIN: Rule = {
  freq: 'DAILY',
  interval: 1,
  count: null,
  until: null,
  wkst: 0,
  byMonth: [],
  byWeekNo: [],
  byYearDay: [],
  byMonthDay: [],
  byDay: [],
  byHour: [],
  byMinute: [],
  bySecond: [],
  bySetPos: [],
}

class Malformed extends Error {}

const PARSED = new Map<string, Rule | null>()

/** Read `FREQ=WEEKLY;BYDAY=MO`; null for what is no rule. */
export function parseRule(text: string): Rule | null {
  let rule = PARSED.get(text)
  if (rule === undefined) {
    rule = readRule(text)
    if (PARSED.size > 4096) PARSED.clear()
    PARSED.set(text, rule)
  }
  return rule
}

/** A rule with nothing but its frequency and what is given. */
export function makeRule(parts: Partial<Rule> & { freq: Frequency }): Rule {
  return { ...PLAIN, ...parts }
}

/** The rule as RRULE, its parts in the order of the RFC. */
export function formatRule(rule: Rule): string {
  const parts: [string, string][] = [
    ['FREQ', rule.freq],
    ['UNTIL', rule.until ? formatUntil(rule.until) : ''],
    ['COUNT', rule.count === null ? '' : String(rule.count)],
    ['INTERVAL', rule.interval === 1 ? '' : String(rule.interval)],
    ['WKST', rule.wkst ? (WEEKDAYS[rule.wkst] ?? '') : ''],
    ['BYDAY', rule.byDay.map(([nth, day]) => `${nth || ''}${WEEKDAYS[day]}`).join(',')],
    ...Object.entries(LISTS).map(([name, [field]]): [string, string] => [
      name,
      rule[field].join(','),
    ]),
  ]
  return parts
    .filter(([, value]) => value)
    .map((part) => part.join('='))
    .join(';')
}

/** The bound as a local time to compare with the starts of a series that begins in that form. */
export function untilOnWall(until: Until, allDay: boolean, zone: string | null): number {
  if (until.isDate) return until.wall + 86_399_000
  if (allDay) return Math.floor(until.wall / 86_400_000) * 86_400_000
  return until.utc && zone !== null ? wallOf(until.wall, zone) : until.wall
}

/** The bound that lets in everything earlier than `start`. */
export function untilBefore(start: number, allDay: boolean, zone: string | null): Until {
  if (allDay) return { wall: start - 86_400_000, isDate: true, utc: false }
  if (zone === null) return { wall: start - 1000, isDate: false, utc: false }
  return { wall: instantOf(start, zone) - 1000, isDate: false, utc: true }
}

/** A weekly rule, its weekdays so many days later. */
export function daysLater(rule: Rule, days: number): Rule {
  const later = (day: number) => (((day + days) % 7) + 7) % 7
  const byDay = rule.byDay.map(([nth, day]) => [nth, later(day)] as const).sort(byNthThenDay)
  const weeksMatter = rule.interval > 1 || rule.bySetPos.length > 0
  return { ...rule, wkst: weeksMatter ? later(rule.wkst) : rule.wkst, byDay }
}

function byNthThenDay(one: readonly [number, number], other: readonly [number, number]): number {
  return one[0] - other[0] || one[1] - other[1]
}

function readRule(text: string): Rule | null {
  try {
    if (text.length > LONGEST_TEXT) throw new Malformed()
    const parts = splitRule(text.toUpperCase())
    const freq = parts.get('FREQ')
    if (!FREQUENCIES.includes(freq as Frequency) || (parts.has('COUNT') && parts.has('UNTIL')))
      return null
    parts.delete('FREQ')
    const rule: Rule = { ...PLAIN, freq: freq as Frequency }
    for (const [name, value] of parts) Object.assign(rule, readPart(name, value))
    return rule
  } catch (error) {
    if (error instanceof Malformed) return null
    throw error
  }
}

function splitRule(text: string): Map<string, string> {
  const parts = new Map<string, string>()
  for (const piece of text.trim().replace(/;+$/, '').split(';')) {
    const at = piece.indexOf('=')
    const name = piece.slice(0, at).trim()
    const value = piece.slice(at + 1).trim()
    if (at < 0 || !value || parts.has(name)) throw new Malformed()
    parts.set(name, value)
  }
  return parts
}

function readPart(name: string, value: string): Partial<Rule> {
  const list = LISTS[name]
  if (list) return { [list[0]]: readList(value, list[1], list[2], list[3]) }
  if (name === 'INTERVAL') return { interval: positive(value) }
  if (name === 'COUNT') return { count: positive(value) }
  if (name === 'UNTIL') return { until: readUntil(value) }
  if (name === 'WKST') return { wkst: weekday(value) }
  if (name === 'BYDAY') return { byDay: readByDay(value) }
  if (name.startsWith('X-')) return {} // RFC 2445 let anybody add parts; they say nothing about when
  throw new Malformed()
}

function readList(value: string, least: number, most: number, signed: boolean): number[] {
  const numbers = [...new Set(value.split(',').map(number))].sort((one, other) => one - other)
  for (const found of numbers) {
    const size = signed ? Math.abs(found) : found
    if (size < least || size > most) throw new Malformed()
  }
  return numbers
}

function readByDay(value: string): [number, number][] {
  const days = new Map<string, [number, number]>()
  for (const item of value.split(',')) {
    const found = /^([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)$/.exec(item.trim())
    const nth = Number(found?.[1] ?? 0)
    if (!found || (found[1] && (Math.abs(nth) < 1 || Math.abs(nth) > 53))) throw new Malformed()
    const day = weekday(found[2] ?? '')
    days.set(`${nth} ${day}`, [nth, day])
  }
  return [...days.values()].sort((one, other) => one[1] - other[1] || one[0] - other[0])
}

function readUntil(value: string): Until {
  const found = /^(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})(Z?))?$/.exec(value)
  if (!found) throw new Malformed()
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found
    .slice(1, 7)
    .map((part) => Number(part ?? 0))
  const isDate = found[4] === undefined
  const midnight = wallAt(year, month, day)
  if (month < 1 || hour > 23 || minute > 59 || second > 59) throw new Malformed()
  if (formatLocal(midnight, true).slice(-5) !== `${found[2]}-${found[3]}`) throw new Malformed()
  const wall = midnight + ((hour * 60 + minute) * 60 + second) * 1000
  return { wall: withinCalendar(wall, year), isDate, utc: Boolean(found[7]) }
}

/** Bring 99991231T235959Z, which many write for "for ever", within reach. */
function withinCalendar(wall: number, year: number): number {
  if (year > LAST_YEAR) return wallAt(LAST_YEAR, 12, 31)
  return year < FIRST_YEAR ? wallAt(FIRST_YEAR, 1, 1) : wall
}

function formatUntil({ wall, isDate, utc }: Until): string {
  const text = formatLocal(wall, isDate).replace(/[-:]/g, '')
  return utc ? `${text}Z` : text
}

function positive(text: string): number {
  const found = number(text)
  if (found < 1 || found > LARGEST_NUMBER) throw new Malformed()
  return found
}

function number(text: string): number {
  if (!/^[+-]?\d{1,11}$/.test(text.trim())) throw new Malformed()
  return Number(text)
}

function weekday(text: string): number {
  const found = WEEKDAYS.indexOf(text as (typeof WEEKDAYS)[number])
  if (found < 0) throw new Malformed()
  return found
}
