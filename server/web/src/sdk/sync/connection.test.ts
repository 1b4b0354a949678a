import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import * as Y from 'yjs'
import { TokenRefused } from '../types'
import { DocumentConnection } from './connection'
import { decode, encode, type Message } from './messages'
import { SaveLedger } from './saved'
import type { OpenTransport, TransportEvents } from './transport'

/** A line that the test holds the other end of. */
interface Line {
  readonly events: TransportEvents
  readonly sent: (Message | null)[]
  isClosed: boolean
}

function connect(token?: (refused: boolean) => Promise<string | null>) {
  const lines: Line[] = []
  const open: OpenTransport = (_, events) => {
    const line: Line = { events, sent: [], isClosed: false }
    lines.push(line)
    return {
      send: (message) => line.sent.push(decode(message)),
      close() {
        line.isClosed = true
      },
      bufferedBytes: 0,
    }
  }
  const doc = new Y.Doc()
  const saved = new SaveLedger()
  const connection = new DocumentConnection(
    doc,
    saved,
    { server: 'http://x', project: 'team', user: 'ann', token },
    {
      websocket: open,
      polling: open,
      now: () => Date.now(),
      random: () => 0.5,
      later(ms, call) {
        const timer = setTimeout(call, ms)
        return () => clearTimeout(timer)
      },
      online: () => true,
    },
  )
  connection.start()
  const line = async (at = lines.length - 1) => {
    await vi.advanceTimersByTimeAsync(0)
    return lines[at] ?? (lines.at(-1) as Line)
  }
  return { connection, doc, saved, lines, line, state: () => connection.getSnapshot().state }
}

const hello = () => encode({ type: 'step1', stateVector: Y.encodeStateVector(new Y.Doc()) })

/** y-protocols/auth: PermissionDenied. */
const denied = (reason: string) =>
  new Uint8Array([2, 0, reason.length, ...new TextEncoder().encode(reason)])

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

describe('a connection that hears what cannot be read', () => {
  it('lets go of the line, says so, and comes back by itself', async () => {
    const { line, lines, state } = connect()
    const first = await line()
    first.events.onMessage(hello())
    expect(state()).toBe('connected')
    first.events.onMessage(new Uint8Array([0, 2, 200]))
    expect([state(), first.isClosed]).toEqual(['reconnecting', true])
    await vi.advanceTimersByTimeAsync(1_000)
    expect(lines).toHaveLength(2)
    lines[1]?.events.onMessage(hello())
    expect(state()).toBe('connected')
  })

  it('passes over a kind of message that it does not know', async () => {
    const { line, state } = connect()
    const first = await line()
    first.events.onMessage(hello())
    first.events.onMessage(new Uint8Array([250, 1, 1]))
    expect([state(), first.isClosed]).toEqual(['connected', false])
  })

  // Only `decode` is guarded; what is in the message is read outside of it.
  it('is not thrown off by a frame whose update is no update', async () => {
    const { line } = connect()
    const first = await line()
    const broken = encode({ type: 'update', update: new Uint8Array([9, 9, 9]) })
    expect(() => first.events.onMessage(broken)).not.toThrow()
  })

  // The throw comes before the heartbeat is set, and after the other timers were called off.
  it('finds out that the line is dead after a first frame that is no update', async () => {
    const { line, state } = connect()
    const first = await line()
    const broken = encode({ type: 'update', update: new Uint8Array([9, 9, 9]) })
    try {
      first.events.onMessage(broken)
    } catch {
      // a browser writes it to the console, and goes on
    }
    await vi.advanceTimersByTimeAsync(21_000)
    expect([state(), first.isClosed]).not.toEqual(['connected', false])
  })
})

