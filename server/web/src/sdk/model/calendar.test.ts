import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import type { Change, Recurrence } from '../types'
import { openCalendar } from './calendar'

const ZONE = 'Asia/Seoul'
const WHEN = { start: '2026-03-02T09:00:00', end: '2026-03-02T10:00:00', tz: ZONE }
const FROM = Date.UTC(2026, 2, 1)
const TO = Date.UTC(2026, 3, 1)

/** Two calendars that hear each other when told to. */
function pair() {
  const [here, there] = [new Y.Doc(), new Y.Doc()]
  const meet = () => {
    Y.applyUpdate(there, Y.encodeStateAsUpdate(here, Y.encodeStateVector(there)))
    Y.applyUpdate(here, Y.encodeStateAsUpdate(there, Y.encodeStateVector(here)))
  }
  return { ann: openCalendar(here, { id: 'ann' }), bob: openCalendar(there, { id: 'bob' }), meet }
}

describe('a calendar', () => {
  it('writes the shape of the contract', () => {
    const calendar = openCalendar(new Y.Doc(), { id: 'ann' })
    const id = calendar.create({
      title: 'Lunch',
      when: WHEN,
      attendees: { 'b@x.org': { name: 'B' } },
    })
    calendar.write(id, { location: 'Room 4', alarms: { a1: { before: 600, action: 'display' } } })
    const event = (
      calendar.doc.getMap('events').toJSON() as Record<string, Record<string, unknown>>
    )[id]
    expect(event).toMatchObject({
      title: 'Lunch',
      when: WHEN,
      location: 'Room 4',
      sequence: 1,
      description: '',
      'attendee/b@x.org': { name: 'B' },
      'alarm/a1': { before: 600, action: 'display' },
    })
    expect(event).not.toHaveProperty('deleted')
    expect(calendar.doc.getMap('calendar').get('schema')).toBe(1)
  })

  it('writes nothing when nothing differs', () => {
    const calendar = openCalendar(new Y.Doc(), { id: 'ann' })
    const id = calendar.create({ title: 'Lunch', when: WHEN })
    const before = calendar.doc.store.clients.get(calendar.doc.clientID)?.length
    calendar.write(id, {
      title: 'Lunch',
      when: { tz: ZONE, end: WHEN.end, start: WHEN.start },
      location: '',
    })
    expect(calendar.doc.store.clients.get(calendar.doc.clientID)?.length).toBe(before)
  })

  it('keeps a range the same array until something in it changes', () => {
    const calendar = openCalendar(new Y.Doc(), { id: 'ann' })
    const id = calendar.create({ title: 'Lunch', when: WHEN })
    const far = calendar.create({
      title: 'Far',
      when: { ...WHEN, start: '2029-01-01T00:00:00', end: '2029-01-01T01:00:00' },
    })
    const march = calendar.range(FROM, TO, ZONE)
    calendar.write(far, { title: 'Farther' })
    expect(calendar.range(FROM, TO, ZONE)).toBe(march)
    calendar.write(id, { title: 'Dinner' })
    expect(calendar.range(FROM, TO, ZONE).map(({ title }) => title)).toEqual(['Dinner'])
  })

  it('deletes into the bin and takes out of it', () => {
    const calendar = openCalendar(new Y.Doc(), { id: 'ann' })
    const id = calendar.create({ title: 'Lunch', when: WHEN })
    calendar.remove(id)
    expect(calendar.range(FROM, TO, ZONE)).toEqual([])
    expect(calendar.bin().map(({ title }) => title)).toEqual(['Lunch'])
    calendar.restore(id)
    expect(calendar.range(FROM, TO, ZONE)).toHaveLength(1)
  })

  it('changes, moves, ends and cancels parts of a series', () => {
    const calendar = openCalendar(new Y.Doc(), { id: 'ann' })
    const id = calendar.create({
      title: 'Weekly',
      when: WHEN,
      recurrence: { rrule: 'FREQ=WEEKLY' },
    })
    const told = () =>
      calendar.range(FROM, TO, ZONE).map((one) => `${one.when.start.slice(5, 13)} ${one.title}`)
    expect(told()).toEqual([
      '03-02T09 Weekly',
      '03-09T09 Weekly',
      '03-16T09 Weekly',
      '03-23T09 Weekly',
      '03-30T09 Weekly',
    ])
    calendar.write(id, { title: 'Once' }, { recurrenceId: '2026-03-09T09:00:00', scope: 'this' })
    calendar.remove(id, { recurrenceId: '2026-03-30T09:00:00', scope: 'this' })
    const later = { ...WHEN, start: '2026-03-16T11:00:00', end: '2026-03-16T12:00:00' }
    const rest = calendar.write(
      id,
      { when: later },
      { recurrenceId: '2026-03-16T09:00:00', scope: 'following' },
    )
    expect(rest).not.toBe(id)
    expect(told()).toEqual([
      '03-02T09 Weekly',
      '03-09T09 Once',
      '03-16T11 Weekly',
      '03-23T11 Weekly',
    ])
    calendar.write(rest, { title: 'All' }, { recurrenceId: '2026-03-23T11:00:00', scope: 'all' })
    calendar.remove(rest, { recurrenceId: '2026-03-23T11:00:00', scope: 'following' })
    expect(told()).toEqual(['03-02T09 Weekly', '03-09T09 Once', '03-16T11 All'])
  })

  it('moves a whole series by one of its instances', () => {
    const calendar = openCalendar(new Y.Doc(), { id: 'ann' })
    const id = calendar.create({
      title: 'Weekly',
      when: WHEN,
      recurrence: { rrule: 'FREQ=WEEKLY;BYDAY=MO' },
    })
    const given = { start: '2026-03-10T10:30:00', end: '2026-03-10T11:00:00', tz: ZONE }
    calendar.write(id, { when: given }, { recurrenceId: '2026-03-09T09:00:00', scope: 'all' })
    expect(calendar.event(id)?.when).toEqual({
      start: '2026-03-03T10:30:00',
      end: '2026-03-03T11:00:00',
      tz: ZONE,
    })
    expect(calendar.event(id)?.recurrence?.rrule).toBe('FREQ=WEEKLY;BYDAY=TU')
  })

  it('tells what others did, and who', () => {
    const { ann, bob, meet } = pair()
    const changes: Change[] = []
    bob.onChange((told) => changes.push(...told))
    const id = ann.create({ title: 'Lunch', when: WHEN })
    meet()
    ann.write(id, { title: 'Dinner' })
    meet()
    ann.remove(id)
    meet()
    bob.restore(id)
    const told = changes.map(({ kind, by, local, fields }) => ({ kind, by, local, fields }))
    expect(told).toEqual([
      { kind: 'created', by: 'ann', local: false, fields: [] },
      { kind: 'updated', by: 'ann', local: false, fields: ['title'] },
      { kind: 'deleted', by: 'ann', local: false, fields: [] },
      { kind: 'restored', by: 'bob', local: true, fields: [] },
    ])
  })

  it('tells its own creation as one', () => {
    const calendar = openCalendar(new Y.Doc(), { id: 'ann' })
    const kinds: string[] = []
    calendar.onChange((changes) => kinds.push(...changes.map(({ kind }) => kind)))
    calendar.create({ title: 'Lunch', when: WHEN })
    expect(kinds).toEqual(['created'])
  })

  it('finds words, soonest first', () => {
    const calendar = openCalendar(new Y.Doc(), { id: 'ann' })
    calendar.create({ title: '팀 점심', location: 'Café Berlin', when: WHEN })
    calendar.create({
      title: 'Berlin trip',
      when: { ...WHEN, start: '2026-05-02T09:00:00', end: '2026-05-02T10:00:00' },
    })
    expect(calendar.search('berlin', Date.UTC(2026, 2, 2)).map(({ title }) => title)).toEqual([
      '팀 점심',
      'Berlin trip',
    ])
    expect(calendar.search('점심 CAFÉ').map(({ title }) => title)).toEqual(['팀 점심'])
  })

  it('reads whatever is there', () => {
    const doc = new Y.Doc()
    const events = doc.getMap('events')
    const bad = {
      title: 3,
      when: 'x',
      recurrence: { rrule: 'FREQ=' },
      'override/x': 1,
      'attendee/a': [],
      'alarm/b': {},
      deleted: true,
      sequence: 'x',
    }
    events.set('a', new Y.Map<unknown>(Object.entries(bad)))
    events.set('b', 'no map')
    const calendar = openCalendar(doc, { id: 'ann' })
    expect(calendar.event('a')).toMatchObject({
      title: '',
      when: null,
      recurrence: null,
      deleted: null,
      sequence: 0,
    })
    expect(calendar.event('b')).toBeUndefined()
    expect(calendar.range(FROM, TO, ZONE)).toEqual([])
  })
})

