import * as fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { SaveLedger } from './saved'

/** Whether a promise has settled by now, and how. */
async function fate(promise: Promise<void>): Promise<string> {
  const pending = new Promise<string>((resolve) => setTimeout(resolve, 0, 'pending'))
  return Promise.race([
    pending,
    promise.then(
      () => 'settled',
      (error: Error) => error.message,
    ),
  ])
}

describe('an edit', () => {
  it('is unsaved, then here, then on the server', () => {
    const ledger = new SaveLedger()
    expect(ledger.getSnapshot().state).toBe('server')
    const number = ledger.note(['lunch'], 1000)
    expect(ledger.getSnapshot()).toMatchObject({
      state: 'unsaved',
      pendingCount: 1,
      pending: [{ number, events: ['lunch'], at: 1000, state: 'unsaved' }],
    })
    expect(ledger.isHere(number, 42)).toBe(true)
    expect(ledger.getSnapshot()).toMatchObject({ state: 'here', pending: [{ state: 'here' }] })
    expect(ledger.arrived(number)).toEqual([42])
    expect(ledger.getSnapshot()).toMatchObject({ state: 'server', pending: [], pendingCount: 0 })
  })

  it('that arrives before the disk has it leaves no row to keep', () => {
    const ledger = new SaveLedger()
    const number = ledger.note(['lunch'], 0)
    expect(ledger.arrived(number)).toEqual([])
    expect(ledger.isHere(number, 1)).toBe(false)
    expect(ledger.rowOf(number)).toBeNull()
    expect(ledger.of('lunch')).toBe('server')
  })

  it('of a former visit is here, and is kept in its order', () => {
    const ledger = new SaveLedger()
    ledger.restore([
      [7, { events: ['a'], at: 1 }],
      [9, { events: ['b'], at: 2 }],
    ])
    expect(ledger.getSnapshot().state).toBe('here')
    expect(ledger.getSnapshot().pending.map(({ events }) => events)).toEqual([['a'], ['b']])
    expect(ledger.arrived(ledger.last)).toEqual([7, 9])
  })

  it('can be found to be about more events, each once', () => {
    const ledger = new SaveLedger()
    const number = ledger.note(['a'], 5)
    ledger.extend(number, ['b', 'a'])
    expect(ledger.rowOf(number)).toEqual({ events: ['a', 'b'], at: 5 })
    expect([ledger.of('a'), ledger.of('b')]).toEqual(['unsaved', 'unsaved'])
    ledger.isHere(number, 1)
    ledger.extend(number, ['c'])
    expect(ledger.of('c')).toBe('here')
  })

  it('that has arrived is not brought back by what is learned of it late', () => {
    const ledger = new SaveLedger()
    const number = ledger.note(['a'], 5)
    ledger.arrived(number)
    ledger.extend(number, ['b'])
    expect(ledger.getSnapshot()).toMatchObject({ state: 'server', pendingCount: 0 })
  })
})

