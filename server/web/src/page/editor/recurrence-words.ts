/** A recurrence in words, and the simple shapes that people choose from. */

import { formatRule, makeRule, parseRule, type Rule, WEEKDAYS } from '../../sdk/model/rule'
import { dayOf, formatLocal, parseLocal, weekdayOf } from '../../sdk/model/wall'
import type { Language } from '../i18n/messages'
import { lastDayOf, type Start } from './until'

/** The shapes of a rule that the editor can show. */
export const SHAPES = ['daily', 'weekdays', 'weekly', 'monthlyDay', 'monthlyNth', 'yearly'] as const
export type Shape = (typeof SHAPES)[number]

/** Monday to Friday. */
const WORKDAYS = [0, 1, 2, 3, 4]

/** The place of a date's weekday in its month: 1 to 4, or -1 for the last. */
export function nthOf(start: string): readonly [nth: number, weekday: number] {
  const wall = parseLocal(start)?.wall ?? 0
  const day = new Date(wall).getUTCDate()
  return [day > 28 ? -1 : Math.ceil(day / 7), weekdayOf(dayOf(wall))]
}

/** Which shape a rule is of; null for one that has to stay as it is. */
export function shapeOf(rule: Rule): Shape | null {
  const lists = [
    rule.byMonth,
    rule.byWeekNo,
    rule.byYearDay,
    rule.byMonthDay,
    rule.byHour,
    rule.byMinute,
    rule.bySecond,
    rule.bySetPos,
  ]
  const isBare = lists.every((list) => !list.length)
  const days = rule.byDay.length
  if (isBare && isEveryWeekday(rule)) return 'weekdays'
  if (rule.freq === 'DAILY' && isBare && !days) return 'daily'
  if (rule.freq === 'WEEKLY' && isBare && rule.byDay.every(([nth]) => !nth)) return 'weekly'
  if (rule.freq === 'YEARLY' && isBare && !days) return 'yearly'
  if (rule.freq !== 'MONTHLY') return null
  if (isBare && !days) return 'monthlyDay'
  if (isBare && days === 1) return ORDINALS[rule.byDay[0]?.[0] ?? 0] ? 'monthlyNth' : null
  const others = lists.filter((list) => list !== rule.byMonthDay)
  const [day = 0] = rule.byMonthDay
  const isSaid = rule.byMonthDay.length === 1 && (day > 0 || ORDINALS[day] !== undefined)
  return !days && isSaid && others.every((list) => !list.length) ? 'monthlyDay' : null
}

/** Every day or every week, from Monday to Friday: the same. */
function isEveryWeekday({ freq, interval, byDay }: Rule): boolean {
  if (interval !== 1 || (freq !== 'DAILY' && freq !== 'WEEKLY')) return false
  return (
    byDay.map(([nth, day]) => `${nth} ${day}`).join() === WORKDAYS.map((day) => `0 ${day}`).join()
  )
}

/** A rule of that shape for an event that begins then; its end is kept. */
export function ruleOf(shape: Shape, start: string, held: Rule | null): Rule {
  const [nth, weekday] = nthOf(start)
  const end = { count: held?.count ?? null, until: held?.until ?? null }
  switch (shape) {
    case 'daily':
      return makeRule({ freq: 'DAILY', ...end })
    case 'weekdays':
      return makeRule({
        freq: 'WEEKLY',
        byDay: WORKDAYS.map((day) => [0, day] as const),
        ...end,
      })
    case 'weekly':
      return makeRule({ freq: 'WEEKLY', byDay: [[0, weekday]], ...end })
    case 'monthlyDay':
      return makeRule({ freq: 'MONTHLY', ...end })
    case 'monthlyNth':
      return makeRule({ freq: 'MONTHLY', byDay: [[nth, weekday]], ...end })
    case 'yearly':
      return makeRule({ freq: 'YEARLY', ...end })
  }
}

/** The name of a weekday; 0 is Monday. */
export function weekdayName(
  weekday: number,
  language: Language,
  width: 'long' | 'short' | 'narrow' = 'long',
): string {
  return new Intl.DateTimeFormat(language, { weekday: width, timeZone: 'UTC' }).format(
    Date.UTC(2024, 0, 1 + weekday),
  )
}

