import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

// y-protocols takes `Date.now` when it is loaded, and would go on with the real clock.
vi.hoisted(() => vi.useFakeTimers())

import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import * as Y from 'yjs'
import { COLORS, colorOf, POINTER_MS, RoomPresence } from './presence'

const EXPIRY_MS = 30_000
const GRACE_MS = 3_000

interface Entry {
  readonly id: number
  readonly clock: number
  readonly state: Record<string, unknown> | null
}

const made: RoomPresence[] = []

/** Somebody's presence, and everything that it has sent. */
function enter(id: string, deliver: (body: Uint8Array) => void = () => undefined) {
  const sent: { at: number; body: Uint8Array }[] = []
  const presence = new RoomPresence(
    new Y.Doc(),
    { id, name: id.toUpperCase(), color: '#123456' },
    {
      now: () => Date.now(),
      later(ms, call) {
        const timer = setTimeout(call, ms)
        return () => clearTimeout(timer)
      },
      send(body) {
        sent.push({ at: Date.now(), body })
        deliver(body)
      },
    },
  )
  made.push(presence)
  const clientId = presence.awareness.clientID
  return { presence, sent, clientId, entries: () => sent.flatMap(({ body }) => read(body)) }
}

function read(body: Uint8Array): Entry[] {
  const from = decoding.createDecoder(body)
  return Array.from({ length: decoding.readVarUint(from) }, () => ({
    id: decoding.readVarUint(from),
    clock: decoding.readVarUint(from),
    state: JSON.parse(decoding.readVarString(from)) as Entry['state'],
  }))
}

/** A message about some clients, as the server writes it. */
function message(...entries: { id: number; clock: number; state: unknown }[]): Uint8Array {
  return encoding.encode((out) => {
    encoding.writeVarUint(out, entries.length)
    for (const { id, clock, state } of entries) {
      encoding.writeVarUint(out, id)
      encoding.writeVarUint(out, clock)
      encoding.writeVarString(out, JSON.stringify(state))
    }
  })
}

const bob = (clock: number, more: object = {}, id = 7) => ({
  id,
  clock,
  state: { user: { id: 'bob', name: 'Bob', color: '#abcdef' }, ...more },
})
const gone = (clock: number, id = 7) => ({ id, clock, state: null })

beforeEach(() => vi.setSystemTime(new Date('2026-03-02T09:00:00Z')))
afterEach(() => {
  for (const presence of made.splice(0)) presence.close()
  vi.clearAllTimers()
})

describe('what one shows of oneself', () => {
  it('begins with who one is, and keeps that with everything that is shown', () => {
    const { presence } = enter('ann')
    const user = { id: 'ann', name: 'ANN', color: '#123456' }
    expect(presence.getSnapshot().self).toEqual({ user })
    presence.show({ typing: 'e1' })
    presence.show({ selected: { event: 'e2', recurrenceId: null } })
    expect(presence.getSnapshot().self).toEqual({
      user,
      typing: 'e1',
      selected: { event: 'e2', recurrenceId: null },
    })
  })

  it('is sent each time, under a growing clock, and under nobody else’s id', () => {
    const { presence, entries, clientId } = enter('ann')
    presence.show({ typing: 'e1' })
    presence.show({ typing: null })
    presence.introduce()
    const [first, second, third] = entries()
    expect(entries().every(({ id }) => id === clientId)).toBe(true)
    expect([first?.state?.typing, second?.state?.typing]).toEqual(['e1', null])
    expect(second?.clock).toBeGreaterThan(first?.clock ?? Number.NaN)
    expect(third).toEqual(second)
  })

  it('reaches somebody else whole', () => {
    const other = enter('bob')
    const { presence, clientId } = enter('ann', (body) => other.presence.receive(body))
    presence.show({ view: { kind: 'week', start: '2026-03-02', end: '2026-03-09' } })
    expect(other.presence.getSnapshot().others.get(clientId)).toEqual({
      clientId,
      user: { id: 'ann', name: 'ANN', color: '#123456' },
      view: { kind: 'week', start: '2026-03-02', end: '2026-03-09' },
    })
  })

  it('is said again before others would take it for gone', () => {
    const { sent } = enter('ann')
    vi.advanceTimersByTime(4 * EXPIRY_MS)
    const pauses = sent.slice(1).map(({ at }, before) => at - (sent[before]?.at ?? 0))
    expect(pauses.length).toBeGreaterThan(3)
    expect(Math.max(...pauses)).toBeLessThan(EXPIRY_MS)
  })

  it('is shown again when a server says that one has left', () => {
    const { presence, entries, clientId } = enter('ann')
    presence.receive(message(gone(5, clientId)))
    expect(presence.getSnapshot().self.user.id).toBe('ann')
    expect(entries().at(-1)).toMatchObject({ id: clientId, state: { user: { id: 'ann' } } })
    expect(entries().at(-1)?.clock).toBeGreaterThan(5)
  })
})

