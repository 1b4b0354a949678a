// Stock Yjs clients (yjs, y-websocket, ws), driven by lines of JSON on stdin.
//
//   -> {"client": "a", "do": "open", "url": ..., "room": ..., "params": {...}}
//   <- {"ok": ...} or {"error": "..."}
//
// One line in, one line out, in order. What a client does by itself (syncing, reconnecting,
// reflecting presence) it does as y-websocket was written; only its socket can be made lossy.
import { createInterface } from 'node:readline'
import WebSocket from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'

const clients = new Map()

// A socket on a bad line: messages are lost, doubled, or overtaken by the next one.
class LossySocket extends WebSocket {
  client = null
  held = { in: null, out: null }

  emit(event, ...rest) {
    if (event !== 'message') return super.emit(event, ...rest)
    if (this.client) this.client.frames++
    for (const each of this.fate('in', rest)) super.emit(event, ...each)
    return true
  }

  send(data, ...rest) {
    for (const each of this.fate('out', [data, ...rest])) {
      if (this.readyState === WebSocket.OPEN) super.send(...each)
    }
  }

  fate(way, message) {
    const chaos = this.client?.chaos ?? 0
    const late = this.held[way] === null ? [] : [this.held[way]]
    this.held[way] = null
    if (this.client === null || this.client.chance() >= chaos) return [message, ...late]
    const lot = this.client.chance()
    if (lot < 1 / 3) return late
    if (lot < 2 / 3) return [message, message, ...late]
    this.held[way] = message
    return late
  }
}

function mulberry32(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

class Client {
  constructor({ url, room, params, protocols, seed = 0 }) {
    const client = this
    this.frames = 0
    this.chaos = 0
    this.chance = mulberry32(seed)
    this.closes = []
    this.final = null
    this.opens = 0
    this.doc = new Y.Doc()
    this.events = this.doc.getMap('events')
    this.provider = new WebsocketProvider(url, room, this.doc, {
      params: params ?? {},
      protocols: protocols ?? [],
      disableBc: true,
      WebSocketPolyfill: class extends LossySocket {
        constructor(...rest) {
          super(...rest)
          this.client = client
        }
      }
    })
    this.provider.on('connection-close', (event) => {
      this.closes.push(event && [event.code, event.reason])
    })
    this.provider.on('closed', ({ code, reason }) => { this.final = [code, reason] })
    this.provider.on('status', ({ status }) => { if (status === 'connected') this.opens++ })
  }

  // An event as docs/document.md says.
  create({ id, title, description, when }) {
    this.doc.transact(() => {
      const event = new Y.Map()
      event.set('title', title)
      if (when) event.set('when', when)
      if (description !== undefined) event.set('description', new Y.Text(description))
      event.set('created', { by: 'node', at: new Date().toISOString() })
      this.events.set(id, event)
    })
  }

  set({ id, key, value }) { this.events.get(id).set(key, value) }

  remove({ id, key }) { this.events.get(id).delete(key) }

  insert({ id, index, text }) {
    const description = this.events.get(id).get('description')
    description.insert(Math.min(index, description.length), text)
  }

  read() { return this.events.toJSON() }

  has({ id }) { return this.events.has(id) }

  clock() { return [this.doc.clientID, Y.getState(this.doc.store, this.doc.clientID)] }

  show({ state }) { this.provider.awareness.setLocalState(state) }

  present() { return Object.fromEntries(this.provider.awareness.getStates()) }

  status() {
    const { synced, wsconnected } = this.provider
    const { closes, final, opens, frames } = this
    return { synced, connected: wsconnected, closes, final, opens, frames, id: this.doc.clientID }
  }

  disconnect() { this.provider.disconnect() }

  connect() { this.provider.connect() }

  // The plug is pulled: no close frame, no farewell, and nobody comes back.
  cut() {
    this.provider.shouldConnect = false
    this.provider.ws?._socket.destroy()
  }

  trouble({ chaos }) { this.chaos = chaos }

  close() {
    this.provider.destroy()
    this.doc.destroy()
  }
}

const warnings = []
console.warn = (...words) => warnings.push(words.join(' '))
console.error = (...words) => warnings.push(words.join(' '))

// Many moves of many cursors, at the pace of people who drag.
async function wander({ names, moves, pause_ms }) {
  for (let move = 0; move < moves; move++) {
    for (const name of names) {
      clients.get(name).provider.awareness.setLocalStateField('cursor', { x: move, y: 7 })
    }
    await new Promise((resolve) => setTimeout(resolve, pause_ms))
  }
}

async function answer(request) {
  if (request.do === 'open') return void clients.set(request.client, new Client(request))
  if (request.do === 'warnings') return warnings
  if (request.do === 'wander') return wander(request)
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
