// @vitest-environment jsdom
import { act, cleanup, fireEvent, render, screen, within } from '@testing-library/react'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import * as Y from 'yjs'
import { openConflicts } from '../../sdk/conflicts'
import { openCalendar } from '../../sdk/model/calendar'
import type { Project } from '../../sdk/types'
import { useView } from '../view'
import { newsOf } from './conflict-news'
import { ConflictHint, ConflictsButton, ConflictsDialog } from './conflicts'
import { showConflicts, useShownConflicts } from './open-conflicts'

const world = vi.hoisted(() => ({ open: [] as Project[], mayEdit: true, toasts: [] as string[] }))
vi.mock('../workspace', () => ({
  useOpenProjects: () => world.open,
  mayEdit: () => world.mayEdit,
}))
vi.mock('sonner', () => ({
  toast: Object.assign((text: string) => world.toasts.push(text), { dismiss: () => undefined }),
}))

const WHEN = { start: '2026-03-02T14:00:00', end: '2026-03-02T15:00:00', tz: 'Asia/Seoul' }
const readable = <T,>(snapshot: T) => ({
  subscribe: () => () => undefined,
  getSnapshot: () => snapshot,
})

/** A project in which ann works, and bob is here. */
function openProject() {
  const doc = new Y.Doc()
  const calendar = openCalendar(doc, { id: 'ann' })
  const user = (id: string, name: string) => ({ user: { id, name, color: '#2952cc' } })
  const others = new Map([[7, { ...user('bob', 'Bob'), clientId: 7 }]])
  const project = {
    id: 'team',
    doc,
    calendar,
    conflicts: openConflicts(doc, calendar),
    presence: readable({ others, self: user('ann', 'Ann') }),
    connection: readable({ readOnly: false }),
  } as unknown as Project
  return project
}

let project: Project
let event: string
const put = (id: string, record: Record<string, unknown>) =>
  act(() => project.doc.getMap('conflicts').set(id, { event, stands: 1, state: 'open', ...record }))
const disputed = (field: string, one: unknown, other: unknown) =>
  put(field, {
    field,
    values: [
      { value: one, by: 'ann', at: '2026-03-01T10:00:00Z' },
      { value: other, by: 'bob', at: '' },
    ],
  })
const deleted = () => {
  project.calendar.remove(event)
  put('deletion', {
    kind: 'deletion',
    field: 'deleted',
    stands: 0,
    values: [
      { value: project.calendar.event(event)?.deleted, by: 'bob', at: '' },
      { value: null, by: 'ann', at: '', fields: ['location', 'title'] },
    ],
  })
}
const show = () => act(() => showConflicts())
const version = (name: string) => within(screen.getByRole('region', { name: `Version of ${name}` }))
const press = (name: string) => fireEvent.click(screen.getByRole('button', { name }))
const keep = (name: string) => fireEvent.click(version(name).getByRole('button'))
const heading = () => screen.getByRole('heading', { level: 3 }).textContent

beforeEach(() => {
  // jsdom has no modal dialogs.
  HTMLDialogElement.prototype.showModal = function open() {
    this.open = true
  }
  useView.getState().set({ language: 'en', zone: 'Asia/Seoul' })
  useShownConflicts.setState({ shown: null })
  project = openProject()
  Object.assign(world, { open: [project], mayEdit: true, toasts: [] })
  event = project.calendar.create({ title: 'By Bob', when: WHEN, location: 'Room 2' })
  render(
    <>
      <ConflictsButton />
      <ConflictHint event={event} />
      <ConflictsDialog />
    </>,
  )
})
afterEach(cleanup)

describe('the count', () => {
  it('is there while there is something to decide', () => {
    expect(screen.queryByRole('button')).toBeNull()
    disputed('title', 'By Ann', 'By Bob')
    expect(screen.getByRole('button', { name: '1 thing to decide' })).toBeTruthy()
    expect(screen.getByText('There is 1 conflict to decide.')).toBeTruthy()
    disputed('location', 'Room 1', 'Room 2')
    expect(screen.getByRole('button', { name: '2 things to decide' })).toBeTruthy()
    act(() => project.calendar.remove(event))
    expect(screen.queryByRole('button')).toBeNull()
  })

  it('leaves out what has been decided', () => {
    put('merged', { field: 'title', values: [{ value: 'a' }, { value: 'b' }], state: 'resolved' })
    expect(screen.queryByRole('button')).toBeNull()
  })
})

