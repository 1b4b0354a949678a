import { describe, expect, it } from 'vitest'
import { formatRule, parseRule, type Rule } from '../../sdk/model/rule'
import { recurrenceWords, ruleOf, shapeOf } from './recurrence-words'
import { alarmWords, secondsOf } from './reminders'

const MONDAY = '2026-08-03T09:00:00'
const rule = (text: string) => parseRule(text) as Rule

describe('every weekday', () => {
  it('is a week from Monday to Friday', () => {
    expect(formatRule(ruleOf('weekdays', MONDAY, null))).toBe('FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR')
    expect(formatRule(ruleOf('weekdays', MONDAY, rule('FREQ=DAILY;COUNT=3')))).toBe(
      'FREQ=WEEKLY;COUNT=3;BYDAY=MO,TU,WE,TH,FR',
    )
  })

  it.each(['FREQ=WEEKLY;BYDAY=FR,TH,WE,TU,MO', 'FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR'])(
    'is known again in %s',
    (text) => {
      expect(shapeOf(rule(text))).toBe('weekdays')
      expect(recurrenceWords(text, MONDAY, 'en')).toBe('every weekday')
      expect(recurrenceWords(`${text};COUNT=3`, MONDAY, 'ko')).toBe('평일마다, 3회')
    },
  )

  it('is not every other week, nor four days, nor some of a month', () => {
    expect(shapeOf(rule('FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU,WE,TH,FR'))).toBe('weekly')
    expect(shapeOf(rule('FREQ=WEEKLY;BYDAY=MO,TU,WE,TH'))).toBe('weekly')
    expect(shapeOf(rule('FREQ=DAILY;BYMONTH=6;BYDAY=MO,TU,WE,TH,FR'))).toBeNull()
  })
})

describe('a reminder', () => {
  it('comes as many seconds before as were entered', () => {
    expect(secondsOf('45', 'minutes')).toBe(2700)
    expect(secondsOf(' 3 ', 'days')).toBe(259_200)
    expect(secondsOf('9999', 'weeks')).toBe(9999 * 604_800)
  })

  it.each(['', '0', '-1', '1.5', '1e3', '10000', 'ten'])('is none with %j', (amount) => {
    expect(secondsOf(amount, 'hours')).toBeNull()
  })

  it('is said in the largest unit that divides it', () => {
    expect(alarmWords(2700, 'en')).toBe('45 minutes before')
    expect(alarmWords(259_200, 'ko')).toBe('3일 전')
    expect(alarmWords(-60, 'en')).toBe('1 minute after')
  })
})
