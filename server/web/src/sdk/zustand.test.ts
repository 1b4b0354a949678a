// @vitest-environment jsdom
import { act, cleanup, renderHook } from '@testing-library/react'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { useStore } from 'zustand'
import { type OpenProject, openProject } from './project'
import type { OpenTransport } from './sync/transport'
import { bindProject, type ProjectStore } from './zustand'

const WHEN = { start: '2026-03-02T09:00:00', end: '2026-03-02T10:00:00', tz: 'Asia/Seoul' }
const silence: OpenTransport = () => ({
  send: () => undefined,
  close: () => undefined,
  bufferedBytes: 0,
})

let project: OpenProject
let store: ProjectStore

beforeEach(async () => {
  project = openProject(
    { project: 'team', user: { id: 'ann', name: 'Ann' }, server: 'http://x', offline: false },
    { websocket: silence, polling: silence },
  )
  await project.ready
  store = bindProject(project)
})
afterEach(async () => {
  cleanup()
  store.destroy()
  await project.close()
})

it('begins with the snapshots that the project has', () => {
  const { calendar, connection, saved, presence, conflicts } = project
  expect(store.getState()).toEqual({
    calendar: calendar.getSnapshot(),
    connection: connection.getSnapshot(),
    saved: saved.getSnapshot(),
    presence: presence.getSnapshot(),
    conflicts: conflicts.getSnapshot(),
  })
})

it('follows every part, and changes no other part with it', async () => {
  const before = store.getState()
  project.presence.show({ typing: 'e1' })
  expect(store.getState().presence.self.typing).toBe('e1')
  expect(store.getState().calendar).toBe(before.calendar)
  project.connection.pause()
  expect(store.getState().connection.state).toBe('offline')
  project.calendar.create({ title: 'Lunch', when: WHEN })
  expect(store.getState().calendar.size).toBe(1)
  await Promise.resolve()
  expect(store.getState().saved).toMatchObject({ state: 'unsaved', pendingCount: 1 })
  expect(before.calendar.size).toBe(0)
})

it('follows conflicts', () => {
  const before = store.getState().conflicts
  const id = project.calendar.create({ title: 'Lunch', when: WHEN })
  const values = [
    { value: 'Lunch', by: 'ann', at: '2026-03-02T00:00:00Z' },
    { value: 'Dinner', by: 'bob', at: '2026-03-02T00:00:01Z' },
  ]
  project.doc
    .getMap('conflicts')
    .set('c1', { event: id, field: 'title', values, stands: 0, state: 'open' })
  expect(store.getState().conflicts).toBe(project.conflicts.getSnapshot())
  expect(store.getState().conflicts).not.toBe(before)
})

it('renders a component for the part that it selects, and for no other', () => {
  const renders = vi.fn()
  const { result } = renderHook(() => {
    renders()
    return useStore(store, ({ calendar }) => calendar.size)
  })
  act(() => project.presence.show({ typing: 'e1' }))
  expect(renders).toHaveBeenCalledTimes(1)
  act(() => void project.calendar.create({ title: 'Lunch', when: WHEN }))
  expect([result.current, renders.mock.calls.length]).toEqual([1, 2])
})

it('tells its own listeners which state was before', () => {
  const sizes: [number, number][] = []
  store.subscribe((state, before) => sizes.push([before.calendar.size, state.calendar.size]))
  project.calendar.create({ title: 'Lunch', when: WHEN })
  expect(sizes[0]?.[0]).toBe(0)
  expect(sizes.at(-1)?.[1]).toBe(1)
})

it('writes nothing into the project', () => {
  const state = project.calendar.getSnapshot()
  store.setState({ calendar: { ...state, size: 99 } })
  expect(project.calendar.getSnapshot()).toBe(state)
})

it('stands still once it is destroyed, and leaves no listener behind', () => {
  const ends = (['calendar', 'connection', 'saved', 'presence', 'conflicts'] as const).map(
    (part) => {
      const end = vi.fn()
      vi.spyOn(project[part], 'subscribe').mockReturnValue(end)
      return end
    },
  )
  bindProject(project).destroy()
  for (const end of ends) expect(end).toHaveBeenCalledTimes(1)
  store.destroy()
  project.calendar.create({ title: 'Lunch', when: WHEN })
  expect(store.getState().calendar.size).toBe(0)
})
