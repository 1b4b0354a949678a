import { describe, expect, it } from 'vitest'
import { formatRule, makeRule, parseRule, type Rule } from '../../sdk/model/rule'
import {
  nthOf,
  recurrenceWords,
  ruleOf,
  SHAPES,
  shapeOf,
  untilDate,
  weekdayName,
} from './recurrence-words'

/** Monday, the third of August 2026. */
const START = '2026-08-03T09:00:00'
const rule = (text: string) => parseRule(text) as Rule

const SAID: [rrule: string, english: string, korean: string][] = [
  ['FREQ=DAILY', 'every day', '매일'],
  ['FREQ=DAILY;INTERVAL=3', 'every 3 days', '3일마다'],
  ['FREQ=WEEKLY', 'every week', '매주'],
  ['FREQ=WEEKLY;BYDAY=MO', 'every week on Monday', '매주 월요일'],
  ['FREQ=WEEKLY;BYDAY=FR,MO', 'every week on Monday and Friday', '매주 월요일·금요일'],
  [
    'FREQ=WEEKLY;BYDAY=MO,WE,FR',
    'every week on Monday, Wednesday, and Friday',
    '매주 월요일·수요일·금요일',
  ],
  ['FREQ=WEEKLY;INTERVAL=2;BYDAY=TU', 'every 2 weeks on Tuesday', '2주마다 화요일'],
  ['FREQ=MONTHLY', 'every month on day 3', '매월 3일'],
  ['FREQ=MONTHLY;BYMONTHDAY=15', 'every month on day 15', '매월 15일'],
  ['FREQ=MONTHLY;INTERVAL=6', 'every 6 months on day 3', '6개월마다 3일'],
  ['FREQ=MONTHLY;BYDAY=1MO', 'every month on the first Monday', '매월 첫째 월요일'],
  ['FREQ=MONTHLY;BYDAY=2WE', 'every month on the second Wednesday', '매월 둘째 수요일'],
  ['FREQ=MONTHLY;BYDAY=3FR', 'every month on the third Friday', '매월 셋째 금요일'],
  ['FREQ=MONTHLY;BYDAY=4TH', 'every month on the fourth Thursday', '매월 넷째 목요일'],
  ['FREQ=MONTHLY;BYDAY=-1SU', 'every month on the last Sunday', '매월 마지막 일요일'],
  ['FREQ=MONTHLY;BYDAY=5SA', 'every month on the fifth Saturday', '매월 다섯째 토요일'],
  ['FREQ=YEARLY', 'every year', '매년'],
  ['FREQ=YEARLY;INTERVAL=4', 'every 4 years', '4년마다'],
  ['FREQ=DAILY;COUNT=1', 'every day, once', '매일, 1회'],
  ['FREQ=DAILY;COUNT=10', 'every day, 10 times', '매일, 10회'],
  [
    'FREQ=WEEKLY;INTERVAL=2;COUNT=5;BYDAY=MO,FR',
    'every 2 weeks on Monday and Friday, 5 times',
    '2주마다 월요일·금요일, 5회',
  ],
  ['FREQ=DAILY;UNTIL=20261224', 'every day, until Dec 24, 2026', '매일, 2026. 12. 24.까지'],
  [
    'FREQ=YEARLY;UNTIL=20301231T235959',
    'every year, until Dec 31, 2030',
    '매년, 2030. 12. 31.까지',
  ],
]

