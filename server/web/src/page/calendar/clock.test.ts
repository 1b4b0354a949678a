import { describe, expect, it } from 'vitest'
import { spanOf } from '../../sdk/model/when'
import type { When } from '../../sdk/types'
import { fromClock, instantOfDate, later, nextHour, onClock } from './clock'

const SEOUL = 'Asia/Seoul'
const BERLIN = 'Europe/Berlin'
const NEW_YORK = 'America/New_York'
const timed = (start: string, end: string, tz: string | null): When => ({ start, end, tz })
/** FullCalendar's own dates are wall clocks in UTC. */
const wall = (text: string) => new Date(`${text}Z`)
const HOUR = 3_600_000

describe('a time on the clock of the page', () => {
  it('is what the wall there shows', () => {
    expect(onClock(timed('2026-03-02T09:00:00', '2026-03-02T10:30:00', SEOUL), BERLIN)).toEqual({
      start: '2026-03-02T01:00:00',
      end: '2026-03-02T02:30:00',
      tz: BERLIN,
      allDay: false,
    })
  })

  it('stays what it is for whole days and floating times', () => {
    const days = timed('2026-03-02', '2026-03-04', null)
    expect(onClock(days, NEW_YORK)).toEqual({ ...days, allDay: true })
    const floating = timed('2026-03-02T09:00:00', '2026-03-02T10:00:00', null)
    expect(onClock(floating, NEW_YORK)).toEqual({ ...floating, allDay: false })
  })

  it('moves by an hour when only one of two places changes its clocks', () => {
    const at = (day: string) =>
      onClock(timed(`${day}T15:00:00`, `${day}T16:00:00`, NEW_YORK), BERLIN).start.slice(11, 16)
    // New York changed on March 8th, Berlin on the 29th.
    expect([at('2026-03-07'), at('2026-03-08'), at('2026-03-28'), at('2026-03-29')]).toEqual([
      '21:00',
      '20:00',
      '20:00',
      '21:00',
    ])
  })

  it('is three hours long on the wall when an hour is left out between', () => {
    const shown = onClock(timed('2026-03-29T00:00:00', '2026-03-29T02:00:00', 'UTC'), BERLIN)
    expect([shown.start, shown.end]).toEqual(['2026-03-29T01:00:00', '2026-03-29T04:00:00'])
  })

  it('is shown as it is written when it makes no sense', () => {
    const bad = timed('2026-03-02T09:00:00', '2026-03-02T10:00:00', 'Nowhere/Land')
    expect(onClock(bad, SEOUL)).toEqual({ start: bad.start, end: bad.end, allDay: false })
  })

  // Autumn: 01:30 EDT to 01:15 EST. FullCalendar drops an end that is before the start.
  it('does not end before it begins when an hour comes twice', () => {
    const shown = onClock(timed('2026-11-01T05:30:00', '2026-11-01T06:15:00', 'UTC'), NEW_YORK)
    expect(shown.end >= shown.start).toBe(true)
  })
})

describe('what was dragged', () => {
  it('keeps the zone of the event', () => {
    const held = timed('2026-03-02T09:00:00', '2026-03-02T10:00:00', SEOUL)
    expect(
      fromClock(held, wall('2026-03-03T02:00:00'), wall('2026-03-03T03:30:00'), false, BERLIN),
    ).toEqual(timed('2026-03-03T10:00:00', '2026-03-03T11:30:00', SEOUL))
  })

  it('is undone by being dragged back, in every season', () => {
    for (const day of ['2026-01-15', '2026-03-29', '2026-07-01', '2026-10-25', '2026-11-01']) {
      const held = timed(`${day}T09:00:00`, `${day}T10:00:00`, SEOUL)
      const { start, end } = onClock(held, NEW_YORK)
      expect(fromClock(held, wall(start), wall(end), false, NEW_YORK)).toEqual(held)
    }
  })

  it('stays floating if it was, and takes the page’s zone if it was whole days or nothing', () => {
    const [from, to] = [wall('2026-03-03T02:00:00'), wall('2026-03-03T03:00:00')]
    const on = (held: When | null) => fromClock(held, from, to, false, BERLIN)
    const at = (tz: string | null) => timed('2026-03-03T02:00:00', '2026-03-03T03:00:00', tz)
    expect(on(timed('2026-03-02T09:00:00', '2026-03-02T10:00:00', null))).toEqual(at(null))
    expect(on(timed('2026-03-02', '2026-03-03', null))).toEqual(at(BERLIN))
    expect(on(null)).toEqual(at(BERLIN))
  })

  it('becomes whole days where it was dropped on them', () => {
    const held = timed('2026-03-02T23:00:00', '2026-03-03T00:30:00', SEOUL)
    expect(
      fromClock(held, wall('2026-03-29T00:00:00'), wall('2026-03-31T00:00:00'), true, BERLIN),
    ).toEqual(timed('2026-03-29', '2026-03-31', null))
  })

  it('is an hour or a day long when nothing says how long', () => {
    expect(fromClock(null, wall('2026-03-03T23:30:00'), null, false, SEOUL).end).toBe(
      '2026-03-04T00:30:00',
    )
    expect(fromClock(null, wall('2026-02-28T00:00:00'), null, true, SEOUL).end).toBe('2026-03-01')
  })

  // Written so, the event is malformed for every reader, and gone from the calendar.
  it('can be read again when it was dropped on the hour that comes twice', () => {
    const held = timed('2026-10-30T09:00:00', '2026-10-30T09:45:00', NEW_YORK)
    const dropped = fromClock(
      held,
      wall('2026-11-01T14:30:00'),
      wall('2026-11-01T15:15:00'),
      false,
      SEOUL,
    )
    expect(spanOf(dropped)).not.toBeNull()
  })
})

