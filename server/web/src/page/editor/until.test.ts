import { describe, expect, it } from 'vitest'
import { formatRule, makeRule, parseRule, type Rule } from '../../sdk/model/rule'
import { Series } from '../../sdk/model/series'
import { formatLocal } from '../../sdk/model/wall'
import { type Span, spanOf } from '../../sdk/model/when'
import type { When } from '../../sdk/types'
import { recurrenceWords } from './recurrence-words'
import { fittedTo, lastDayOf, tenthDayOf, untilEndOf } from './until'

const DAY = '2026-12-24'
const at = (time: string, tz: string | null): When => ({
  start: `2026-12-20T${time}`,
  end: `2026-12-20T${time}`,
  tz,
})
const DAYS: When = { start: '2026-12-20', end: '2026-12-21', tz: null }

function dailyUntil(date: string, when: When): string {
  return formatRule(makeRule({ freq: 'DAILY', until: untilEndOf(date, when) }))
}

describe('the last day', () => {
  it.each([
    ['a date for whole days', DAYS, 'FREQ=DAILY;UNTIL=20261224'],
    ['local where the start floats', at('09:00:00', null), 'FREQ=DAILY;UNTIL=20261224T235959'],
    ['in UTC east of it', at('09:00:00', 'Asia/Seoul'), 'FREQ=DAILY;UNTIL=20261224T145959Z'],
    [
      'in UTC west of it',
      at('09:00:00', 'America/Los_Angeles'),
      'FREQ=DAILY;UNTIL=20261225T075959Z',
    ],
    ['in UTC', at('09:00:00', 'UTC'), 'FREQ=DAILY;UNTIL=20261224T235959Z'],
  ])('is written %s', (_, when, rrule) => {
    expect(dailyUntil(DAY, when)).toBe(rrule)
  })

  const zones = [null, 'UTC', 'Asia/Seoul', 'Pacific/Kiritimati', 'Pacific/Pago_Pago']
  const times = ['00:00:00', '00:30:00', '12:00:00', '23:59:59']
  const places = zones.flatMap((tz) => times.map((time) => at(time, tz)))
  it.each([...places, DAYS])('has an instance and no day after it: $start $tz', (when) => {
    const rrule = dailyUntil(DAY, when)
    const series = new Series(spanOf(when) as Span, { rrule })
    const starts = series.starts(Date.UTC(2026, 11, 1), Date.UTC(2027, 0, 31))
    expect(starts.map((start) => formatLocal(start, true)).at(-1)).toBe(DAY)
    expect(lastDayOf(parseRule(rrule) as Rule, when)).toBe(DAY)
  })

  it.each([
    ['2026-04-03', 'Africa/Cairo'],
    ['2026-04-23', 'Africa/Cairo'], // the next midnight does not occur
    ['2018-02-17', 'America/Sao_Paulo'], // an hour before midnight occurs twice
    ['2026-10-31', 'America/Havana'], // the next midnight occurs twice
  ])('ends with %s where clocks change at midnight in %s', (date, tz) => {
    const when = { start: `${date.slice(0, 8)}01T23:30:00`, end: '', tz }
    expect(lastDayOf(parseRule(dailyUntil(date, when)) as Rule, when)).toBe(date)
  })

  it('is read from whatever form others have written', () => {
    const seoul = at('09:00:00', 'Asia/Seoul')
    const read = (until: string) => lastDayOf(parseRule(`FREQ=DAILY;UNTIL=${until}`) as Rule, seoul)
    expect(read('20261224')).toBe(DAY)
    expect(read('20261224T090000')).toBe(DAY)
    expect(read('20261224T000000Z')).toBe(DAY) // nine o'clock in Seoul
    expect(read('20261224T235959Z')).toBe(DAY) // before nine o'clock on the 25th
    expect(lastDayOf(makeRule({ freq: 'DAILY' }), seoul)).toBe('')
  })

  it('is the one that is said', () => {
    const { start, tz } = at('09:00:00', 'America/Los_Angeles')
    const words = recurrenceWords('FREQ=DAILY;UNTIL=20261225T075959Z', start, 'en', tz)
    expect(words).toBe('every day, until Dec 24, 2026')
  })

  it('stays when the series goes to another zone, or to whole days', () => {
    const los = at('09:00:00', 'America/Los_Angeles')
    const held = { rrule: dailyUntil(DAY, los), rdate: ['2026-12-31'] }
    const seoul = at('09:00:00', 'Asia/Seoul')
    expect(fittedTo(held, los, seoul)).toEqual({ ...held, rrule: dailyUntil(DAY, seoul) })
    expect(fittedTo(held, los, DAYS).rrule).toBe('FREQ=DAILY;UNTIL=20261224')
    expect(fittedTo({ rrule: 'FREQ=DAILY' }, los, DAYS)).toEqual({ rrule: 'FREQ=DAILY' })
  })

  it('is that of the tenth instance to begin with', () => {
    const rule = parseRule('FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR') as Rule
    expect(tenthDayOf(rule, at('09:00:00', 'Asia/Seoul'))).toBe('2026-12-31')
    expect(tenthDayOf(makeRule({ freq: 'YEARLY' }), DAYS)).toBe('2035-12-20')
  })

  it('is none for what is no date', () => {
    expect(untilEndOf('', DAYS)).toBeNull()
    expect(untilEndOf('2026-02-30', DAYS)).toBeNull()
  })
})