describe('the ledger', () => {
  it('says of an event what the edit of it that has come least far is', () => {
    const ledger = new SaveLedger()
    const first = ledger.note(['a', 'b'], 0)
    ledger.isHere(first, 1)
    const second = ledger.note(['b'], 0)
    expect([ledger.of('a'), ledger.of('b'), ledger.of('c')]).toEqual(['here', 'unsaved', 'server'])
    expect(ledger.getSnapshot().state).toBe('unsaved')
    ledger.isHere(second, 2)
    expect([ledger.of('b'), ledger.getSnapshot().state]).toEqual(['here', 'here'])
    ledger.arrived(first)
    expect([ledger.of('a'), ledger.of('b')]).toEqual(['server', 'here'])
  })

  it('takes nothing for arrived beyond the number the server spoke of', () => {
    const ledger = new SaveLedger()
    const numbers = [1, 2, 3].map((at) => ledger.note([`e${at}`], at))
    expect(ledger.arrived(numbers[1] as number)).toEqual([])
    expect(ledger.getSnapshot().pending.map(({ number }) => number)).toEqual([numbers[2]])
    expect(ledger.of('e3')).toBe('unsaved')
    expect(ledger.last).toBe(numbers[2])
  })

  it('agrees with a plain list of edits, whatever happens', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('note' as const), event: fc.constantFrom('a', 'b', 'c') }),
      fc.record({ do: fc.constant('here' as const), number: fc.integer({ min: 1, max: 12 }) }),
      fc.record({ do: fc.constant('arrived' as const), number: fc.integer({ min: 0, max: 12 }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const ledger = new SaveLedger()
        let plain: { number: number; event: string; isHere: boolean }[] = []
        let last = 0
        for (const one of steps) {
          if (one.do === 'note') {
            last = ledger.note([one.event], 0)
            plain.push({ number: last, event: one.event, isHere: false })
          } else if (one.do === 'here') {
            const held = plain.find(({ number }) => number === one.number)
            if (held) held.isHere = true
            expect(ledger.isHere(one.number, one.number)).toBe(Boolean(held))
          } else {
            const gone = plain.filter(({ number }) => number <= one.number)
            plain = plain.filter(({ number }) => number > one.number)
            const rows = gone.filter(({ isHere }) => isHere).map(({ number }) => number)
            expect(ledger.arrived(one.number)).toEqual(rows)
          }
          const least = (edits: typeof plain) =>
            edits.length ? (edits.every(({ isHere }) => isHere) ? 'here' : 'unsaved') : 'server'
          expect(ledger.getSnapshot().state).toBe(least(plain))
          for (const id of ['a', 'b', 'c'])
            expect(ledger.of(id)).toBe(least(plain.filter(({ event }) => event === id)))
        }
      }),
    )
  })

  it('counts all edits and lists two hundred of them, the oldest first', () => {
    const ledger = new SaveLedger()
    for (let at = 0; at < 250; at++) ledger.note(['a'], at)
    const { pending, pendingCount } = ledger.getSnapshot()
    expect([pending.length, pendingCount, pending[0]?.at]).toEqual([200, 250, 0])
  })

  it('tells of what the disk says, and of an upload', () => {
    const ledger = new SaveLedger()
    ledger.diskError = 'no room'
    expect(ledger.getSnapshot().diskError).toBe('no room')
    ledger.upload = { sentBytes: 1, totalBytes: 2, edits: 3 }
    expect(ledger.getSnapshot().upload).toEqual({ sentBytes: 1, totalBytes: 2, edits: 3 })
    ledger.diskError = null
    expect(ledger.getSnapshot()).toMatchObject({ diskError: null, upload: { edits: 3 } })
  })
})

describe('its snapshot', () => {
  it('is the same object until something changes, and another one then', () => {
    const ledger = new SaveLedger()
    ledger.note(['a'], 0)
    const before = ledger.getSnapshot()
    expect(ledger.getSnapshot()).toBe(before)
    ledger.note(['b'], 0)
    expect(ledger.getSnapshot()).not.toBe(before)
    expect(before.pendingCount).toBe(1)
  })

  it('stays the same object when the disk says the same again', () => {
    const ledger = new SaveLedger()
    ledger.diskError = 'no room'
    const before = ledger.getSnapshot()
    ledger.diskError = 'no room'
    expect(ledger.getSnapshot()).toBe(before)
  })

  // Every heartbeat does both, and so renders every status line again.
  it('stays the same object when nothing arrived and there was no upload to end', () => {
    const ledger = new SaveLedger()
    const before = ledger.getSnapshot()
    ledger.arrived(0)
    ledger.upload = null
    expect(ledger.getSnapshot()).toBe(before)
  })

  it('is announced once for many edits of one tick, and no more to who has left', async () => {
    const ledger = new SaveLedger()
    const heard = vi.fn()
    const end = ledger.subscribe(heard)
    for (let at = 0; at < 10; at++) ledger.note(['a'], at)
    expect(heard).not.toHaveBeenCalled()
    await Promise.resolve()
    expect(heard).toHaveBeenCalledTimes(1)
    end()
    ledger.note(['a'], 11)
    await Promise.resolve()
    expect(heard).toHaveBeenCalledTimes(1)
  })
})

describe('waiting for the server', () => {
  it('is over at once when everything is there', async () => {
    expect(await fate(new SaveLedger().settled())).toBe('settled')
  })

  it('is for what was written until then, and for nothing later', async () => {
    const ledger = new SaveLedger()
    const first = ledger.note(['a'], 0)
    const early = ledger.settled()
    const second = ledger.note(['b'], 0)
    const late = ledger.settled()
    expect(await fate(early)).toBe('pending')
    ledger.arrived(first)
    expect([await fate(early), await fate(late)]).toEqual(['settled', 'pending'])
    ledger.arrived(second)
    expect(await fate(late)).toBe('settled')
  })

  it('is not over because the disk here has it', async () => {
    const ledger = new SaveLedger()
    ledger.isHere(ledger.note(['a'], 0), 1)
    expect(await fate(ledger.settled())).toBe('pending')
  })

  it('ends with the reason when the server refuses, and the edit stays pending', async () => {
    const ledger = new SaveLedger()
    ledger.note(['a'], 0)
    const waiting = [ledger.settled(), ledger.settled()]
    ledger.refused('you may not edit')
    for (const one of waiting) await expect(one).rejects.toThrow('you may not edit')
    expect(ledger.of('a')).toBe('unsaved')
  })
})