/** A recurrence as people say it: "every 2 weeks on Monday and Friday, 10 times". */
export function recurrenceWords(
  rrule: string,
  start: string,
  language: Language,
  tz: string | null = null,
): string {
  const rule = parseRule(rrule)
  const shape = rule && shapeOf(rule)
  if (!rule || !shape) return rrule
  const until = untilDate(rule, { start, tz })
  return language === 'ko'
    ? `${korean(rule, shape, start)}${koreanEnd(rule, until)}`
    : `${english(rule, shape, start)}${englishEnd(rule, until)}`
}

const ORDINALS: Record<number, string> = {
  1: 'first',
  2: 'second',
  3: 'third',
  4: 'fourth',
  5: 'fifth',
  [-1]: 'last',
  [-2]: 'second to last',
  [-3]: 'third to last',
  [-4]: 'fourth to last',
  [-5]: 'fifth to last',
}
const ORDINALS_KO: Record<number, string> = {
  1: '첫째',
  2: '둘째',
  3: '셋째',
  4: '넷째',
  5: '다섯째',
  [-1]: '마지막',
  [-2]: '끝에서 둘째',
  [-3]: '끝에서 셋째',
  [-4]: '끝에서 넷째',
  [-5]: '끝에서 다섯째',
}

function english(rule: Rule, shape: Shape, start: string): string {
  const unit = {
    daily: 'day',
    weekdays: 'weekday',
    weekly: 'week',
    monthlyDay: 'month',
    monthlyNth: 'month',
    yearly: 'year',
  }[shape]
  const every = rule.interval === 1 ? `every ${unit}` : `every ${rule.interval} ${unit}s`
  return `${every}${englishDays(rule, shape, start)}`
}

function englishDays(rule: Rule, shape: Shape, start: string): string {
  const list = new Intl.ListFormat('en', { type: 'conjunction' })
  const names = rule.byDay.map(([, day]) => weekdayName(day, 'en'))
  const [nth = 1] = rule.byDay[0] ?? []
  if (shape === 'weekly') return names.length ? ` on ${list.format(names)}` : ''
  if (shape === 'monthlyNth') return ` on the ${ORDINALS[nth]} ${names[0]}`
  if (shape !== 'monthlyDay') return ''
  const day = monthDayOf(rule, start)
  return day > 0 ? ` on day ${day}` : ` on the ${ORDINALS[day]} day`
}

/** The day of the month on which it takes place; below zero from its end. */
function monthDayOf({ byMonthDay }: Rule, start: string): number {
  return byMonthDay[0] ?? Number(start.slice(8, 10))
}

function englishEnd({ count }: Rule, until: string): string {
  if (count !== null) return count === 1 ? ', once' : `, ${count} times`
  return until && `, until ${dateWords(until, 'en')}`
}

function korean(rule: Rule, shape: Shape, start: string): string {
  const { interval } = rule
  const every = {
    daily: interval === 1 ? '매일' : `${interval}일마다`,
    weekdays: '평일마다',
    weekly: interval === 1 ? '매주' : `${interval}주마다`,
    monthlyDay: interval === 1 ? '매월' : `${interval}개월마다`,
    monthlyNth: interval === 1 ? '매월' : `${interval}개월마다`,
    yearly: interval === 1 ? '매년' : `${interval}년마다`,
  }[shape]
  return `${every}${koreanDays(rule, shape, start)}`
}

function koreanDays(rule: Rule, shape: Shape, start: string): string {
  const [nth = 1, weekday = 0] = rule.byDay[0] ?? []
  if (shape === 'weekly' && rule.byDay.length)
    return ` ${rule.byDay.map(([, day]) => weekdayName(day, 'ko')).join('·')}`
  if (shape === 'monthlyNth') return ` ${ORDINALS_KO[nth]} ${weekdayName(weekday, 'ko')}`
  if (shape !== 'monthlyDay') return ''
  const day = monthDayOf(rule, start)
  return day > 0 ? ` ${day}일` : ` ${ORDINALS_KO[day]} 날`
}

function koreanEnd({ count }: Rule, until: string): string {
  if (count !== null) return `, ${count}회`
  return until && `, ${dateWords(until, 'ko')}까지`
}

function dateWords(date: string, language: Language): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeZone: 'UTC' }).format(
    Date.parse(date),
  )
}

/** The last day of a series, for a date field; without its start the date that UNTIL says. */
export function untilDate(rule: Rule, series?: Start): string {
  if (series) return lastDayOf(rule, series)
  return rule.until ? formatLocal(rule.until.wall, true) : ''
}

export { formatRule, parseRule, WEEKDAYS }
