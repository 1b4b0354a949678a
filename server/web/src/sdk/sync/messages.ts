/** Messages of y-protocols, and what this server adds to them: docs/protocol.md. */

import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'

export type Message =
  | { type: 'step1'; stateVector: Uint8Array }
  | { type: 'step2'; update: Uint8Array }
  | { type: 'update'; update: Uint8Array }
  | { type: 'awareness'; body: Uint8Array }
  | { type: 'denied'; reason: string }
  | { type: 'query-awareness' }
  /** The server sends the number back when everything sent before it is on its disk. */
  | { type: 'status'; number: number }

const SYNC = 0
const AWARENESS = 1
const AUTH = 2
const QUERY_AWARENESS = 3
const STATUS = 102

/** The bytes of a message. */
export function encode(message: Message): Uint8Array {
  const out = encoding.createEncoder()
  switch (message.type) {
    case 'step1':
      return sync(out, 0, message.stateVector)
    case 'step2':
      return sync(out, 1, message.update)
    case 'update':
      return sync(out, 2, message.update)
    case 'awareness':
      encoding.writeVarUint(out, AWARENESS)
      encoding.writeVarUint8Array(out, message.body)
      return encoding.toUint8Array(out)
    case 'status':
      encoding.writeVarUint(out, STATUS)
      encoding.writeVarUint8Array(
        out,
        encoding.encode((inner) => encoding.writeVarUint(inner, message.number)),
      )
      return encoding.toUint8Array(out)
    case 'query-awareness':
      encoding.writeVarUint(out, QUERY_AWARENESS)
      return encoding.toUint8Array(out)
    case 'denied':
      throw new TypeError('only a server refuses')
  }
}

/** The message of some bytes; null for one that is not known here. Throws for what is cut short. */
export function decode(bytes: Uint8Array): Message | null {
  const from = decoding.createDecoder(bytes)
  switch (decoding.readVarUint(from)) {
    case SYNC:
      return decodeSync(from)
    case AWARENESS:
      return { type: 'awareness', body: decoding.readVarUint8Array(from) }
    case AUTH:
      return decoding.readVarUint(from) === 0
        ? { type: 'denied', reason: decoding.readVarString(from) }
        : null
    case QUERY_AWARENESS:
      return { type: 'query-awareness' }
    case STATUS: {
      const payload = decoding.createDecoder(decoding.readVarUint8Array(from))
      return { type: 'status', number: decoding.readVarUint(payload) }
    }
    default:
      return null
  }
}

function sync(out: encoding.Encoder, kind: number, body: Uint8Array): Uint8Array {
  encoding.writeVarUint(out, SYNC)
  encoding.writeVarUint(out, kind)
  encoding.writeVarUint8Array(out, body)
  return encoding.toUint8Array(out)
}

function decodeSync(from: decoding.Decoder): Message | null {
  const kind = decoding.readVarUint(from)
  const body = decoding.readVarUint8Array(from)
  if (kind === 0) return { type: 'step1', stateVector: body }
  if (kind === 1) return { type: 'step2', update: body }
  return kind === 2 ? { type: 'update', update: body } : null
}