describe('a pointer', () => {
  const at = (x: number) => ({ pointer: { x, y: 0.5 } })

  it('goes out at once, then at most every 50 ms, the latest one last', () => {
    const { presence, sent, entries } = enter('ann')
    for (let moved = 0; moved <= 200; moved++) {
      presence.show(at(moved / 1000))
      vi.advanceTimersByTime(1)
    }
    vi.advanceTimersByTime(POINTER_MS)
    const times = sent.map((one) => one.at)
    expect(times.length).toBeGreaterThanOrEqual(5)
    expect(times.length).toBeLessThanOrEqual(6)
    for (const [next, time] of times.slice(1).entries())
      expect(time - (times[next] ?? 0)).toBeGreaterThanOrEqual(POINTER_MS)
    expect(entries().at(-1)?.state?.pointer).toEqual({ x: 0.2, y: 0.5 })
  })

  it('that waits goes along with whatever else is shown', () => {
    const { presence, entries } = enter('ann')
    presence.show(at(0.1))
    presence.show(at(0.2))
    presence.show({ typing: 'e1' })
    expect(entries().at(-1)?.state).toMatchObject({ pointer: { x: 0.2 }, typing: 'e1' })
    expect(entries()).toHaveLength(2)
    vi.advanceTimersByTime(POINTER_MS)
    expect(entries()).toHaveLength(2)
  })

  it('that leaves is gone at once and does not come back', () => {
    const { presence, entries } = enter('ann')
    presence.show(at(0.1))
    presence.show(at(0.2))
    presence.show({ pointer: null })
    expect(entries().at(-1)?.state?.pointer).toBeNull()
    vi.advanceTimersByTime(10 * POINTER_MS)
    expect(entries().at(-1)?.state?.pointer).toBeNull()
  })

  // The timer of a pointer that has gone out with something else is not called off.
  it('keeps its pace when something else was shown in between', () => {
    const { presence, sent } = enter('ann')
    const steps: [number, object][] = [
      [0, at(0.1)],
      [10, at(0.2)],
      [20, { typing: 'e1' }],
      [30, at(0.3)],
    ]
    const start = Date.now()
    for (const [ms, patch] of steps) {
      vi.advanceTimersByTime(start + ms - Date.now())
      presence.show(patch)
    }
    vi.advanceTimersByTime(200)
    const [, withTyping, last] = sent.map((one) => one.at - start)
    expect((last ?? 0) - (withTyping ?? 0)).toBeGreaterThanOrEqual(POINTER_MS)
  })
})

describe('what others show', () => {
  it('appears, changes and goes with what is heard', () => {
    const { presence } = enter('ann')
    presence.receive(message(bob(1)))
    expect(presence.getSnapshot().others.get(7)?.user.name).toBe('Bob')
    presence.receive(message(bob(2, { typing: 'e1' })))
    expect(presence.getSnapshot().others.get(7)?.typing).toBe('e1')
    presence.receive(message(bob(1, { typing: 'late' })))
    expect(presence.getSnapshot().others.get(7)?.typing).toBe('e1')
    presence.receive(message(gone(3)))
    expect(presence.getSnapshot().others.size).toBe(0)
  })

  it('is never sent back, whatever happens to it', () => {
    const { presence, entries, clientId } = enter('ann')
    presence.receive(message(bob(1), bob(1, {}, 8)))
    presence.receive(message(bob(2, { typing: 'e1' }), gone(2, 8)))
    presence.show({ typing: 'e2' })
    vi.advanceTimersByTime(2 * EXPIRY_MS)
    presence.receive(message(bob(3)))
    presence.forget()
    presence.introduce()
    expect(entries().length).toBeGreaterThan(2)
    expect(entries().filter(({ id }) => id !== clientId)).toEqual([])
  })

  it('makes no echo of its own: hearing others sends nothing', () => {
    const { presence, sent } = enter('ann')
    presence.receive(message(bob(1)))
    presence.receive(message(bob(2)))
    presence.receive(message(gone(3)))
    expect(sent).toEqual([])
  })

  it('is dropped when nothing has been heard of it for half a minute', () => {
    const { presence } = enter('ann')
    presence.receive(message(bob(1)))
    vi.advanceTimersByTime(EXPIRY_MS - 4_000)
    expect(presence.getSnapshot().others.size).toBe(1)
    vi.advanceTimersByTime(8_000)
    expect(presence.getSnapshot().others.size).toBe(0)
    expect(presence.getSnapshot().self.user.id).toBe('ann')
  })

  it('stays for as long as it is renewed', () => {
    const { presence } = enter('ann')
    for (let clock = 1; clock < 10; clock++) {
      presence.receive(message(bob(clock)))
      vi.advanceTimersByTime(EXPIRY_MS / 2)
    }
    expect(presence.getSnapshot().others.size).toBe(1)
  })

  it('is forgotten when the line is gone, and seen again under a newer clock', () => {
    const { presence } = enter('ann')
    presence.receive(message(bob(1)))
    presence.show({ typing: 'e1' })
    presence.forget()
    expect(presence.getSnapshot().others.size).toBe(0)
    expect(presence.awareness.getLocalState()).toMatchObject({ typing: 'e1' })
    presence.receive(message(bob(2)))
    expect(presence.getSnapshot().others.size).toBe(1)
  })

  // y-protocols keeps the clock of who was removed; the server sends what has not changed as it was.
  it('is seen again at once after a lost line, though nothing of it has changed', () => {
    const { presence } = enter('ann')
    presence.receive(message(bob(1)))
    presence.forget()
    presence.receive(message(bob(1)))
    expect(presence.getSnapshot().others.size).toBe(1)
  })

  it('counts only if it says who it is, and is given a name and a colour if it has none', () => {
    const { presence } = enter('ann')
    const states: unknown[] = [
      {},
      { user: null },
      { user: { id: 5 } },
      'text',
      { user: { id: 'eve', name: '', color: 'url(//evil)' } },
    ]
    presence.receive(message(...states.map((state, at) => ({ id: at + 1, clock: 1, state }))))
    expect([...presence.getSnapshot().others.values()]).toEqual([
      { clientId: 5, user: { id: 'eve', name: 'eve', color: colorOf('eve') } },
    ])
  })

  it('is told to who listens, in a snapshot that stays the same until then', () => {
    const { presence } = enter('ann')
    const heard = vi.fn()
    const end = presence.subscribe(heard)
    const before = presence.getSnapshot()
    presence.receive(message(bob(1)))
    expect(heard).toHaveBeenCalledTimes(1)
    const after = presence.getSnapshot()
    expect(after).not.toBe(before)
    expect(before.others.size).toBe(0)
    presence.receive(message(bob(2)))
    expect([heard.mock.calls.length, presence.getSnapshot()]).toEqual([1, after])
    end()
    presence.receive(message(bob(3, { typing: 'e1' })))
    expect(heard).toHaveBeenCalledTimes(1)
  })
})