describe('the same event later', () => {
  it('keeps its time of day over a change of clocks', () => {
    const held = timed('2026-03-28T09:00:00', '2026-03-28T10:00:00', BERLIN)
    expect(later(held, { days: 1 })).toEqual(
      timed('2026-03-29T09:00:00', '2026-03-29T10:00:00', BERLIN),
    )
  })

  it('is moved by minutes, and backwards, over the end of a day', () => {
    const held = timed('2026-03-01T00:10:00', '2026-03-01T00:40:00', null)
    expect(later(held, { minutes: -15 })).toEqual(
      timed('2026-02-28T23:55:00', '2026-03-01T00:25:00', null),
    )
  })

  it('knows no minutes of whole days', () => {
    const held = timed('2028-02-28', '2028-02-29', null)
    expect(later(held, { minutes: 1500 })).toEqual(held)
    expect(later(held, { days: 1, minutes: 1500 })).toEqual(timed('2028-02-29', '2028-03-01', null))
  })

  it('is what it was when it makes no sense', () => {
    const bad = timed('nonsense', '2026-03-02', null)
    expect(later(bad, { days: 1 })).toBe(bad)
  })
})

describe('midnight of a date', () => {
  it('is an instant of that zone', () => {
    expect(instantOfDate('2026-03-02', 'UTC')).toBe(Date.UTC(2026, 2, 2))
    expect(instantOfDate('2026-03-02', SEOUL)).toBe(Date.UTC(2026, 2, 1, 15))
  })

  it('makes days of 23 and 25 hours where clocks change', () => {
    const hours = (one: string, other: string, zone: string) =>
      (instantOfDate(other, zone) - instantOfDate(one, zone)) / HOUR
    expect(hours('2026-03-29', '2026-03-30', BERLIN)).toBe(23)
    expect(hours('2026-10-25', '2026-10-26', BERLIN)).toBe(25)
    expect(hours('2026-03-08', '2026-03-09', NEW_YORK)).toBe(23)
    expect(hours('2026-10-25', '2026-10-26', SEOUL)).toBe(24)
  })

  it('is the first moment of a day that has no midnight', () => {
    // São Paulo went from 23:59:59 to 01:00 that night.
    expect(instantOfDate('2018-11-04', 'America/Sao_Paulo')).toBe(Date.UTC(2018, 10, 4, 3))
  })
})

describe('the hour that is proposed', () => {
  const now = Date.UTC(2026, 2, 2, 5, 20) // 14:20 in Seoul

  it('is the next full one today, on the clock of the page', () => {
    expect(nextHour('2026-03-02', SEOUL, now)).toEqual(
      timed('2026-03-02T15:00:00', '2026-03-02T16:00:00', SEOUL),
    )
    expect(nextHour('2026-03-02', NEW_YORK, now).start).toBe('2026-03-02T01:00:00')
  })

  it('is nine o’clock on any other day', () => {
    expect(nextHour('2026-03-03', SEOUL, now)).toEqual(
      timed('2026-03-03T09:00:00', '2026-03-03T10:00:00', SEOUL),
    )
    expect(nextHour('2026-03-29', BERLIN, now).start).toBe('2026-03-29T09:00:00')
  })

  it('stays on the day late in the evening', () => {
    expect(nextHour('2026-03-02', SEOUL, Date.UTC(2026, 2, 2, 14, 30))).toEqual(
      timed('2026-03-02T23:00:00', '2026-03-03T00:00:00', SEOUL),
    )
  })
})