describe('this and following', () => {
  const EXTRA = '2026-03-14T09:00:00'
  const at = (recurrenceId: string) => ({ recurrenceId, scope: 'following' }) as const

  /** A series of nine o'clocks, and what of it takes place in March. */
  function open(recurrence: Recurrence) {
    const calendar = openCalendar(new Y.Doc(), { id: 'ann' })
    const id = calendar.create({ title: 'old', when: WHEN, recurrence })
    const told = () =>
      calendar.range(FROM, TO, ZONE).map((one) => `${one.when.start.slice(8, 13)} ${one.title}`)
    return { calendar, id, told }
  }

  const weekly = { rrule: 'FREQ=WEEKLY', rdate: [EXTRA, '2026-03-25T09:00:00'] }
  const over = { ...weekly, rrule: 'FREQ=WEEKLY;COUNT=2' }

  it('means all at the first instance', () => {
    const { calendar, id, told } = open({ rrule: 'FREQ=WEEKLY;COUNT=2' })
    expect(calendar.write(id, { title: 'new' }, at(WHEN.start))).toBe(id)
    expect(told()).toEqual(['02T09 new', '09T09 new'])
    calendar.remove(id, at(WHEN.start))
    expect(told()).toEqual([])
  })

  it('removes from an extra date on, and nothing before it', () => {
    const { calendar, id, told } = open(weekly)
    const before = told()
    calendar.history.separate()
    calendar.remove(id, at(EXTRA))
    expect(told()).toEqual(['02T09 old', '09T09 old'])
    calendar.history.undo()
    expect(told()).toEqual(before)
  })

  it.each([
    ['a rule by COUNT', { ...weekly, rrule: 'FREQ=WEEKLY;COUNT=9' }, ['02T09 old', '09T09 old']],
    ['a rule that is over', over, ['02T09 old', '09T09 old']],
    ['extra dates alone', { rrule: null, rdate: weekly.rdate }, ['02T09 old']],
    [
      'a date without a time',
      { rrule: 'FREQ=WEEKLY', rdate: ['2026-03-14'] },
      ['02T09 old', '09T09 old'],
    ],
  ])('removes from an extra date on: %s', (_, recurrence, left) => {
    const { calendar, id, told } = open(recurrence)
    calendar.remove(id, at(EXTRA))
    expect(told()).toEqual(left)
  })

  it('keeps what the only instance left has of its own', () => {
    const { calendar, id, told } = open({ rrule: null, rdate: [EXTRA] })
    calendar.write(id, { title: 'own' }, { recurrenceId: WHEN.start, scope: 'this' })
    calendar.write(id, { title: 'own' }, { recurrenceId: EXTRA, scope: 'this' })
    calendar.write(id, { location: 'Room 4' }, at(EXTRA))
    expect(told()).toEqual(['02T09 own', '14T09 own'])
    expect(calendar.getSnapshot().size).toBe(2)
  })

  it('writes from an extra date on where only extra dates are left', () => {
    const { calendar, id, told } = open(over)
    expect(calendar.write(id, { title: 'new' }, at(EXTRA))).not.toBe(id)
    expect(told()).toEqual(['02T09 old', '09T09 old', '14T09 new', '25T09 new'])
  })

  it('writes to the extra date alone where the rule goes on: no rule begins there', () => {
    const { calendar, id, told } = open(weekly)
    expect(calendar.write(id, { title: 'new' }, at(EXTRA))).toBe(id)
    expect(told().filter((one) => one.endsWith('new'))).toEqual(['14T09 new'])
    expect(told()).toHaveLength(7)
  })

  it('touches an extra date before the first start, and nothing else', () => {
    const { calendar, id, told } = open({
      rrule: 'FREQ=WEEKLY;COUNT=2',
      rdate: ['2026-03-01T09:00:00'],
    })
    calendar.remove(id, at('2026-03-01T09:00:00'))
    expect(told()).toEqual(['02T09 old', '09T09 old'])
  })

  it('leaves an extra date without a time on one side only', () => {
    const { calendar, id, told } = open({ rrule: 'FREQ=WEEKLY;COUNT=3', rdate: ['2026-03-16'] })
    calendar.write(id, { title: 'new' }, at('2026-03-16T09:00:00'))
    expect(told()).toEqual(['02T09 old', '09T09 old', '16T09 new'])
  })

  it('undone puts the new event into the bin, with what others wrote in it', () => {
    const { ann, bob, meet } = pair()
    const recurrence = { rrule: 'FREQ=WEEKLY;COUNT=3' }
    const id = ann.create({ title: 'old', when: WHEN, recurrence, description: 'words' })
    ann.history.separate()
    const kinds: string[] = []
    ann.onChange((changes) => kinds.push(...changes.map(({ kind }) => kind)))
    const rest = ann.write(id, { title: 'new' }, at('2026-03-09T09:00:00'))
    expect(kinds).toEqual(['created', 'updated'])
    meet()
    bob.write(rest, { location: 'Room 4' })
    bob.description(rest)?.insert(0, 'more ')
    meet()
    ann.history.undo()
    meet()
    expect(bob.event(id)?.recurrence).toEqual(recurrence)
    expect(bob.bin().map((event) => event.id)).toEqual([rest])
    expect(bob.event(rest)?.location).toBe('Room 4')
    expect(bob.description(rest)?.toString()).toBe('more words')
    ann.history.redo()
    expect(ann.event(id)?.recurrence).toEqual({ rrule: 'FREQ=WEEKLY;COUNT=1' })
    expect(ann.event(rest)).toMatchObject({ deleted: null, location: 'Room 4' })
  })
})