describe('two values of a field', () => {
  it('are side by side, with what only one of them says', () => {
    disputed('title', 'By Ann', 'By Bob')
    press('1 thing to decide')
    expect(heading()).toBe('Title of “By Bob”')
    expect(version('Ann').getByRole('insertion').textContent).toBe('Ann')
    expect(version('Ann').queryByText('In the calendar')).toBeNull()
    expect(version('Bob').getByText('In the calendar')).toBeTruthy()
    expect(screen.getByText(/^Ann and Bob changed this/)).toBeTruthy()
  })

  it('are decided by one click, and the dialog closes', () => {
    disputed('title', 'By Ann', 'By Bob')
    show()
    keep('Ann')
    expect(project.calendar.event(event)?.title).toBe('By Ann')
    expect(screen.queryByRole('dialog')).toBeNull()
    expect(world.toasts).toEqual(['Decided: Title'])
  })

  it('are two of one person, in two places', () => {
    const values = ['a', 'b'].map((value) => ({ value, by: 'ann', at: '' }))
    put('own', { field: 'title', values })
    show()
    expect(screen.getByText(/^Ann changed this in two places at once/)).toBeTruthy()
  })

  it('show what it was changed to since, and keep that', () => {
    disputed('title', 'By Ann', 'By Bob')
    act(() => void project.calendar.write(event, { title: 'By Carol' }))
    show()
    expect(version('Bob').getByText('Changed since then. It said “By Bob”.')).toBeTruthy()
    keep('Bob')
    expect(project.calendar.event(event)?.title).toBe('By Carol')
  })

  it('stay open where the chosen one cannot be written', () => {
    disputed('x-mood', 'good', 'bad')
    show()
    keep('Ann')
    expect(screen.getByRole('status').textContent).toBe('That version cannot be written any more.')
    expect(project.conflicts.getSnapshot()[0]?.state).toBe('open')
  })

  it('are for looking only where one may not edit', () => {
    world.mayEdit = false
    disputed('title', 'By Ann', 'By Bob')
    show()
    expect(screen.queryByRole('button', { name: 'Keep this one' })).toBeNull()
    expect(screen.getByText('You can look at this, not decide it.')).toBeTruthy()
  })
})

describe('several conflicts', () => {
  beforeEach(() => {
    disputed('title', 'By Ann', 'By Bob')
    disputed('location', 'Room 1', 'Room 2')
    disputed('url', 'https://a', 'https://b')
    show()
  })

  it('are gone through', () => {
    expect(screen.getByText('1 of 3')).toBeTruthy()
    expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Previous' }).disabled).toBe(true)
    press('Next')
    expect(heading()).toBe('Location of “By Bob”')
    expect(document.activeElement?.textContent).toBe(heading())
    press('Next')
    press('Previous')
    expect(heading()).toBe('Location of “By Bob”')
  })

  it('follow one another when they are decided, with the way back', () => {
    keep('Ann')
    expect(heading()).toBe('Location of “By Ann”')
    expect(screen.getByRole('status').textContent).toContain('Decided: Title')
    press('Undo')
    expect(heading()).toBe('Title of “By Bob”')
    expect(screen.getByText('1 of 3')).toBeTruthy()
    keep('Ann')
    keep('Ann')
    keep('Bob')
    expect(screen.queryByRole('dialog')).toBeNull()
    expect(project.conflicts.getSnapshot().map(({ stands }) => stands)).toEqual([0, 0, 1])
  })

  it('stay where one is when somebody else decides another one', () => {
    press('Next')
    put('title', { field: 'title', values: [{ value: 'a' }, { value: 'b' }], state: 'resolved' })
    expect(heading()).toBe('Location of “By Bob”')
    expect(screen.getByText('1 of 2')).toBeTruthy()
  })

  it('close when somebody else has decided all of them', () => {
    for (const id of ['title', 'location', 'url'])
      put(id, { field: id, values: [{ value: 'a' }, { value: 'b' }], state: 'resolved' })
    expect(screen.queryByRole('dialog')).toBeNull()
  })

  it('of another event are not shown from the editor of this one', () => {
    const other = project.calendar.create({ title: 'Other', when: WHEN })
    put('url', { event: other, field: 'url', values: [{ value: 'a' }, { value: 'b' }] })
    act(() => showConflicts({ event: other }))
    cleanup()
    render(<ConflictsDialog />)
    expect(heading()).toBe('Link of “Other”')
    expect(screen.queryByText(/ of \d$/)).toBeNull()
  })
})

