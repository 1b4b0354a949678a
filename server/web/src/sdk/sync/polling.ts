/**
 * The other way, where WebSocket is blocked: HTTP long polling at `/sync/{project}`.
 *
 * One request waits for what the server has to say, another carries what we have to say. The server
 * keeps nothing it has answered: when an answer is lost the session is over, and the next one
 * begins with the states of both sides, as any connection does.
 */

import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import {
  NO_WORD,
  type OpenTransport,
  type Transport,
  type TransportEvents,
  type TransportTarget,
  userQuery,
} from './transport'

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

const SESSION_GONE = 410

/** Opens polling sessions by that `fetch`; the browser's own unless given. */
export function polling(send?: Fetch): OpenTransport {
  return (target, events) =>
    new PollingTransport(send ?? ((url, init) => fetch(url, init)), target, events)
}

class PollingTransport implements Transport {
  readonly #fetch: Fetch
  readonly #url: string
  readonly #whose: string
  readonly #headers: Record<string, string>
  readonly #events: TransportEvents
  readonly #abort = new AbortController()
  #queue: Uint8Array[] = []
  #sending: Uint8Array | null = null
  #session: string | null = null
  #ended = false

  constructor(send: Fetch, target: TransportTarget, events: TransportEvents) {
    this.#fetch = send
    this.#url = `${target.server}/sync/${encodeURIComponent(target.project)}`
    this.#whose = userQuery(target)
    this.#headers = { 'content-type': 'application/octet-stream' }
    if (target.token) this.#headers.authorization = `Bearer ${target.token}`
    this.#events = events
    queueMicrotask(() => this.#run())
  }

  get bufferedBytes(): number {
    const queued = this.#queue.reduce((sum, { length }) => sum + length, 0)
    return queued + (this.#sending?.length ?? 0)
  }

  send(message: Uint8Array): void {
    this.#queue.push(message)
    if (this.#session !== null && !this.#sending) void this.#flush()
  }

  close(): void {
    if (this.#ended) return
    this.#ended = true
    this.#abort.abort()
    if (this.#session === null) return
    const gone = { method: 'DELETE', headers: this.#headers, keepalive: true }
    this.#fetch(this.#here(), gone).catch(() => undefined)
  }

  async #run(): Promise<void> {
    try {
      const opened = await this.#post(this.#url + this.#whose, pack(this.#queue.splice(0)))
      this.#session = opened.headers.get('sync-session')
      this.#hear(await opened.arrayBuffer())
      if (this.#queue.length) void this.#flush()
      while (!this.#ended) this.#hear(await (await this.#post(this.#here(), null)).arrayBuffer())
    } catch (error) {
      this.#end(error)
    }
  }

  async #flush(): Promise<void> {
    try {
      while (this.#queue.length && !this.#ended) {
        this.#sending = pack(this.#queue.splice(0))
        await this.#post(this.#here(), this.#sending)
        this.#sending = null
      }
    } catch (error) {
      this.#end(error)
    }
  }

  async #post(url: string, body: Uint8Array | null): Promise<Response> {
    const bytes = body?.length ? (body as Uint8Array<ArrayBuffer>) : null
    const init = { method: 'POST', headers: this.#headers, body: bytes, signal: this.#abort.signal }
    const response = await this.#fetch(url, init)
    if (!response.ok) throw await Refused.of(response)
    return response
  }

  #here(): string {
    return `${this.#url}?session=${encodeURIComponent(this.#session ?? '')}`
  }

  #hear(body: ArrayBuffer): void {
    const from = decoding.createDecoder(new Uint8Array(body))
    while (decoding.hasContent(from) && !this.#ended) {
      this.#events.onMessage(decoding.readVarUint8Array(from))
    }
  }

  #end(error: unknown): void {
    if (this.#ended) return
    this.#ended = true
    this.#abort.abort()
    if (error instanceof Refused) this.#events.onClose(error.code, error.message)
    else this.#events.onClose(NO_WORD, '')
  }
}

/** An answer that is a problem (RFC 9457), with the close code of a socket. */
class Refused extends Error {
  readonly code: number

  constructor(code: number, reason: string) {
    super(reason)
    this.code = code
  }

  static async of(response: Response): Promise<Refused> {
    if (response.status === SESSION_GONE) return new Refused(NO_WORD, '')
    const problem: { code?: unknown; detail?: unknown } = await response.json().catch(() => ({}))
    const code = typeof problem.code === 'number' ? problem.code : NO_WORD
    return new Refused(code, typeof problem.detail === 'string' ? problem.detail : '')
  }
}

function pack(messages: readonly Uint8Array[]): Uint8Array {
  return encoding.encode((out) => {
    for (const message of messages) encoding.writeVarUint8Array(out, message)
  })
}
