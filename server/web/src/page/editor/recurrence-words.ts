/** A recurrence in words, and the simple shapes that people choose from. */

import { formatRule, makeRule, parseRule, type Rule, WEEKDAYS } from '../../sdk/model/rule'
import { dayOf, formatLocal, parseLocal, weekdayOf } from '../../sdk/model/wall'
import type { Language } from '../i18n/messages'

/** The shapes of a rule that the editor can show. */
export const SHAPES = ['daily', 'weekly', 'monthlyDay', 'monthlyNth', 'yearly'] as const
export type Shape = (typeof SHAPES)[number]

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
  if (rule.freq === 'DAILY' && isBare && !days) return 'daily'
  if (rule.freq === 'WEEKLY' && isBare && rule.byDay.every(([nth]) => !nth)) return 'weekly'
  if (rule.freq === 'YEARLY' && isBare && !days) return 'yearly'
  if (rule.freq !== 'MONTHLY') return null
  if (isBare && !days) return 'monthlyDay'
  if (isBare && days === 1 && rule.byDay[0]?.[0]) return 'monthlyNth'
  const others = lists.filter((list) => list !== rule.byMonthDay)
  return !days && rule.byMonthDay.length === 1 && others.every((list) => !list.length)
    ? 'monthlyDay'
    : null
}

/** A rule of that shape for an event that begins then; its end is kept. */
export function ruleOf(shape: Shape, start: string, held: Rule | null): Rule {
  const [nth, weekday] = nthOf(start)
  const end = { count: held?.count ?? null, until: held?.until ?? null }
  switch (shape) {
    case 'daily':
      return makeRule({ freq: 'DAILY', ...end })
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
export function recurrenceWords(rrule: string, start: string, language: Language): string {
  const rule = parseRule(rrule)
  const shape = rule && shapeOf(rule)
  if (!rule || !shape) return rrule
  return language === 'ko' ? korean(rule, shape, start) : english(rule, shape, start)
}

const ORDINALS: Record<number, string> = {
  1: 'first',
  2: 'second',
  3: 'third',
  4: 'fourth',
  [-1]: 'last',
}
const ORDINALS_KO: Record<number, string> = {
  1: '첫째',
  2: '둘째',
  3: '셋째',
  4: '넷째',
  [-1]: '마지막',
}

function english(rule: Rule, shape: Shape, start: string): string {
  const unit = {
    daily: 'day',
    weekly: 'week',
    monthlyDay: 'month',
    monthlyNth: 'month',
    yearly: 'year',
  }[shape]
  const every = rule.interval === 1 ? `every ${unit}` : `every ${rule.interval} ${unit}s`
  return `${every}${englishDays(rule, shape, start)}${englishEnd(rule)}`
}

function englishDays(rule: Rule, shape: Shape, start: string): string {
  const list = new Intl.ListFormat('en', { type: 'conjunction' })
  const names = rule.byDay.map(([, day]) => weekdayName(day, 'en'))
  const [nth = 1] = rule.byDay[0] ?? []
  if (shape === 'weekly') return names.length ? ` on ${list.format(names)}` : ''
  if (shape === 'monthlyNth') return ` on the ${ORDINALS[nth] ?? `${nth}th`} ${names[0]}`
  if (shape === 'monthlyDay') return ` on day ${rule.byMonthDay[0] ?? Number(start.slice(8, 10))}`
  return ''
}

function englishEnd(rule: Rule): string {
  if (rule.count !== null) return rule.count === 1 ? ', once' : `, ${rule.count} times`
  return rule.until ? `, until ${dateWords(rule.until.wall, 'en')}` : ''
}

function korean(rule: Rule, shape: Shape, start: string): string {
  const { interval } = rule
  const every = {
    daily: interval === 1 ? '매일' : `${interval}일마다`,
    weekly: interval === 1 ? '매주' : `${interval}주마다`,
    monthlyDay: interval === 1 ? '매월' : `${interval}개월마다`,
    monthlyNth: interval === 1 ? '매월' : `${interval}개월마다`,
    yearly: interval === 1 ? '매년' : `${interval}년마다`,
  }[shape]
  return `${every}${koreanDays(rule, shape, start)}${koreanEnd(rule)}`
}

function koreanDays(rule: Rule, shape: Shape, start: string): string {
  const [nth = 1, weekday = 0] = rule.byDay[0] ?? []
  if (shape === 'weekly' && rule.byDay.length)
    return ` ${rule.byDay.map(([, day]) => weekdayName(day, 'ko')).join('·')}`
  if (shape === 'monthlyNth')
    return ` ${ORDINALS_KO[nth] ?? `${nth}번째`} ${weekdayName(weekday, 'ko')}`
  return shape === 'monthlyDay' ? ` ${rule.byMonthDay[0] ?? Number(start.slice(8, 10))}일` : ''
}

function koreanEnd(rule: Rule): string {
  if (rule.count !== null) return `, ${rule.count}회`
  return rule.until ? `, ${dateWords(rule.until.wall, 'ko')}까지` : ''
}

function dateWords(wall: number, language: Language): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeZone: 'UTC' }).format(wall)
}

/** The date of UNTIL, for a date field. */
export function untilDate(rule: Rule): string {
  return rule.until ? formatLocal(rule.until.wall, true) : ''
}

export { formatRule, parseRule, WEEKDAYS }