describe('comings and goings', () => {
  function watched(id = 'ann') {
    const entered = enter(id)
    const heard: string[] = []
    const end = entered.presence.onComing(({ joined, left }) => {
      heard.push(
        ...joined.map(({ user }) => `+${user.id}`),
        ...left.map(({ user }) => `-${user.id}`),
      )
    })
    return { ...entered, heard, end }
  }

  it('are by user, however many windows they have', () => {
    const { presence, heard } = watched()
    presence.receive(message(bob(1)))
    presence.receive(message(bob(1, {}, 8)))
    presence.receive(message(gone(2)))
    vi.advanceTimersByTime(2 * GRACE_MS)
    expect(heard).toEqual(['+bob'])
    presence.receive(message(gone(2, 8)))
    vi.advanceTimersByTime(GRACE_MS)
    expect(heard).toEqual(['+bob', '-bob'])
  })

  it('say nothing of somebody who only reloads the page', () => {
    const { presence, heard } = watched()
    presence.receive(message(bob(1)))
    presence.receive(message(gone(2)))
    vi.advanceTimersByTime(GRACE_MS - 1)
    presence.receive(message(bob(1, {}, 8)))
    vi.advanceTimersByTime(10 * GRACE_MS)
    expect(heard.filter((one) => one.startsWith('-'))).toEqual([])
    expect(heard).toEqual(['+bob'])
  })

  it('say nothing of one’s own other windows, which are among the others all the same', () => {
    const { presence, heard } = watched()
    presence.receive(message({ id: 9, clock: 1, state: { user: { id: 'ann', name: 'Ann' } } }))
    expect(presence.getSnapshot().others.has(9)).toBe(true)
    expect(heard).toEqual([])
  })

  it('are told of again when somebody comes back later', () => {
    const { presence, heard, end } = watched()
    presence.receive(message(bob(1)))
    presence.receive(message(gone(2)))
    vi.advanceTimersByTime(GRACE_MS)
    presence.receive(message(bob(3)))
    expect(heard).toEqual(['+bob', '-bob', '+bob'])
    end()
    presence.receive(message({ id: 11, clock: 1, state: { user: { id: 'carl' } } }))
    expect(heard).toHaveLength(3)
  })
})

it('says nothing more after it is closed', () => {
  const { presence, sent } = enter('ann')
  const heard = vi.fn()
  presence.receive(message(bob(1)))
  presence.show({ pointer: { x: 0, y: 0 } })
  presence.show({ pointer: { x: 1, y: 1 } })
  presence.close()
  presence.subscribe(heard)
  const before = sent.length
  presence.introduce()
  vi.advanceTimersByTime(2 * EXPIRY_MS)
  expect([sent.length, heard.mock.calls.length]).toEqual([before, 0])
})

it('gives a user the same colour everywhere, and different users most of them', () => {
  expect(colorOf('ann')).toBe(colorOf('ann'))
  const used = new Set(Array.from({ length: 200 }, (_, at) => colorOf(`user-${at}`)))
  expect(used.size).toBe(COLORS.length)
  expect(COLORS).toContain(colorOf(''))
})