describe('a deletion', () => {
  it('says who deleted, and what was edited', () => {
    deleted()
    show()
    expect(heading()).toBe('“By Bob”: deleted, and edited')
    expect(version('Bob').getByText('In the bin')).toBeTruthy()
    expect(version('Ann').getByText('Edited title, location')).toBeTruthy()
  })

  it.each([
    ['Restore', true, '“By Bob” restored'],
    ['Keep deleted', false, '“By Bob” stays deleted'],
  ])('%s', (label, isThere, told) => {
    deleted()
    show()
    press(label)
    expect(project.calendar.event(event)?.deleted === null).toBe(isThere)
    expect(world.toasts).toEqual([told])
  })
})

describe('a double booking', () => {
  let other: string
  beforeEach(() => {
    const attendees = { 'carol@x.org': { name: 'Carol' } }
    other = project.calendar.create({ title: 'Other', when: WHEN, attendees })
    const values = ['bob', 'ann'].map((by) => ({ value: WHEN, by, at: '' }))
    put('booking', { kind: 'booking', field: 'when', values, other, attendee: 'carol@x.org' })
    show()
  })

  it('is a warning, about both events', () => {
    expect(heading()).toBe('Carol is invited to two events at once')
    expect(within(screen.getByRole('region', { name: 'By Bob' })).getByText('Ann')).toBeTruthy()
    expect(within(screen.getByRole('region', { name: 'Other' })).getByText('Bob')).toBeTruthy()
    press('Fine')
    expect(project.conflicts.getSnapshot()[0]?.state).toBe('resolved')
  })

  it('leads to each of them', () => {
    press('Open Other')
    expect(screen.queryByRole('dialog')).toBeNull()
    expect(useView.getState().panel).toMatchObject({ kind: 'event', selection: { event: other } })
  })

  it('says when it is over', () => {
    expect(screen.queryByText(/do not overlap any more/)).toBeNull()
    const later = { ...WHEN, start: '2026-03-02T15:00:00', end: '2026-03-02T16:00:00' }
    act(() => void project.calendar.write(other, { when: later }))
    expect(screen.getByText(/do not overlap any more/)).toBeTruthy()
  })

  it('is over when one of them is in the bin', () => {
    act(() => project.calendar.remove(other))
    expect(screen.queryByRole('dialog')).toBeNull()
  })
})

describe('the news', () => {
  const words = () => project.conflicts.getSnapshot().map((one) => newsOf(project, one))

  it('is said to who is in it', () => {
    disputed('title', 'By Ann', 'By Bob')
    expect(words()).toEqual(['Bob changed the title at the same time as you'])
    useView.getState().set({ language: 'ko' })
    expect(words()).toEqual(['Bob 님이 동시에 같은 항목을 수정했습니다: 제목'])
  })

  it('is said to who only sees it', () => {
    const values = ['bob', 'carol'].map((by) => ({ value: by, by, at: '' }))
    put('c', { field: 'location', values })
    expect(words()).toEqual(['Bob and carol both changed the location of “By Bob”'])
  })

  it('is said of a deletion', () => {
    deleted()
    expect(words()).toEqual(['Bob deleted “By Bob” while you edited it'])
  })
})