describe('an instance that is not there any more', () => {
  const STALE = '2026-03-09T09:00:00'

  /** Weekly at nine, which somebody has just moved to ten. */
  function open() {
    const calendar = openCalendar(new Y.Doc(), { id: 'ann' })
    const id = calendar.create({
      title: 'Weekly',
      when: WHEN,
      recurrence: { rrule: 'FREQ=WEEKLY' },
    })
    const ten = { start: '2026-03-02T10:00:00', end: '2026-03-02T11:00:00', tz: ZONE }
    calendar.write(id, { when: ten })
    return { calendar, id, raw: () => calendar.doc.getMap('events').toJSON() }
  }

  it.each(['this', 'following'] as const)('is neither written nor removed: %s', (scope) => {
    for (const recurrenceId of [STALE, WHEN.start, '2026-03-09', 'no date']) {
      const { calendar, id, raw } = open()
      const before = raw()
      expect(calendar.write(id, { title: 'x' }, { recurrenceId, scope })).toBe(id)
      calendar.remove(id, { recurrenceId, scope })
      expect(raw()).toEqual(before)
    }
  })

  it('is no measure to move all by', () => {
    const { calendar, id, raw } = open()
    const before = raw()
    const when = { start: '2026-03-09T11:00:00', end: '2026-03-09T12:00:00', tz: ZONE }
    calendar.write(id, { when }, { recurrenceId: STALE, scope: 'all' })
    expect(raw()).toEqual(before)
  })

  it('does not keep anybody from all', () => {
    const { calendar, id } = open()
    calendar.write(id, { title: 'All' }, { recurrenceId: STALE, scope: 'all' })
    expect(calendar.event(id)?.title).toBe('All')
    calendar.remove(id, { recurrenceId: STALE, scope: 'all' })
    expect(calendar.bin()).toHaveLength(1)
  })

  it('does not stand for an event that no longer repeats, but its own start does', () => {
    const { calendar, id } = open()
    calendar.write(id, { recurrence: null })
    calendar.remove(id, { recurrenceId: '2026-03-09T10:00:00', scope: 'this' })
    expect(calendar.bin()).toHaveLength(0)
    calendar.remove(id, { recurrenceId: '2026-03-02T10:00:00', scope: 'this' })
    expect(calendar.bin()).toHaveLength(1)
  })
})

