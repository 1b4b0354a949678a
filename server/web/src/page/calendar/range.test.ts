// @vitest-environment jsdom
import { afterEach, describe, expect, it, vi } from 'vitest'
import { firstDayOf, today, useView } from '../view'
import { rangeTitle, step, stepped } from './range'

/** Intl puts thin and no-break spaces around dashes, which ones depends on its version. */
const plain = (text: string) => text.replace(/[\s\u2009\u202f]+/g, ' ').replace(/ ?[–~-] ?/g, '–')

afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

describe('a step', () => {
  it('is a month, a week or a day, forwards and backwards', () => {
    expect(stepped('month', '2026-11-16', 1)).toBe('2026-12-16')
    expect(stepped('list', '2026-11-16', -1)).toBe('2026-10-16')
    expect(stepped('week', '2026-11-16', 1)).toBe('2026-11-23')
    expect(stepped('day', '2026-11-01', -1)).toBe('2026-10-31')
  })

  it('goes over the end of a year', () => {
    expect(stepped('month', '2026-12-31', 1)).toBe('2027-01-31')
    expect(stepped('month', '2026-01-05', -1)).toBe('2025-12-05')
    expect(stepped('month', '2026-01-05', -25)).toBe('2023-12-05')
    expect(stepped('week', '2026-12-30', 1)).toBe('2027-01-06')
  })

  it('ends on the last day of a month that is shorter', () => {
    expect(stepped('month', '2026-01-31', 1)).toBe('2026-02-28')
    expect(stepped('month', '2028-01-31', 1)).toBe('2028-02-29')
    expect(stepped('month', '2026-05-31', 1)).toBe('2026-06-30')
    expect(stepped('month', '2026-03-31', -1)).toBe('2026-02-28')
  })

  it('is a day long on days that are not', () => {
    expect(stepped('day', '2026-03-29', 1)).toBe('2026-03-30')
    expect(stepped('day', '2026-10-25', 1)).toBe('2026-10-26')
    expect(stepped('week', '2026-10-25', -1)).toBe('2026-10-18')
  })

  it('moves the page by what it shows', () => {
    useView.getState().set({ kind: 'week', date: '2026-03-27' })
    step(1)
    expect(useView.getState().date).toBe('2026-04-03')
    useView.getState().set({ kind: 'month' })
    step(-2)
    expect(useView.getState().date).toBe('2026-02-03')
  })
})

describe('the title of a range', () => {
  it('is the month for a month and for a list', () => {
    expect(rangeTitle('month', '2026-11-01', '2026-12-01', 'en')).toBe('November 2026')
    expect(rangeTitle('list', '2026-11-01', '2026-12-01', 'ko')).toBe('2026년 11월')
  })

  it('says of a day which weekday it is', () => {
    expect(rangeTitle('day', '2026-03-29', '2026-03-30', 'en')).toBe('Sun, Mar 29, 2026')
    expect(rangeTitle('day', '2026-03-29', '2026-03-30', 'ko')).toBe('2026년 3월 29일 (일)')
  })

  it('ends a week with its last day, and names what differs', () => {
    const week = (start: string, end: string) => plain(rangeTitle('week', start, end, 'en'))
    expect(week('2026-11-16', '2026-11-23')).toBe('Nov 16–22, 2026')
    expect(week('2026-03-30', '2026-04-06')).toBe('Mar 30–Apr 5, 2026')
    expect(week('2026-12-28', '2027-01-04')).toBe('Dec 28, 2026–Jan 3, 2027')
    expect(plain(rangeTitle('week', '2026-11-16', '2026-11-23', 'ko'))).toBe(
      '2026년 11월 16일–22일',
    )
  })

  it('is empty before anything was drawn', () => {
    expect(rangeTitle('week', '', '', 'en')).toBe('')
  })
})

describe('the first day of a week', () => {
  const among = (...languages: string[]) =>
    vi.spyOn(navigator, 'languages', 'get').mockReturnValue(languages)

  it('is that of the country the browser is set to', () => {
    among('en-US', 'en')
    expect(firstDayOf('en')).toBe(0)
    among('en-GB', 'en')
    expect(firstDayOf('en')).toBe(1)
    among('de-DE', 'en-GB')
    expect(firstDayOf('en')).toBe(1)
    among('ko-KR')
    expect(firstDayOf('ko')).toBe(0)
  })

  it('is that of the language where the browser does not know its country', () => {
    among('de-DE')
    expect(firstDayOf('ko')).toBe(0)
    among()
    expect(firstDayOf('en')).toBe(0)
  })
})

it('today is another day in another zone', () => {
  vi.useFakeTimers({ now: Date.UTC(2026, 9, 24, 22, 30) })
  expect(today('Europe/Berlin')).toBe('2026-10-25')
  expect(today('America/New_York')).toBe('2026-10-24')
  expect(today('Asia/Seoul')).toBe('2026-10-25')
})
