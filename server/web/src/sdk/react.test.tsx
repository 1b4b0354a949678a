// @vitest-environment jsdom
import { act, cleanup, render, renderHook, screen } from '@testing-library/react'
import * as encoding from 'lib0/encoding'
import { StrictMode } from 'react'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type OpenProject, openProject } from './project'
import {
  isShallowEqual,
  useInstances,
  usePresence,
  useReadable,
  useRealtimeCalendar,
} from './react'
import type { OpenTransport } from './sync/transport'
import type { Readable } from './types'

const ZONE = 'Asia/Seoul'
const WHEN = { start: '2026-03-02T09:00:00', end: '2026-03-02T10:00:00', tz: ZONE }
const [MARCH, APRIL, MAY] = [2, 3, 4].map((month) => Date.UTC(2026, month, 1)) as [
  number,
  number,
  number,
]

const silence: OpenTransport = () => ({
  send: () => undefined,
  close: () => undefined,
  bufferedBytes: 0,
})

let project: OpenProject

const open = (id: string) =>
  openProject(
    { project: id, user: { id: 'ann', name: 'Ann' }, server: 'http://x', offline: false },
    { websocket: silence, polling: silence },
  )

beforeEach(async () => {
  project = open('team')
  await project.ready
})
afterEach(async () => {
  cleanup()
  await project.close()
})

/** Somebody else shows something, as if the server had said so. */
function hear(clientId: number, clock: number, state: unknown): void {
  const body = encoding.encode((out) => {
    for (const number of [1, clientId, clock]) encoding.writeVarUint(out, number)
    encoding.writeVarString(out, JSON.stringify(state))
  })
  project.presence.receive(body)
}

const bob = (more: object = {}) => ({ user: { id: 'bob', name: 'Bob', color: '#123456' }, ...more })

/** A readable of our own, with the number of its listeners. */
function source<T>(first: T) {
  const listeners = new Set<() => void>()
  let value = first
  const readable: Readable<T> = {
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    getSnapshot: () => value,
  }
  const set = (next: T) => {
    value = next
    for (const listener of [...listeners]) listener()
  }
  return { readable, set, count: () => listeners.size }
}

describe('useReadable', () => {
  it('shows the snapshot, and the next one when it changes', () => {
    const { readable, set } = source(1)
    const { result } = renderHook(() => useReadable(readable))
    expect(result.current).toBe(1)
    act(() => set(2))
    expect(result.current).toBe(2)
  })

  it('hears no more once it is gone, in strict mode too', () => {
    const { readable, count } = source(1)
    const { unmount } = renderHook(() => useReadable(readable), { wrapper: StrictMode })
    expect(count()).toBe(1)
    unmount()
    expect(count()).toBe(0)
  })

  it('renders again only when what it selects differs', () => {
    const { readable, set } = source({ name: 'a', other: 1 })
    const renders = vi.fn()
    const { result } = renderHook(() => {
      renders()
      return useReadable(readable, ({ name }) => name)
    })
    act(() => set({ name: 'a', other: 2 }))
    expect(renders).toHaveBeenCalledTimes(1)
    act(() => set({ name: 'b', other: 2 }))
    expect([renders.mock.calls.length, result.current]).toEqual([2, 'b'])
  })

  it('keeps the object it has for one that is equal to it', () => {
    const { readable, set } = source([3, 1, 2])
    const { result } = renderHook(() =>
      useReadable(readable, (list) => [...list].sort(), isShallowEqual),
    )
    const before = result.current
    act(() => set([2, 1, 3]))
    expect(result.current).toBe(before)
    act(() => set([2, 1]))
    expect(result.current).toEqual([1, 2])
  })

  it('follows another readable, and none, when it is given that', () => {
    const [one, other] = [source('one'), source('other')]
    const { result, rerender } = renderHook(
      ({ from }: { from: Readable<string> | null }) => useReadable(from, (text) => text),
      { initialProps: { from: one.readable as Readable<string> | null } },
    )
    rerender({ from: other.readable })
    expect([result.current, one.count(), other.count()]).toEqual(['other', 0, 1])
    act(() => other.set('changed'))
    expect(result.current).toBe('changed')
    rerender({ from: null })
    expect([result.current, other.count()]).toEqual([null, 0])
  })

  it('uses what is selected now, not what was selected at first', () => {
    const { readable } = source({ a: 1, b: 2 })
    const { result, rerender } = renderHook(
      ({ key }: { key: 'a' | 'b' }) => useReadable(readable, (all) => all[key]),
      { initialProps: { key: 'a' as 'a' | 'b' } },
    )
    rerender({ key: 'b' })
    expect(result.current).toBe(2)
  })
})

