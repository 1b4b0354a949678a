// @vitest-environment jsdom
import { act, cleanup, fireEvent, render, screen, within } from '@testing-library/react'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { useView } from '../view'
import { MiniMonth, weeksOf } from './mini-month'

const DAY_MS = 86_400_000

describe('the weeks of a month', () => {
  it('begin on the day that weeks begin with', () => {
    expect(weeksOf('2026-03-18', 0)[0]?.[0]).toBe('2026-03-01')
    expect(weeksOf('2026-03-18', 1)[0]?.[0]).toBe('2026-02-23')
    expect(weeksOf('2026-03-18', 6)[0]?.[0]).toBe('2026-02-28')
  })

  it('are as many as the month needs', () => {
    expect(weeksOf('2026-02-10', 0)).toHaveLength(4)
    expect(weeksOf('2026-02-10', 1)).toHaveLength(5)
    expect(weeksOf('2026-03-10', 0)).toHaveLength(5)
    expect(weeksOf('2026-08-10', 0)).toHaveLength(6)
  })

  it('have all days of the month, one after the other, in every month and for every first day', () => {
    for (let month = 0; month < 48; month++) {
      const first = new Date(Date.UTC(2025, month, 1))
      const length = new Date(Date.UTC(2025, month + 1, 0)).getUTCDate()
      for (const firstDay of [0, 1, 6]) {
        const weeks = weeksOf(first.toISOString().slice(0, 10), firstDay)
        const days = weeks.flat().map((day) => Date.parse(day))
        expect(weeks.every((week) => week.length === 7)).toBe(true)
        expect(new Date(days[0] ?? 0).getUTCDay()).toBe(firstDay)
        for (const [at, day] of days.entries()) expect(day).toBe((days[0] ?? 0) + at * DAY_MS)
        const own = weeks.flat().filter((day) => Number(day.slice(5, 7)) - 1 === month % 12)
        expect(own).toHaveLength(length)
        expect(weeks.every((week) => week.some((day) => own.includes(day)))).toBe(true)
      }
    }
  })
})

describe('the small month', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: Date.UTC(2026, 2, 10, 3) })
    vi.spyOn(navigator, 'languages', 'get').mockReturnValue(['en-GB'])
    useView.setState({ date: '2026-03-18', zone: 'Asia/Seoul', language: 'en' })
  })
  afterEach(() => {
    cleanup()
    vi.restoreAllMocks()
    vi.useRealTimers()
  })

  const day = (name: string) => screen.getByRole('button', { name })
  const reachable = () =>
    within(screen.getByRole('grid'))
      .getAllByRole('button')
      .filter(({ tabIndex }) => tabIndex === 0)
      .map(({ ariaLabel }) => ariaLabel)

  it('begins its weeks as the country does', () => {
    render(<MiniMonth />)
    expect(screen.getAllByRole('columnheader')[0]?.getAttribute('abbr')).toBe('Monday')
    cleanup()
    vi.spyOn(navigator, 'languages', 'get').mockReturnValue(['en-US'])
    render(<MiniMonth />)
    expect(screen.getAllByRole('columnheader')[0]?.getAttribute('abbr')).toBe('Sunday')
  })

  it('marks today and the day that is shown, and goes where it is told', () => {
    render(<MiniMonth />)
    expect(day('Tuesday, March 10, 2026').getAttribute('aria-current')).toBe('date')
    expect(day('Wednesday, March 18, 2026').getAttribute('aria-pressed')).toBe('true')
    fireEvent.click(day('Friday, March 20, 2026'))
    expect(useView.getState().date).toBe('2026-03-20')
    expect(day('Friday, March 20, 2026').getAttribute('aria-pressed')).toBe('true')
  })

  it('is walked by days and weeks, over the end of the month', () => {
    render(<MiniMonth />)
    for (const [key, date] of [
      ['ArrowRight', '2026-03-19'],
      ['ArrowDown', '2026-03-26'],
      ['ArrowDown', '2026-04-02'],
      ['ArrowLeft', '2026-04-01'],
      ['ArrowUp', '2026-03-25'],
    ] as const) {
      fireEvent.keyDown(screen.getByRole('grid'), { key })
      expect(useView.getState().date).toBe(date)
    }
  })

  it('is one stop for the keyboard, in a month without the day that is shown too', () => {
    render(<MiniMonth />)
    expect(reachable()).toEqual(['Wednesday, March 18, 2026'])
    fireEvent.click(screen.getByRole('button', { name: /next month/i }))
    expect(screen.getByRole('grid', { name: 'April 2026' })).toBeTruthy()
    expect(reachable()).toHaveLength(1)
    expect(useView.getState().date).toBe('2026-03-18')
  })

  it('comes along when the page goes to another month', () => {
    render(<MiniMonth />)
    act(() => useView.getState().set({ date: '2027-01-05' }))
    expect(screen.getByRole('grid', { name: 'January 2027' })).toBeTruthy()
  })
})