describe('a connection', () => {
  it('answers with what the server lacks, and calls it saved when the server says so', async () => {
    const { doc, saved, line } = connect()
    doc.getMap('events').set('a', 1)
    saved.isHere(saved.note(['a'], 0), 1)
    const first = await line()
    first.events.onMessage(hello())
    const step2 = first.sent.find((message) => message?.type === 'step2')
    const there = new Y.Doc()
    Y.applyUpdate(there, step2?.type === 'step2' ? step2.update : new Uint8Array())
    expect(there.getMap('events').toJSON()).toEqual({ a: 1 })
    expect(saved.of('a')).toBe('here')
    const asked = first.sent.find((message) => message?.type === 'status')
    first.events.onMessage(encode(asked as Message))
    expect(saved.of('a')).toBe('server')
  })

  it('takes silence for a dead line: asks after 15 s, and waits 5 s for the answer', async () => {
    const { line, state } = connect()
    const first = await line()
    first.events.onMessage(hello())
    const asked = first.sent.find((message) => message?.type === 'status')
    first.events.onMessage(encode(asked as Message))
    await vi.advanceTimersByTimeAsync(14_999)
    const before = first.sent.length
    await vi.advanceTimersByTimeAsync(1)
    expect(first.sent.slice(before).map((message) => message?.type)).toEqual(['status'])
    await vi.advanceTimersByTimeAsync(4_999)
    expect(state()).toBe('connected')
    await vi.advanceTimersByTimeAsync(1)
    expect([state(), first.isClosed]).toEqual(['reconnecting', true])
  })

  it('does not try again by itself after a refusal, and does when it is told to', async () => {
    const { connection, line, lines, state } = connect()
    const first = await line()
    first.events.onClose(4403, 'not a member')
    expect(connection.getSnapshot()).toMatchObject({
      state: 'error',
      refusal: { code: 4403, reason: 'not a member' },
      retryAt: null,
    })
    await vi.advanceTimersByTimeAsync(600_000)
    expect(lines).toHaveLength(1)
    connection.retry()
    await line()
    expect(lines).toHaveLength(2)
    lines[1]?.events.onMessage(hello())
    expect([state(), connection.getSnapshot().refusal]).toEqual(['connected', null])
  })
  it('stays refused when it is paused and resumed, and says nothing else meanwhile', async () => {
    const { connection, line, lines, state } = connect()
    const first = await line()
    first.events.onClose(4404, 'no such project')
    connection.pause()
    connection.resume()
    await vi.advanceTimersByTimeAsync(600_000)
    expect([state(), lines.length]).toEqual(['error', 1])
  })

  it('knows nothing of a line that is gone', async () => {
    const { connection, line } = connect()
    const first = await line()
    first.events.onMessage(hello())
    expect(connection.getSnapshot().transport).toBe('websocket')
    connection.pause()
    expect(connection.getSnapshot()).toMatchObject({ transport: null, latencyMs: null })
  })

  it('asks again for a token that could not be fetched', async () => {
    const token = vi.fn().mockRejectedValueOnce(new TypeError('no network')).mockResolvedValue('t')
    const { line, lines, state } = connect(token)
    await line()
    expect([state(), lines.length]).toEqual(['connecting', 0])
    await vi.advanceTimersByTimeAsync(2_000)
    expect(lines).toHaveLength(1)
  })

  it('does not wait for ever for a token', async () => {
    const token = vi
      .fn()
      .mockReturnValueOnce(new Promise(() => undefined))
      .mockResolvedValue('t')
    const { lines } = connect(token)
    await vi.advanceTimersByTimeAsync(12_000)
    expect(lines).toHaveLength(1)
  })

  it('stops when there will be no token', async () => {
    const token = vi.fn().mockRejectedValue(new TokenRefused('ask the owner'))
    const { connection, line, lines } = connect(token)
    await line()
    await vi.advanceTimersByTimeAsync(600_000)
    expect([token.mock.calls.length, lines.length]).toEqual([1, 0])
    expect(connection.getSnapshot()).toMatchObject({
      state: 'error',
      refusal: { code: 4401, reason: 'ask the owner' },
    })
  })

  it('calls nothing saved that was refused, however late the answer comes', async () => {
    const { saved, line } = connect()
    const first = await line()
    first.events.onMessage(hello())
    saved.isHere(saved.note(['a'], 0), 1)
    vi.advanceTimersByTime(15_000)
    const asked = first.sent.findLast((message) => message?.type === 'status')
    first.events.onMessage(denied('a viewer'))
    first.events.onMessage(hello())
    first.events.onMessage(encode(asked as Message))
    expect(saved.of('a')).toBe('here')
  })

  it('sends what was refused when the server asks for it again', async () => {
    const { connection, saved, line } = connect()
    const first = await line()
    first.events.onMessage(hello())
    saved.isHere(saved.note(['a'], 0), 1)
    first.events.onMessage(denied('a viewer'))
    await expect(saved.settled()).rejects.toThrow('a viewer')
    expect(connection.getSnapshot().readOnly).toBe(true)
    first.events.onMessage(hello())
    expect(connection.getSnapshot().readOnly).toBe(false)
    const asked = first.sent.findLast((message) => message?.type === 'status')
    first.events.onMessage(encode(asked as Message))
    expect(saved.of('a')).toBe('server')
  })
})