describe('isShallowEqual', () => {
  it('compares arrays and plain objects by their members', () => {
    expect(isShallowEqual([1, 'a'], [1, 'a'])).toBe(true)
    expect(isShallowEqual([1, 2], [2, 1])).toBe(false)
    expect(isShallowEqual([1], [1, 2])).toBe(false)
    expect(isShallowEqual({ a: 1, b: Number.NaN }, { b: Number.NaN, a: 1 })).toBe(true)
    expect(isShallowEqual({ a: 1 }, { a: 2 })).toBe(false)
    expect(isShallowEqual({ a: {} }, { a: {} })).toBe(false)
    expect([isShallowEqual(null, {}), isShallowEqual(0, -0), isShallowEqual('a', 'a')]).toEqual([
      false,
      false,
      true,
    ])
  })

  // A Map has no entries of its own as an object, so all Maps are equal to all others.
  it('does not take maps with different members for equal', () => {
    expect(isShallowEqual(new Map([[1, 'a']]), new Map([[2, 'b']]))).toBe(false)
  })

  it('does not take a missing member for one that is undefined', () => {
    expect(isShallowEqual({ a: undefined }, { b: undefined })).toBe(false)
  })
})

describe('useRealtimeCalendar', () => {
  it('shows edits from here and from others', () => {
    const { result } = renderHook(() => useRealtimeCalendar(project))
    expect(result.current.calendar.size).toBe(0)
    let id = ''
    act(() => {
      id = result.current.create({ title: 'Lunch', when: WHEN })
    })
    expect(result.current.calendar.size).toBe(1)
    act(() => result.current.remove(id))
    expect(result.current.calendar).toMatchObject({ size: 0, binned: 1 })
    act(() => result.current.restore(id))
    act(() => void result.current.write(id, { title: 'Dinner' }))
    expect(result.current.calendar.size).toBe(1)
    expect(project.calendar.event(id)?.title).toBe('Dinner')
    act(() => project.doc.transact(() => project.doc.getMap('events').delete(id), 'somebody'))
    expect(result.current.calendar.size).toBe(0)
  })

  it('undoes and redoes', () => {
    const { result } = renderHook(() => useRealtimeCalendar(project))
    act(() => void result.current.create({ title: 'Lunch', when: WHEN }))
    act(() => result.current.undo())
    expect(result.current.calendar.size).toBe(0)
    act(() => result.current.redo())
    expect(result.current.calendar.size).toBe(1)
  })

  it('tells how the line and the saving are', async () => {
    const { result } = renderHook(() => useRealtimeCalendar(project))
    expect(result.current.saved.state).toBe('server')
    await act(async () => void result.current.create({ title: 'Lunch', when: WHEN }))
    expect(result.current.saved).toMatchObject({ state: 'unsaved', pendingCount: 1 })
    act(() => project.connection.pause())
    expect(result.current.connection.state).toBe('offline')
  })

  it('has the same functions from render to render, and others for another project', async () => {
    const other = open('other')
    const { result, rerender } = renderHook(({ of }) => useRealtimeCalendar(of), {
      initialProps: { of: project },
    })
    const { create, undo } = result.current
    act(() => void result.current.create({ title: 'Lunch', when: WHEN }))
    expect([result.current.create, result.current.undo]).toEqual([create, undo])
    rerender({ of: other })
    act(() => void result.current.create({ title: 'Elsewhere', when: WHEN }))
    expect([project.calendar.getSnapshot().size, other.calendar.getSnapshot().size]).toEqual([1, 1])
    await other.close()
  })
})

