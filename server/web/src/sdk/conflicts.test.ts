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

  it('marks a field that it does not know where nothing is to be written', () => {
    const { conflicts, told } = open('x-colour', 'red')
    expect(conflicts.resolve('c', 1)).toBe(true)
    expect(told()).toEqual(['resolved', 1])
  })

  it('says whether it was done, by whom, and when', () => {
    const { conflicts } = open('title', 'Dinner')
    expect([conflicts.resolve('other', 0), conflicts.resolve('c', 2)]).toEqual([false, false])
    expect(conflicts.getSnapshot()[0]?.resolved).toBeNull()
    const before = Date.now()
    expect(conflicts.resolve('c', 0)).toBe(true)
    const { by, at } = conflicts.getSnapshot()[0]?.resolved ?? { by: '', at: '' }
    expect(by).toBe('ann')
    expect(Date.parse(at)).toBeGreaterThanOrEqual(before)
  })

  it('is one transaction', () => {
    const { calendar, conflicts } = open('title', 'Dinner')
    const updates: Uint8Array[] = []
    calendar.doc.on('update', (update: Uint8Array) => updates.push(update))
    conflicts.resolve('c', 0)
    expect(updates).toHaveLength(1)
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

/** An event that ann deleted and bob edited. */
function openDeletion() {
  const doc = new Y.Doc()
  const calendar = openCalendar(doc, { id: 'ann' })
  const conflicts = openConflicts(doc, calendar)
  const id = calendar.create({ title: 'Lunch', when: WHEN })
  calendar.remove(id)
  calendar.history.separate()
  const tombstone = calendar.event(id)?.deleted
  doc.getMap('conflicts').set('d', {
    kind: 'deletion',
    event: id,
    field: 'deleted',
    values: [
      { value: tombstone, by: 'ann', at: tombstone?.at },
      { value: null, by: 'bob', at: '', fields: ['location', 'title', 7] },
    ],
    stands: 0,
    state: 'open',
  })
  const told = () => {
    const { state, stands } = conflicts.getSnapshot()[0] ?? {}
    return [state, stands, calendar.event(id)?.deleted ? 'in the bin' : 'there']
  }
  return { doc, calendar, conflicts, id, told }
}

describe('a deletion', () => {
  it('says what was edited', () => {
    const [conflict] = openDeletion().conflicts.getSnapshot()
    expect(conflict?.kind).toBe('deletion')
    expect(conflict?.values.map(({ fields }) => fields)).toEqual([[], ['location', 'title']])
  })

  it('is taken back, and that can be undone', () => {
    const { calendar, conflicts, told } = openDeletion()
    expect(conflicts.resolve('d', 1)).toBe(true)
    expect(told()).toEqual(['resolved', 1, 'there'])
    calendar.history.undo()
    expect(told()).toEqual(['open', 0, 'in the bin'])
    calendar.history.redo()
    expect(told()).toEqual(['resolved', 1, 'there'])
  })

  it('stays, and is done again where somebody has restored the event meanwhile', () => {
    const { calendar, conflicts, id, told } = openDeletion()
    calendar.restore(id)
    conflicts.resolve('d', 0)
    expect(told()).toEqual(['resolved', 0, 'in the bin'])
  })

  it('of an event that is no more cannot be taken back', () => {
    const { doc, conflicts, id } = openDeletion()
    doc.getMap('events').delete(id)
    expect(conflicts.resolve('d', 1)).toBe(false)
    expect(conflicts.resolve('d', 0)).toBe(true)
  })
})

describe('a double booking', () => {
  it('is noted, and nothing else is written', () => {
    const doc = new Y.Doc()
    const calendar = openCalendar(doc, { id: 'ann' })
    const conflicts = openConflicts(doc, calendar)
    const [event, other] = ['One', 'Other'].map((title) => calendar.create({ title, when: WHEN }))
    calendar.history.separate()
    const values = ['bob', 'ann'].map((by) => ({ value: WHEN, by, at: '' }))
    doc.getMap('conflicts').set('b', {
      kind: 'booking',
      event,
      field: 'when',
      values,
      stands: 1,
      state: 'open',
      strategy: 'manual',
      other,
      attendee: 'carol@x.org',
    })
    const before = doc.getMap('events').toJSON()
    expect(conflicts.resolve('b', 0)).toBe(true)
    expect(doc.getMap('events').toJSON()).toEqual(before)
    expect(conflicts.getSnapshot()[0]).toMatchObject({
      kind: 'booking',
      state: 'resolved',
      strategy: 'manual',
      other,
      attendee: 'carol@x.org',
    })
    calendar.history.undo()
    expect(conflicts.getSnapshot()[0]?.state).toBe('open')
  })
})

describe('a record', () => {
  const GOOD = {
    event: 'e',
    field: 'title',
    values: [
      { value: 'a', by: 'ann', at: 'soon' },
      { value: 'b', at: null },
    ],
  }
  const read = (record: unknown) => {
    const doc = new Y.Doc()
    doc.getMap('conflicts').set('c', record)
    return openConflicts(doc, openCalendar(doc, { id: 'ann' })).getSnapshot()
  }

  it('that says little is read all the same', () => {
    expect(read(GOOD)).toEqual([
      {
        id: 'c',
        kind: 'field',
        event: 'e',
        field: 'title',
        values: [
          { value: 'a', by: 'ann', at: '', fields: [] },
          { value: 'b', by: '', at: '', fields: [] },
        ],
        stands: 0,
        state: 'open',
        strategy: 'last_write_wins',
        other: '',
        attendee: '',
        resolved: null,
      },
    ])
  })

  it.each([
    ['text', 'text'],
    ['no event', { ...GOOD, event: 1 }],
    ['no field', { ...GOOD, field: undefined }],
    ['no values', { ...GOOD, values: [] }],
    ['values that are none', { ...GOOD, values: ['a', 'b'] }],
    ['a writer who is no text', { ...GOOD, values: [{ value: 'a', by: 7 }] }],
    ['a value that there is not', { ...GOOD, stands: 2 }],
    ['half a value', { ...GOOD, stands: 0.5 }],
    ['a kind that we do not know', { ...GOOD, kind: 'duel' }],
    ['a booking without the other event', { ...GOOD, kind: 'booking' }],
    ['an attendee who is no text', { ...GOOD, attendee: ['carol'] }],
  ])('that is malformed is passed over: %s', (_, record) => {
    expect(read(record)).toEqual([])
  })
})

describe('the strategy', () => {
  it.each([
    ['manual', 'manual'],
    ['keep-both', 'last_write_wins'],
    [undefined, 'last_write_wins'],
  ])('%s is read as %s', (written, read) => {
    const doc = new Y.Doc()
    if (written) doc.getMap('calendar').set('conflictStrategy', written)
    const calendar = openCalendar(doc, { id: 'ann' })
    expect(calendar.getSnapshot().properties.conflictStrategy).toBe(read)
  })

  it('is set, told, and undone', () => {
    const doc = new Y.Doc()
    const calendar = openCalendar(doc, { id: 'ann' })
    const fields: (readonly string[])[] = []
    calendar.onChange((changes) => fields.push(...changes.map((change) => change.fields)))
    calendar.writeProperties({ conflictStrategy: 'first_write_wins' })
    expect(doc.getMap('calendar').get('conflictStrategy')).toBe('first_write_wins')
    expect(fields).toEqual([['conflictStrategy']])
    calendar.history.undo()
    expect(calendar.getSnapshot().properties.conflictStrategy).toBe('last_write_wins')
  })
})
