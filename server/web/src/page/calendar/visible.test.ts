import { beforeEach, describe, expect, it } from 'vitest'
import { isVisible, useVisible } from './visible'

beforeEach(() => {
  const week = { start: '2026-03-02', end: '2026-03-09' }
  useVisible.setState({ kind: 'week', ...week, title: week })
})

describe('what is on screen', () => {
  it('is what lies within, and what only reaches into it', () => {
    expect(isVisible('2026-03-04', '2026-03-05')).toBe(true)
    expect(isVisible('2026-03-04T09:00:00', '2026-03-04T10:00:00')).toBe(true)
    expect(isVisible('2026-02-20', '2026-03-03')).toBe(true)
    expect(isVisible('2026-03-08T23:00:00', '2026-03-09T01:00:00')).toBe(true)
    expect(isVisible('2026-01-01', '2027-01-01')).toBe(true)
  })

  it('is nothing from before, and nothing from the end on', () => {
    expect(isVisible('2026-02-20', '2026-03-01')).toBe(false)
    expect(isVisible('2026-03-01T09:00:00', '2026-03-01T23:59:59')).toBe(false)
    expect(isVisible('2026-03-09', '2026-03-10')).toBe(false)
    expect(isVisible('2026-03-09T00:00:00', '2026-03-09T01:00:00')).toBe(false)
  })

  it('is something without a length too, at the very beginning', () => {
    expect(isVisible('2026-03-02T00:00:00', '2026-03-02T00:00:00')).toBe(true)
  })

  it('is nothing before a view was drawn', () => {
    useVisible.setState(useVisible.getInitialState())
    expect(isVisible('2026-03-04', '2026-03-05')).toBe(false)
  })

  // The end of a `when` is exclusive: this is Sunday alone.
  it('is not the day before the first one', () => {
    expect(isVisible('2026-03-01', '2026-03-02')).toBe(false)
  })

  // As strings, the midnight that ends Sunday is after the date that begins Monday.
  it('is not what ended at the midnight at which it begins', () => {
    expect(isVisible('2026-03-01T23:00:00', '2026-03-02T00:00:00')).toBe(false)
  })
})