describe('useInstances', () => {
  it('shows what takes place in the range, and changes with it', () => {
    function List() {
      const instances = useInstances(project, MARCH, APRIL, ZONE)
      return <p>{instances.map(({ title }) => title).join(', ')}</p>
    }
    render(<List />)
    let id = ''
    act(() => {
      id = project.calendar.create({ title: 'Lunch', when: WHEN })
    })
    expect(screen.getByText('Lunch')).toBeTruthy()
    act(() => void project.calendar.write(id, { title: 'Dinner' }))
    expect(screen.getByText('Dinner')).toBeTruthy()
    act(() => project.calendar.remove(id))
    expect(screen.queryByText('Dinner')).toBeNull()
  })

  it('keeps its array while nothing in the range changes', () => {
    const renders = vi.fn()
    const { result } = renderHook(() => {
      renders()
      return useInstances(project, MARCH, APRIL, ZONE)
    })
    act(() => void project.calendar.create({ title: 'Lunch', when: WHEN }))
    const [before, times] = [result.current, renders.mock.calls.length]
    act(
      () =>
        void project.calendar.create({
          title: 'Later',
          when: { start: '2026-04-20', end: '2026-04-21', tz: null },
        }),
    )
    expect(result.current).toBe(before)
    expect(renders).toHaveBeenCalledTimes(times)
  })

  it('shows another range when it is asked for that', () => {
    project.calendar.create({ title: 'March', when: WHEN })
    project.calendar.create({
      title: 'April',
      when: { start: '2026-04-20', end: '2026-04-21', tz: null },
    })
    const { result, rerender } = renderHook(
      ({ from, to }) => useInstances(project, from, to, ZONE),
      { initialProps: { from: MARCH, to: APRIL } },
    )
    expect(result.current.map(({ title }) => title)).toEqual(['March'])
    rerender({ from: APRIL, to: MAY })
    expect(result.current.map(({ title }) => title)).toEqual(['April'])
  })

  it('is stable for several components with ranges of their own', () => {
    project.calendar.create({ title: 'March', when: WHEN })
    const renders = vi.fn()
    function Count({ from, to }: { from: number; to: number }) {
      renders()
      return <i>{useInstances(project, from, to, ZONE).length}</i>
    }
    const { container } = render(
      <>
        <Count from={MARCH} to={APRIL} />
        <Count from={APRIL} to={MAY} />
      </>,
    )
    expect(container.textContent).toBe('10')
    expect(renders).toHaveBeenCalledTimes(2)
  })

  it('is stable for any number of components with ranges of their own', () => {
    project.calendar.create({ title: 'March', when: WHEN })
    const hour = 3_600_000
    function Count({ n }: { n: number }) {
      return <i>{useInstances(project, MARCH - n * hour, APRIL, ZONE).length}</i>
    }
    const numbers = Array.from({ length: 80 }, (_, n) => n)
    const { container } = render(numbers.map((n) => <Count key={n} n={n} />))
    expect(container.textContent).toBe('1'.repeat(80))
    act(() => void project.calendar.create({ title: 'Other', when: WHEN }))
    expect(container.textContent).toBe('2'.repeat(80))
  })

  it('leaves no listener behind', () => {
    const end = vi.fn()
    const subscribe = vi.spyOn(project.calendar, 'subscribe').mockReturnValue(end)
    const { rerender, unmount } = renderHook(() => useInstances(project, MARCH, APRIL, ZONE))
    rerender()
    expect([subscribe.mock.calls.length, end.mock.calls.length]).toEqual([1, 0])
    unmount()
    expect(end).toHaveBeenCalledTimes(1)
  })
})

describe('usePresence', () => {
  const names = ({ others }: ReturnType<OpenProject['presence']['getSnapshot']>) =>
    [...others.values()].map(({ user }) => user.name)

  it('shows who comes and who goes', () => {
    const { result } = renderHook(() => usePresence(project, names))
    expect(result.current).toEqual([])
    act(() => hear(7, 1, bob()))
    expect(result.current).toEqual(['Bob'])
    act(() => hear(7, 2, null))
    expect(result.current).toEqual([])
  })

  it('shows what one shows oneself', () => {
    const { result } = renderHook(() => usePresence(project, ({ self }) => self.typing))
    act(() => project.presence.show({ typing: 'e1' }))
    expect(result.current).toBe('e1')
  })

  it('does not render for pointers when only names are selected', () => {
    const renders = vi.fn()
    const { result } = renderHook(() => {
      renders()
      return usePresence(project, names)
    })
    act(() => hear(7, 1, bob()))
    const [before, times] = [result.current, renders.mock.calls.length]
    for (let clock = 2; clock < 20; clock++)
      act(() => hear(7, clock, bob({ pointer: { x: clock / 20, y: 0 } })))
    expect(result.current).toBe(before)
    expect(renders).toHaveBeenCalledTimes(times)
  })

  // isShallowEqual takes all Maps for equal, and `others` is one.
  it('shows others when all of them are selected', () => {
    const { result } = renderHook(() => usePresence(project, ({ others }) => others))
    act(() => hear(7, 1, bob()))
    expect(result.current.size).toBe(1)
  })
})
