// @vitest-environment jsdom
import { beforeEach, describe, expect, it, vi } from 'vitest'
import * as Y from 'yjs'
import { openCalendar } from '../../sdk/model/calendar'
import type { Project } from '../../sdk/types'
import { useView } from '../view'
import { redo, remove, undo } from './actions'

const world = vi.hoisted(() => ({ open: [] as Project[], dismissed: [] as unknown[] }))
vi.mock('sonner', () => ({
  toast: Object.assign(() => undefined, { dismiss: (id: unknown) => world.dismissed.push(id) }),
}))
vi.mock('../editor/scope', () => ({ askScope: async () => 'this' }))
vi.mock('../workspace', () => ({
  mayEdit: () => true,
  workspace: { getSnapshot: () => world },
}))

const WHEN = { start: '2026-03-02T14:00:00', end: '2026-03-02T15:00:00', tz: 'Asia/Seoul' }
const openProject = (id: string) =>
  ({ id, calendar: openCalendar(new Y.Doc(), { id: 'ann' }) }) as unknown as Project
const titles = () =>
  world.open
    .flatMap(({ calendar }) => [...calendar.range(0, 4e12, 'UTC')].map(({ title }) => title))
    .sort()

beforeEach(() => {
  world.open = [openProject('team'), openProject('home')]
  useView.getState().set({ shown: ['team', 'home'], target: 'team', selection: null })
})

describe('undo and redo', () => {
  it('go through what was done from the end, whichever calendar it was in', () => {
    const [team, home] = world.open.map(({ calendar }) => calendar)
    for (const [calendar, title] of [
      [team, 'one'],
      [home, 'two'],
      [team, 'three'],
      [home, 'four'],
    ] as const) {
      calendar?.create({ title, when: WHEN })
      calendar?.history.separate()
    }
    undo()
    expect(titles()).toEqual(['one', 'three', 'two'])
    undo()
    expect(titles()).toEqual(['one', 'two'])
    redo()
    expect(titles()).toEqual(['one', 'three', 'two'])
    undo()
    undo()
    undo()
    undo()
    expect(titles()).toEqual([])
    redo()
    redo()
    expect(titles()).toEqual(['one', 'two'])
  })
})

describe('a deletion', () => {
  it('of one of a series can be taken back until something else has been done', async () => {
    const calendar = world.open[0]?.calendar
    if (!calendar) return
    const recurrence = { rrule: 'FREQ=DAILY;COUNT=3' }
    const event = calendar.create({ title: 'Daily', when: WHEN, recurrence })
    await remove({ project: 'team', event, recurrenceId: WHEN.start })
    expect(titles()).toEqual(['Daily', 'Daily'])
    expect(world.dismissed).toEqual([])
    calendar.create({ title: 'Other', when: WHEN })
    expect(world.dismissed).toEqual([`removed ${event}`])
    undo()
    expect(titles()).toEqual(['Daily', 'Daily'])
    undo()
    expect(titles()).toEqual(['Daily', 'Daily', 'Daily'])
  })
})
