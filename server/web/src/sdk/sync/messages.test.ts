import * as fc from 'fast-check'
import * as encoding from 'lib0/encoding'
import { describe, expect, it } from 'vitest'
import { decode, encode, type Message } from './messages'

const bytes = fc.uint8Array({ maxLength: 300 })

/** Everything that a client says. */
const said: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ type: fc.constant('step1' as const), stateVector: bytes }),
  fc.record({ type: fc.constant('step2' as const), update: bytes }),
  fc.record({ type: fc.constant('update' as const), update: bytes }),
  fc.record({ type: fc.constant('awareness' as const), body: bytes }),
  fc.record({ type: fc.constant('status' as const), number: fc.maxSafeNat() }),
  fc.constant({ type: 'query-awareness' as const }),
)

const denied = (reason: string, kind = 0) =>
  encoding.encode((out) => {
    encoding.writeVarUint(out, 2)
    encoding.writeVarUint(out, kind)
    encoding.writeVarString(out, reason)
  })

describe('a message', () => {
  it('comes back as it was sent', () => {
    fc.assert(
      fc.property(said, (message) => {
        expect(decode(encode(message))).toEqual(message)
      }),
    )
  })

  it('has the bytes that docs/protocol.md writes down', () => {
    const body = new Uint8Array([7, 8])
    const wire: [Message, number[]][] = [
      [{ type: 'step1', stateVector: body }, [0, 0, 2, 7, 8]],
      [{ type: 'step2', update: body }, [0, 1, 2, 7, 8]],
      [{ type: 'update', update: body }, [0, 2, 2, 7, 8]],
      [{ type: 'awareness', body }, [1, 2, 7, 8]],
      [{ type: 'query-awareness' }, [3]],
      [{ type: 'status', number: 300 }, [102, 2, 0xac, 0x02]],
    ]
    for (const [message, expected] of wire) expect([...encode(message)]).toEqual(expected)
  })

  it('tells why something was denied, in any script', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (reason) => {
        expect(decode(denied(reason))).toEqual({ type: 'denied', reason })
      }),
    )
  })

  it('never denies anything itself', () => {
    expect(() => encode({ type: 'denied', reason: 'no' })).toThrow(TypeError)
  })

  it('of a kind that is not known here is passed over', () => {
    expect(decode(new Uint8Array([4]))).toBeNull()
    expect(decode(new Uint8Array([103, 1, 2]))).toBeNull()
    expect(decode(new Uint8Array([0, 3, 1, 9]))).toBeNull()
    expect(decode(denied('', 1))).toBeNull()
  })
})

describe('a malformed frame', () => {
  it('that is empty is an error', () => {
    expect(() => decode(new Uint8Array())).toThrow()
  })

  it('that is cut short anywhere is an error', () => {
    fc.assert(
      fc.property(said, fc.nat(), (message, at) => {
        const whole = encode(message)
        expect(() => decode(whole.slice(0, at % whole.length))).toThrow(Error)
      }),
    )
  })

  it('that promises more than it has is an error and takes no memory', () => {
    const huge = encoding.encode((out) => {
      for (const number of [0, 2, Number.MAX_SAFE_INTEGER]) encoding.writeVarUint(out, number)
    })
    expect(() => decode(huge)).toThrow(Error)
  })

  it('with a number that never ends is an error', () => {
    expect(() => decode(new Uint8Array(64).fill(0xff))).toThrow(Error)
  })

  it('with a status that carries no number is an error', () => {
    expect(() => decode(new Uint8Array([102, 0]))).toThrow(Error)
    expect(() => decode(new Uint8Array([102, 1, 0x80]))).toThrow(Error)
  })

  it('with a reason that is not UTF-8 is an error', () => {
    expect(() => decode(new Uint8Array([2, 0, 2, 0xc3, 0x28]))).toThrow(Error)
  })

  it('of any bytes is a message, nothing, or an Error, and leaves the bytes alone', () => {
    const first = fc.constantFrom(0, 1, 2, 3, 102, 255)
    fc.assert(
      fc.property(first, bytes, (type, rest) => {
        const frame = new Uint8Array([type, ...rest])
        const before = frame.slice()
        try {
          const message = decode(frame)
          expect(message === null || typeof message.type === 'string').toBe(true)
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
          expect((error as Error).name).not.toBe('AssertionError')
        }
        expect(frame).toEqual(before)
      }),
      { numRuns: 500 },
    )
  })
})
