import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { openCalendar } from '../../sdk/model/calendar'
import type { CalendarEvent, EventPatch, Instance, Scope } from '../../sdk/types'
import { canFollow, valuesAt, writeAll, writeAt } from './scoped'

const ZONE = 'Asia/Seoul'
const SECOND = '2026-03-03T09:00:00'
const when = (day: string, from: string, to: string) => ({
  start: `2026-03-${day}T${from}`,
  end: `2026-03-${day}T${to}`,
  tz: ZONE,
})

/** Daily from the second of March at nine; on the third it has another title, and is at eleven. */
function open(more: EventPatch = {}) {
  const calendar = openCalendar(new Y.Doc(), { id: 'ann' })
  const id = calendar.create({
    title: 'Series',
    url: 'https://example.org',
    when: when('02', '09:00:00', '10:00:00'),
    recurrence: { rrule: 'FREQ=DAILY;COUNT=5' },
    attendees: { 'bob@x.org': { name: 'Bob' } },
    alarms: { a: { before: 600, action: 'display' } },
    ...more,
  })
  const own = { title: 'Own', url: null, when: when('03', '11:00:00', '12:00:00') }
  calendar.write(id, own, { recurrenceId: SECOND, scope: 'this' })
  const event = () => calendar.event(id) as CalendarEvent
  const instance = (recurrenceId = SECOND) => calendar.instance(id, recurrenceId, ZONE) as Instance
  const values = (scope: Scope) => valuesAt(event(), instance(), { recurrenceId: SECOND, scope })
  const write = (scope: Scope, patch: EventPatch) =>
    writeAt(calendar, event(), instance(), { recurrenceId: SECOND, scope }, patch)
  const starts = () =>
    calendar
      .range(Date.UTC(2026, 2, 1), Date.UTC(2026, 3, 1), ZONE)
      .map((one) => `${one.when.start.slice(8, 13)} ${one.title}`)
  return { calendar, id, event, instance, values, write, starts }
}

describe('the form shows', () => {
  it('of this event what it has, and what it has not', () => {
    const shown = open().values('this')
    expect(shown).toMatchObject({ title: 'Own', url: '', when: when('03', '11:00:00', '12:00:00') })
    expect(shown.first).toEqual(when('02', '09:00:00', '10:00:00'))
  })

  it('of all what the series has', () => {
    expect(open().values('all')).toMatchObject({
      title: 'Series',
      url: 'https://example.org',
      when: when('02', '09:00:00', '10:00:00'),
      recurrence: { rrule: 'FREQ=DAILY;COUNT=5' },
    })
  })

  it('of the following what they will have', () => {
    expect(open().values('following')).toMatchObject({
      title: 'Series',
      when: when('03', '09:00:00', '10:00:00'),
      first: when('03', '09:00:00', '10:00:00'),
      recurrence: { rrule: 'FREQ=DAILY;COUNT=4' },
    })
  })
})

describe('writing to this event', () => {
  it('gives it people and reminders of its own, and takes them away', () => {
    const { calendar, id, event, values, write } = open()
    write('this', { attendees: { 'ann@x.org': { role: 'chair' }, 'bob@x.org': null } })
    write('this', { alarms: { a: null, b: { before: 60, action: 'display' } } })
    expect([...values('this').attendees.keys()]).toEqual(['ann@x.org'])
    expect([...values('this').alarms.keys()]).toEqual(['b'])
    expect([...event().attendees.keys()]).toEqual(['bob@x.org'])
    const raw = calendar.doc.getMap('events').toJSON()[id]
    expect(raw[`override/${SECOND}`]).toMatchObject({
      title: 'Own',
      'attendee/ann@x.org': { role: 'chair' },
      'attendee/bob@x.org': null,
      'alarm/a': null,
    })
  })

  it('keeps them when the series is moved', () => {
    const { calendar, id, event, write } = open()
    write('this', { attendees: { 'ann@x.org': { role: 'chair' } } })
    const [, moved] = write('all', { when: when('02', '08:00:00', '09:00:00') })
    expect(moved).toBe('2026-03-03T08:00:00')
    const at = { recurrenceId: moved, scope: 'this' } as const
    const shown = valuesAt(event(), calendar.instance(id, moved, ZONE) as Instance, at)
    expect([...shown.attendees.keys()]).toEqual(['bob@x.org', 'ann@x.org'])
  })
})

describe('writing to the following', () => {
  it('leaves people, reminders and recurrence of the earlier ones alone', () => {
    const { calendar, id, event, write } = open()
    const [rest, now] = write('following', {
      attendees: { 'ann@x.org': { role: 'chair' } },
      alarms: { a: null },
      recurrence: { rrule: 'FREQ=WEEKLY' },
    })
    expect(rest).not.toBe(id)
    expect(now).toBe(SECOND)
    const after = calendar.event(rest) as CalendarEvent
    expect([...after.attendees.keys()]).toEqual(['bob@x.org', 'ann@x.org'])
    expect([...after.alarms.keys()]).toEqual([])
    expect(after.recurrence).toEqual({ rrule: 'FREQ=WEEKLY' })
    expect([...event().attendees.keys()]).toEqual(['bob@x.org'])
    expect([...event().alarms.keys()]).toEqual(['a'])
    expect(event().recurrence).toEqual({ rrule: 'FREQ=DAILY;COUNT=1' })
  })

  it('moves them by the time that was shown, not by that of an instance of its own', () => {
    const { calendar, write, starts } = open()
    const [rest, now] = write('following', { when: when('03', '10:00:00', '11:00:00') })
    expect(now).toBe('2026-03-03T10:00:00')
    expect(calendar.event(rest)?.when).toEqual(when('03', '10:00:00', '11:00:00'))
    expect(starts()).toEqual([
      '02T09 Series',
      '03T11 Own',
      '04T10 Series',
      '05T10 Series',
      '06T10 Series',
    ])
  })

  it('is possible from the rule’s instances on, not from a date by itself', () => {
    const { event } = open({
      recurrence: { rrule: 'FREQ=DAILY;COUNT=5', rdate: ['2026-03-20T09:00:00'] },
    })
    expect(canFollow(event(), '2026-03-02T09:00:00')).toBe(true)
    expect(canFollow(event(), SECOND)).toBe(true)
    expect(canFollow(event(), '2026-03-20T09:00:00')).toBe(false)
  })
})

describe('writing to all', () => {
  it('moves the series by its first time, whatever the instance has', () => {
    const { event, write, starts } = open()
    const [, now] = write('all', { when: when('03', '08:00:00', '09:00:00') })
    expect(event().when).toEqual(when('03', '08:00:00', '09:00:00'))
    expect(now).toBe('2026-03-04T08:00:00')
    expect(starts()).toContain('03T11 Own')
  })

  it('writes the last day as whole days want it', () => {
    const { calendar, id, event } = open({
      recurrence: { rrule: 'FREQ=DAILY;UNTIL=20260306T145959Z' },
    })
    const days = { start: '2026-03-02', end: '2026-03-03', tz: null }
    expect(writeAll(calendar, event(), { when: days })).toBe(id)
    expect(event().recurrence).toEqual({ rrule: 'FREQ=DAILY;UNTIL=20260306' })
  })
})
