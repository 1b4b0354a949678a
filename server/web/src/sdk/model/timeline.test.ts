import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { openCalendar } from './calendar'
import { DAY_MS } from './wall'

const FROM = Date.UTC(2026, 2, 1)

/** A daily series, and some hundred overlapping spans of it. */
function open() {
  const calendar = openCalendar(new Y.Doc(), { id: 'ann' })
  const when = { start: '2026-03-01', end: '2026-03-02', tz: null }
  const id = calendar.create({ title: 'Daily', when, recurrence: { rrule: 'FREQ=DAILY' } })
  const span = (n: number) => calendar.range(FROM + n * DAY_MS, FROM + (n + 9) * DAY_MS, 'UTC')
  const spans = () => Array.from({ length: 100 }, (_, n) => span(n))
  return { calendar, id, spans }
}

describe('a span that somebody holds', () => {
  it('is the same array, however many others were asked for since', () => {
    const { spans } = open()
    const held = spans()
    expect(spans().every((one, n) => one === held[n])).toBe(true)
  })

  it('is another array when something in it has changed', () => {
    const { calendar, id, spans } = open()
    const held = spans()
    const at = { recurrenceId: '2026-03-01', scope: 'this' } as const
    calendar.write(id, { title: 'Own' }, at)
    const anew = spans()
    expect(anew.some((one, n) => one === held[n])).toBe(false)
    expect(anew[0]?.[0]?.title).toBe('Own')
    expect(spans().every((one, n) => one === anew[n])).toBe(true)
  })
})