describe('an override', () => {
  const SECOND = '2026-03-09T09:00:00'
  const ten = { start: '2026-03-09T10:00:00', end: '2026-03-09T11:00:00', tz: ZONE }
  const here = (recurrenceId = SECOND) => ({ recurrenceId, scope: 'this' }) as const

  function open() {
    const calendar = openCalendar(new Y.Doc(), { id: 'ann' })
    const id = calendar.create({
      title: 'Weekly',
      when: WHEN,
      recurrence: { rrule: 'FREQ=WEEKLY' },
    })
    const overrides = () =>
      Object.fromEntries(
        Object.entries(calendar.doc.getMap('events').toJSON()[id]).filter(([key]) =>
          key.startsWith('override/'),
        ),
      )
    return { calendar, id, overrides }
  }

  it('stays under the start that the series gives, wherever the instance is put', () => {
    const { calendar, id, overrides } = open()
    calendar.write(id, { when: ten }, here())
    calendar.write(id, { title: 'Own' }, here())
    expect(overrides()).toEqual({ [`override/${SECOND}`]: { when: ten, title: 'Own' } })
    calendar.write(id, { title: 'no' }, here(ten.start)) // where it is, not what it is called
    expect(overrides()).toEqual({ [`override/${SECOND}`]: { when: ten, title: 'Own' } })
  })

  it('goes along with the series, and is found there', () => {
    const { calendar, id, overrides } = open()
    calendar.write(id, { when: ten }, here())
    calendar.write(id, {
      when: { ...WHEN, start: '2026-03-03T08:00:00', end: '2026-03-03T09:00:00' },
    })
    calendar.write(id, { title: 'Own' }, here('2026-03-10T08:00:00'))
    expect(overrides()).toEqual({ 'override/2026-03-10T08:00:00': { when: ten, title: 'Own' } })
  })

  it('never has no time: the instance goes back to that of the series', () => {
    const { calendar, id, overrides } = open()
    calendar.write(id, { when: null }, here())
    expect(overrides()).toEqual({})
    calendar.write(id, { when: ten, title: 'Own' }, here())
    calendar.write(id, { when: null }, here())
    expect(overrides()).toEqual({ [`override/${SECOND}`]: { title: 'Own' } })
  })

  it('is not there when nothing is left in it', () => {
    const { calendar, id, overrides } = open()
    calendar.write(id, { recurrence: { rrule: 'FREQ=DAILY' } }, here())
    calendar.remove(id, here())
    expect(calendar.instance(id, SECOND, ZONE)).toBeUndefined()
    calendar.write(id, {}, here())
    expect(calendar.instance(id, SECOND, ZONE)?.title).toBe('Weekly')
    expect(overrides()).toEqual({})
  })
})

