/** The usual way to the server: a WebSocket at `/yjs/{project}`, one message each. */

import {
  NO_WORD,
  type OpenTransport,
  type Transport,
  type TransportEvents,
  type TransportTarget,
  userQuery,
} from './transport'

/** What is needed of the browser's WebSocket. */
export type SocketClass = new (url: string, protocols: string[]) => WebSocket

/** Opens WebSockets of that class; the browser's own unless given. */
export function webSockets(socketClass?: SocketClass): OpenTransport {
  return (target, events) => new SocketTransport(socketClass ?? WebSocket, target, events)
}

class SocketTransport implements Transport {
  readonly #socket: WebSocket
  readonly #early: Uint8Array[] = []
  #ended = false

  constructor(socketClass: SocketClass, target: TransportTarget, events: TransportEvents) {
    const path = `/yjs/${encodeURIComponent(target.project)}${userQuery(target)}`
    const url = `${target.server.replace(/^http/, 'ws')}${path}`
    // A subprotocol, because a token in the URL might be logged.
    this.#socket = new socketClass(url, target.token ? [`yauth-${target.token}`] : [])
    this.#socket.binaryType = 'arraybuffer'
    this.#socket.onopen = () => {
      for (const message of this.#early.splice(0)) this.send(message)
    }
    this.#socket.onmessage = ({ data }) => {
      if (!this.#ended && data instanceof ArrayBuffer) events.onMessage(new Uint8Array(data))
    }
    this.#socket.onerror = () => undefined // says nothing; the close that follows does
    this.#socket.onclose = ({ code, reason }) => {
      if (this.#ended) return
      this.#ended = true
      events.onClose(code || NO_WORD, reason)
    }
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount + this.#early.reduce((sum, { length }) => sum + length, 0)
  }

  send(message: Uint8Array): void {
    if (this.#socket.readyState === 0) this.#early.push(message)
    else if (this.#socket.readyState === 1) this.#socket.send(message as Uint8Array<ArrayBuffer>)
  }

  close(): void {
    this.#ended = true
    this.#socket.close()
  }
}
