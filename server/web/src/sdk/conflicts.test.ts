import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { openConflicts } from './conflicts'
import { openCalendar } from './model/calendar'

const WHEN = { start: '2026-03-02T09:00:00', end: '2026-03-02T10:00:00', tz: 'Asia/Seoul' }
const SECOND = '2026-03-09T09:00:00'

/** A weekly event, and a record of two values of one of its fields; the second one stands. */
function open(field: string, first: unknown, isMap = false) {
  const doc = new Y.Doc()
  const calendar = openCalendar(doc, { id: 'ann' })
  const conflicts = openConflicts(doc, calendar)
  const id = calendar.create({
    title: 'Lunch',
    when: WHEN,
    recurrence: { rrule: 'FREQ=WEEKLY' },
    description: 'Bring coffee and 🍰.',
  })
  calendar.history.separate()
  const values = [first, 'second'].map((value) => ({ value, by: 'bob', at: '' }))
  const record = { event: id, field, values, stands: 1, state: 'open' }
  doc.getMap('conflicts').set('c', isMap ? new Y.Map(Object.entries(record)) : record)
  const told = () => {
    const { stands, state } = doc.getMap('conflicts').toJSON().c
    return [state, stands]
  }
  const raw = () => doc.getMap('events').toJSON()[id]
  return { calendar, conflicts, id, told, raw }
}

describe('resolving a conflict', () => {
  it.each([
    ['title', 'Dinner'],
    ['when', { ...WHEN, end: '2026-03-02T11:00:00' }],
    ['recurrence', { rrule: 'FREQ=DAILY' }],
    [`override/${SECOND}`, { title: 'Own', location: null }],
    [`override/${SECOND}`, { cancelled: true }],
    ['attendee/bob@x.org', { name: 'Bob' }],
    ['alarm/a1', { before: 600, action: 'display' }],
    ['ics/priority', [{ value: '1' }]],
    ['description', 'Bring tea and 🍪.'],
  ])('writes %s', (field, value) => {
    const { conflicts, told, raw } = open(field, value)
    conflicts.resolve('c', 0)
    expect(raw()[field]).toEqual(value)
    expect(told()).toEqual(['resolved', 0])
  })

  it.each([['title'], [`override/${SECOND}`], ['attendee/bob@x.org']])('takes %s away', (field) => {
    const { calendar, conflicts, id, told, raw } = open(field, null)
    calendar.write(id, { title: 'Own' }, { recurrenceId: SECOND, scope: 'this' })
    calendar.write(id, { attendees: { 'bob@x.org': {} } })
    conflicts.resolve('c', 0)
    expect(raw()).not.toHaveProperty([field])
    expect(told()).toEqual(['resolved', 0])
  })

  it('moves a series as a whole', () => {
    const when = { ...WHEN, start: '2026-03-02T08:00:00', end: '2026-03-02T09:00:00' }
    const { calendar, conflicts, id, raw } = open('when', when)
    calendar.write(id, { title: 'Own' }, { recurrenceId: SECOND, scope: 'this' })
    conflicts.resolve('c', 0)
    expect(raw()['override/2026-03-09T08:00:00']).toEqual({ title: 'Own' })
  })

  it('says which value stands in a record that is a map, too', () => {
    const { conflicts, told } = open('title', 'Dinner', true)
    conflicts.resolve('c', 0)
    expect(told()).toEqual(['resolved', 0])
  })

  it.each([[false], [true]])(
    'can be undone and done again, record and all (a map: %s)',
    (isMap) => {
      const { calendar, conflicts, id, told } = open('title', 'Dinner', isMap)
      conflicts.resolve('c', 0)
      calendar.history.undo()
      expect([calendar.event(id)?.title, told()]).toEqual(['Lunch', ['open', 1]])
      calendar.history.redo()
      expect([calendar.event(id)?.title, told()]).toEqual(['Dinner', ['resolved', 0]])
    },
  )

  it('keeps the text of a description when that is chosen which stands', () => {
    const { calendar, conflicts, id, told } = open('description', 'x')
    conflicts.resolve('c', 1)
    expect(calendar.description(id)?.toString()).toBe('Bring coffee and 🍰.')
    expect(told()).toEqual(['resolved', 1])
  })

  it('replaces no more of a description than what differs', () => {
    const { calendar, conflicts, id } = open('description', 'Bring coffee and 🍪.')
    const deltas: unknown[] = []
    calendar.description(id)?.observe(({ delta }) => deltas.push(delta))
    conflicts.resolve('c', 0)
    expect(deltas).toEqual([[{ retain: 17 }, { delete: 2 }, { insert: '🍪' }]])
    calendar.history.undo()
    expect(calendar.description(id)?.toString()).toBe('Bring coffee and 🍰.')
  })

  it.each([
    ['x-colour', 'red'],
    ['sequence', 7],
    ['deleted', { by: 'bob', at: '2026-03-02T00:00:00Z' }],
    ['override/monday', { title: 'Own' }],
    ['attendee/', { name: 'Bob' }],
    ['title', 3],
    ['alarm/a1', { before: 'soon' }],
    ['description', ['words']],
  ])('does nothing for what no reader would understand: %s', (field, value) => {
    const { conflicts, told, raw } = open(field, value)
    const before = raw()
    conflicts.resolve('c', 0)
    expect([raw(), told()]).toEqual([before, ['open', 1]])
  })

  it('does not mark a field that it does not know, whichever value is chosen', () => {
    const { conflicts, told } = open('x-colour', 'red')
    conflicts.resolve('c', 1)
    expect(told()).toEqual(['open', 1])
  })

  it('does nothing for an event in the bin', () => {
    const { calendar, conflicts, id, told } = open('title', 'Dinner')
    calendar.remove(id)
    conflicts.resolve('c', 0)
    expect(told()).toEqual(['open', 1])
    calendar.restore(id)
    expect(calendar.event(id)?.title).toBe('Lunch')
  })
})