describe('undo', () => {
  it('takes back what was written here and nothing of others', () => {
    const { ann, bob, meet } = pair()
    const id = ann.create({ title: 'Lunch', when: WHEN })
    meet()
    ann.history.separate()
    ann.write(id, { title: 'Dinner' })
    meet()
    bob.write(id, { location: 'Room 4' })
    meet()
    ann.history.undo()
    expect(ann.event(id)).toMatchObject({ title: 'Lunch', location: 'Room 4' })
    ann.history.redo()
    expect(ann.event(id)).toMatchObject({ title: 'Dinner', location: 'Room 4' })
  })

  it('of a creation puts the event into the bin, with what others wrote', () => {
    const { ann, bob, meet } = pair()
    const id = ann.create({ title: 'Lunch', when: WHEN })
    meet()
    bob.write(id, { location: 'Room 4' })
    bob.description(id)?.insert(0, 'words')
    meet()
    ann.history.undo()
    meet()
    expect(bob.bin()).toHaveLength(1)
    expect(bob.event(id)).toMatchObject({ title: 'Lunch', location: 'Room 4' })
    expect(bob.description(id)?.toString()).toBe('words')
    ann.history.redo()
    meet()
    expect(bob.bin()).toHaveLength(0)
  })

  it('never undoes a value that somebody else has overwritten', () => {
    const { ann, bob, meet } = pair()
    const id = ann.create({ title: 'a', when: WHEN })
    ann.history.separate()
    ann.write(id, { title: 'b' })
    meet()
    bob.write(id, { title: 'c' })
    meet()
    ann.history.undo()
    expect(ann.event(id)?.title).toBe('c')
  })
})

describe('a calendar of 10,000 events', () => {
  it('opens and answers without walking the document', () => {
    const doc = new Y.Doc()
    const events = doc.getMap('events')
    doc.transact(() => {
      for (let n = 0; n < 10_000; n++) {
        const day = new Date(Date.UTC(2026, 0, 1) + (n % 365) * 86_400_000)
          .toISOString()
          .slice(0, 10)
        const when = { start: `${day}T09:00:00`, end: `${day}T10:00:00`, tz: ZONE }
        const recurrence = n % 10 ? [] : [['recurrence', { rrule: 'FREQ=WEEKLY' }] as const]
        events.set(
          `e${n}`,
          new Y.Map<unknown>([['title', `Event ${n}`], ['when', when], ...recurrence]),
        )
      }
    })
    const calendar = openCalendar(doc, { id: 'ann' })
    const month = calendar.range(FROM, TO, ZONE)
    const looked = performance.now()
    calendar.write('e100', { title: 'changed' })
    calendar.range(FROM, TO, ZONE)
    const again = performance.now() - looked
    const anew = performance.now()
    openCalendar(doc, { id: 'bob' }).range(FROM, TO, ZONE)
    expect(month.length).toBeGreaterThan(800)
    expect(again).toBeLessThan((performance.now() - anew) / 4)
  })
})