describe('a recurrence in words', () => {
  it.each(SAID)('says %s in English and Korean', (rrule, english, korean) => {
    expect(recurrenceWords(rrule, START, 'en')).toBe(english)
    expect(recurrenceWords(rrule, START, 'ko')).toBe(korean)
  })

  it('ends on the last day as the clock of the event has it', () => {
    const until = (instant: string, start: string, tz: string) =>
      recurrenceWords(`FREQ=DAILY;UNTIL=${instant}`, start, 'en', tz).replace(/^.*until /, '')
    const NEW_YORK = 'America/New_York'
    expect(until('20260311T003000Z', '2026-03-01T20:30:00', NEW_YORK)).toBe('Mar 10, 2026')
    expect(until('20260309T230000Z', '2026-03-01T08:00:00', 'Asia/Seoul')).toBe('Mar 10, 2026')
    // Midnight between the 9th and the 10th there: nothing begins on the 10th any more.
    expect(until('20260310T035959Z', '2026-03-01T09:00:00', NEW_YORK)).toBe('Mar 9, 2026')
  })

  it('is the rule itself where there are no words for it', () => {
    for (const rrule of [
      'FREQ=HOURLY',
      'FREQ=YEARLY;BYMONTH=3',
      'FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=1',
      'FREQ=MONTHLY;BYMONTHDAY=1,15',
      'FREQ=DAILY;BYDAY=MO',
      'no rule',
    ])
      expect(recurrenceWords(rrule, START, 'en')).toBe(rrule)
  })

  // BYMONTHDAY=-1 is how other calendars write "the last day of the month".
  it('calls the last day of a month by that name', () => {
    const said = (language: 'en' | 'ko') =>
      recurrenceWords('FREQ=MONTHLY;BYMONTHDAY=-1', START, language)
    expect([said('en'), said('ko')]).toEqual(['every month on the last day', '매월 마지막 날'])
  })

  it('has an ordinal for the last Monday but one', () => {
    expect(recurrenceWords('FREQ=MONTHLY;BYDAY=-2MO', START, 'en')).toBe(
      'every month on the second to last Monday',
    )
  })
})

describe('the shape of a rule', () => {
  it('is found again in every rule that was made from it', () => {
    for (const shape of SHAPES) {
      expect(shapeOf(ruleOf(shape, START, null))).toBe(shape)
      expect(shapeOf(rule(formatRule(ruleOf(shape, START, null))))).toBe(shape)
    }
  })

  it('is taken from the start of the event', () => {
    const of = (shape: (typeof SHAPES)[number], start: string) =>
      formatRule(ruleOf(shape, start, null))
    expect(of('weekly', START)).toBe('FREQ=WEEKLY;BYDAY=MO')
    expect(of('monthlyNth', START)).toBe('FREQ=MONTHLY;BYDAY=1MO')
    expect(of('monthlyNth', '2026-08-31')).toBe('FREQ=MONTHLY;BYDAY=-1MO')
    expect(of('yearly', START)).toBe('FREQ=YEARLY')
  })

  it('keeps the end that the rule before it had', () => {
    expect(formatRule(ruleOf('daily', START, rule('FREQ=YEARLY;COUNT=3')))).toBe(
      'FREQ=DAILY;COUNT=3',
    )
    expect(formatRule(ruleOf('weekly', START, rule('FREQ=DAILY;UNTIL=20261224')))).toBe(
      'FREQ=WEEKLY;UNTIL=20261224;BYDAY=MO',
    )
  })

  it('is none for what the editor could not show without losing a part', () => {
    for (const text of [
      'FREQ=WEEKLY;BYMONTH=6',
      'FREQ=WEEKLY;BYHOUR=9,17',
      'FREQ=MONTHLY;BYDAY=MO',
      'FREQ=MONTHLY;BYDAY=1MO;BYMONTHDAY=1',
      'FREQ=YEARLY;BYDAY=20MO',
      'FREQ=MINUTELY',
    ])
      expect([text, shapeOf(rule(text))]).toEqual([text, null])
  })
})

describe('the place of a date in its month', () => {
  it('is counted in weeks from the first, and is the last from the 29th on', () => {
    const places = ['01', '07', '08', '14', '15', '21', '22', '28', '29', '31'].map(
      (day) => nthOf(`2026-08-${day}`)[0],
    )
    expect(places).toEqual([1, 1, 2, 2, 3, 3, 4, 4, -1, -1])
  })

  it('has a weekday, of which 0 is Monday', () => {
    expect(nthOf(START)[1]).toBe(0)
    expect(nthOf('2026-08-09')[1]).toBe(6)
  })
})

it('weekdays have the names of their language', () => {
  expect([0, 6].map((day) => weekdayName(day, 'en'))).toEqual(['Monday', 'Sunday'])
  expect([0, 6].map((day) => weekdayName(day, 'ko', 'short'))).toEqual(['월', '일'])
})

it('the date of an end is that of its local time, or nothing', () => {
  expect(untilDate(rule('FREQ=DAILY;UNTIL=20261224'))).toBe('2026-12-24')
  expect(untilDate(rule('FREQ=DAILY;UNTIL=20261224T235959'))).toBe('2026-12-24')
  expect(untilDate(makeRule({ freq: 'DAILY' }))).toBe('')
})
