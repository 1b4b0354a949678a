// Stock socket.io clients, driven by lines of JSON; tests/board/rig.py is the other side.
import { createInterface } from 'node:readline'
import { io } from 'socket.io-client'

const clients = new Map()

class Client {
  constructor({ url, options }) {
    this.heard = []
    this.packets = []
    this.socket = io(url, { forceNew: true, reconnectionDelay: 100, ...options })
    this.socket.onAny((event, ...data) => this.heard.push([event, ...data]))
    for (const event of ['connect', 'disconnect']) {
      this.socket.on(event, (reason) => this.heard.push([event, reason ?? null]))
    }
    this.socket.on('connect_error', (error) => {
      this.heard.push(['connect_error', { message: error.message, data: error.data ?? null }])
    })
  }

  // What has been heard from the event of that number on.
  since({ from }) { return this.heard.slice(from) }

  status() {
    const engine = this.socket.io.engine
    return {
      connected: this.socket.connected,
      transport: engine?.transport?.name ?? null,
      id: this.socket.id ?? null,
    }
  }

  emit({ event, data }) { this.socket.emit(event, ...data) }

  asked({ event, data }) { return this.socket.timeout(10_000).emitWithAck(event, ...data) }

  // Many at once, without waiting for any.
  burst({ event, data, times }) { for (let i = 0; i < times; i++) this.socket.emit(event, ...data) }

  // Raw text within the engine's connection: what no honest client sends.
  raw({ text }) { this.socket.io.engine.write(text) }

  connect() { this.socket.connect() }

  // The line is cut under the client, which comes back by itself.
  cut() { this.socket.io.engine.close() }

  close() { this.socket.disconnect() }
}

async function answer(request) {
  if (request.do === 'open') return void clients.set(request.client, new Client(request))
  return clients.get(request.client)[request.do](request)
}

for await (const line of createInterface({ input: process.stdin })) {
  let said
  try {
    said = { ok: (await answer(JSON.parse(line))) ?? null }
  } catch (error) {
    said = { error: String(error) }
  }
  process.stdout.write(`${JSON.stringify(said)}\n`)
}
process.exit(0)
