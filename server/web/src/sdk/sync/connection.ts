/**
 * The connection of one document: comes, goes, comes back, and says truly how it is.
 *
 * Every timer, every random number and both ways to the server come from outside, so that tests
 * need neither.
 */

import * as Y from 'yjs'
import { type Connection, type ConnectionSnapshot, TokenRefused } from '../types'
import { backoffMs } from './backoff'
import { decode, encode, type Message } from './messages'
import type { SaveLedger } from './saved'
import { NO_WORD, type OpenTransport, type Transport } from './transport'

const HEARTBEAT_MS = 15_000
const ANSWER_MS = 5_000
const OPENING_MS = 5_000
const TOKEN_MS = 10_000
const OVERLOADED_MS = 5_000
const PROBE_MS = 60_000
const MOST_PROBE_MS = 600_000
const LARGE_BYTES = 64 * 1024
const MANY_EDITS = 50
const LOOK_MS = 50
/** From so many failed attempts on it is "offline" rather than "reconnecting". */
const OFFLINE_ATTEMPTS = 4
/** Attempts by WebSocket that never opened before the other way is tried. */
const BLOCKED_ATTEMPTS = 2

export interface Surroundings {
  readonly websocket: OpenTransport
  readonly polling: OpenTransport
  now(): number
  random(): number
  /** Call later; the function returned calls it off. */
  later(ms: number, call: () => void): () => void
  /** Whether the browser thinks that there is a network. */
  online(): boolean
}

export interface ConnectionOptions {
  readonly server: string
  readonly project: string
  readonly user: string
  readonly token?: ((refused: boolean) => Promise<string | null>) | undefined
}

type Way = 'websocket' | 'polling'

/** One transport and what has happened on it. */
interface Line {
  readonly way: Way
  readonly transport: Transport
  /** Something was heard: the server has let us in. */
  isOpen: boolean
}

const START: ConnectionSnapshot = {
  state: 'connecting',
  transport: null,
  attempts: 0,
  retryAt: null,
  latencyMs: null,
  lastSyncAt: null,
  refusal: null,
  readOnly: false,
}

/** What is known of a line when there is none. */
const APART = { transport: null, latencyMs: null, retryAt: null } as const

/** Codes after which the same again would be refused again: docs/protocol.md. */
function isFinal(code: number): boolean {
  return (code >= 4400 && code <= 4499) || code === 1008 || code === 1009
}

export class DocumentConnection implements Connection {
  readonly #doc: Y.Doc
  readonly #saved: SaveLedger
  readonly #options: ConnectionOptions
  readonly #around: Surroundings
  readonly #listeners = new Set<() => void>()
  #snapshot = START
  #line: Line | null = null
  #probe: Line | null = null
  #probeMs = PROBE_MS
  #unopened = 0
  #isPaused = false
  #isStarted = false
  #wasRefused = false
  #attempt = 0
  #outgoing: Uint8Array[] = []
  #status = 0
  readonly #asked = new Map<number, { upTo: number; at: number }>()
  readonly #timers = new Map<string, () => void>()

  /** A message of the awareness protocol came. */
  onAwareness: (body: Uint8Array) => void = () => undefined
  /** The line is open: show oneself. */
  onOpen: () => void = () => undefined
  /** The line is gone, and with it everybody else. */
  onLost: () => void = () => undefined
  /** These rows of the replica may go. */
  onArrived: (keys: readonly number[]) => void = () => undefined

  constructor(doc: Y.Doc, saved: SaveLedger, options: ConnectionOptions, around: Surroundings) {
    this.#doc = doc
    this.#saved = saved
    this.#options = options
    this.#around = around
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  getSnapshot(): ConnectionSnapshot {
    return this.#snapshot
  }

  get isConnected(): boolean {
    return this.#snapshot.state === 'connected'
  }

  // What others do

  /** The document is as this machine has it: now it may be compared with the server's. */
  start(): void {
    this.#isStarted = true
    this.#connect()
  }

  retry(): void {
    this.#wasRefused = false
    if (this.#snapshot.refusal) this.#set({ refusal: null, state: this.#coming() })
    if (!this.#line) this.#connect()
    else if (this.#line) this.#beat()
  }

  pause(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    this.#drop()
    this.#set({ ...APART, state: this.#snapshot.refusal ? 'error' : 'offline' })
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#unopened = Math.min(this.#unopened, BLOCKED_ATTEMPTS - 1) // another network, perhaps
    if (this.#snapshot.refusal) return
    this.#set({ state: this.#coming(), attempts: 0 })
    this.#connect()
  }

  /** The network came or went, or the page came back: find out at once how things are. */
  look(): void {
    if (this.#isPaused || this.#snapshot.refusal) return
    if (this.#line?.isOpen) this.#beat()
    else if (this.#around.online()) this.#connect()
    else this.#set({ state: 'offline' })
  }

  /** An update of this document's user, to go up. Several of one tick leave as one. */
  sendUpdate(update: Uint8Array): void {
    if (!this.#line?.isOpen) return // the states that are exchanged on opening have it
    this.#outgoing.push(update)
    if (this.#outgoing.length === 1) queueMicrotask(() => this.#flush())
  }

  sendAwareness(body: Uint8Array): void {
    if (this.#line?.isOpen) this.#send({ type: 'awareness', body })
  }

  // Coming and going

  #connect(): void {
    if (this.#isPaused || !this.#isStarted) return
    this.#drop()
    this.#set({ retryAt: null })
    const attempt = this.#attempt
    this.#after('opening', TOKEN_MS, () => this.#lost(NO_WORD, 'no token'))
    this.#token(this.#wasRefused).then(
      (found) => attempt === this.#attempt && this.#open(this.#way(), found),
      (error: unknown) => attempt === this.#attempt && this.#tokenless(error),
    )
  }

  async #token(wasRefused: boolean): Promise<string | null> {
    return (await this.#options.token?.(wasRefused)) ?? null
  }

  /** Who fetches tokens may be as far from the network as we are. */
  #tokenless(error: unknown): void {
    if (error instanceof TokenRefused) this.#refuse(4401, error.message)
    else this.#lost(NO_WORD, String(error))
  }

  /** What it is called while it comes. */
  #coming(): ConnectionSnapshot['state'] {
    return this.#snapshot.lastSyncAt === null ? 'connecting' : 'reconnecting'
  }

  #way(): Way {
    return this.#unopened >= BLOCKED_ATTEMPTS ? 'polling' : 'websocket'
  }

  #open(way: Way, token: string | null): void {
    this.#line = this.#start(way, token, (line) => line === this.#line)
    this.#after('opening', OPENING_MS * (way === 'polling' ? 2 : 1), () => this.#lost(NO_WORD, ''))
  }

  #start(way: Way, token: string | null, isCurrent: (line: Line) => boolean): Line {
    const { server, project, user } = this.#options
    const target = { server, project, user, token }
    const transport = this.#around[way](target, {
      onMessage: (bytes) => this.#hear(line, bytes),
      onClose: (code, reason) => {
        if (isCurrent(line)) this.#lost(code, reason)
        else if (line === this.#probe) this.#endProbe()
      },
    })
    const line: Line = { way, transport, isOpen: false }
    const stateVector = Y.encodeStateVector(this.#doc)
    transport.send(encode({ type: 'step1', stateVector }))
    return line
  }

  #hear(line: Line, bytes: Uint8Array): void {
    if (line === this.#probe) this.#promote(line)
    if (line !== this.#line) return
    try {
      const message = decode(bytes)
      if (!line.isOpen) this.#opened(line)
      this.#cancel('answer')
      if (message) this.#take(message)
    } catch (error) {
      // Nothing that was sent may be passed over: what is missing comes with the next line.
      console.error('crdt-calendar: a message could not be taken', error)
      this.#lost(NO_WORD, 'the server sent what cannot be read')
      return
    }
    this.#after('heartbeat', HEARTBEAT_MS, () => this.#beat())
  }

  #opened(line: Line): void {
    line.isOpen = true
    this.#cancel('opening')
    this.#wasRefused = false
    this.#asked.clear()
    if (line.way === 'websocket') this.#unopened = 0
    else this.#after('probe', this.#probeMs, () => this.#startProbe())
    this.#set({
      state: 'connected',
      transport: line.way,
      attempts: 0,
      retryAt: null,
      refusal: null,
      readOnly: false,
    })
    this.onOpen()
  }

  #lost(code: number, reason: string): void {
    const line = this.#line
    this.#drop()
    if (line && !line.isOpen && code === NO_WORD)
      this.#unopened += line.way === 'websocket' ? 1 : -1
    if (code === 4401 && !this.#wasRefused) {
      this.#wasRefused = true
      this.#set({ state: 'reconnecting' })
      this.#connect()
    } else if (isFinal(code)) this.#refuse(code, reason)
    else this.#retryLater(code, line)
  }

  #refuse(code: number, reason: string): void {
    this.#drop()
    this.#set({ ...APART, state: 'error', refusal: { code, reason } })
    this.#saved.refused(reason || `refused with ${code}`)
  }

  #retryLater(code: number, line: Line | null): void {
    const attempts = this.#snapshot.attempts + 1
    const isBlocked =
      line?.way === 'websocket' && !line.isOpen && this.#unopened === BLOCKED_ATTEMPTS
    const wait = isBlocked ? 0 : this.#wait(code, attempts)
    const isAway = attempts >= OFFLINE_ATTEMPTS || !this.#around.online()
    const isNew = this.#snapshot.state === 'connecting' && attempts < 2
    const state = isAway ? 'offline' : isNew ? 'connecting' : 'reconnecting'
    this.#set({
      state,
      attempts,
      ...APART,
      retryAt: this.#around.now() + wait,
    })
    this.#after('retry', wait, () => this.#connect())
  }

  #wait(code: number, attempts: number): number {
    if (code === 1012) return this.#around.random() * 1000
    const wait = backoffMs(attempts, this.#around.random)
    return code === 1013 ? OVERLOADED_MS + wait : wait
  }

  #drop(): void {
    for (const name of [...this.#timers.keys()]) this.#cancel(name)
    this.#attempt += 1
    const line = this.#line
    this.#line = null
    line?.transport.close()
    this.#endProbe()
    this.#outgoing = []
    this.#asked.clear()
    this.#saved.upload = null
    if (line?.isOpen) this.onLost()
  }

  // Back from polling to WebSocket: the new way is there before the old one is left

  #startProbe(): void {
    const token = this.#token(false)
    const line = this.#line
    token.then(
      (found) => {
        if (!line || line !== this.#line || this.#probe) return
        this.#probe = this.#start('websocket', found, (one) => one === this.#line)
        this.#after('probing', OPENING_MS, () => this.#endProbe())
      },
      () => undefined,
    )
  }

  #promote(line: Line): void {
    this.#probe = null
    this.#probeMs = PROBE_MS
    this.#cancel('probing')
    this.#line?.transport.close()
    this.#line = line
  }

  #endProbe(): void {
    const probe = this.#probe
    if (!probe) return
    this.#probe = null
    this.#cancel('probing')
    probe.transport.close()
    this.#probeMs = Math.min(MOST_PROBE_MS, this.#probeMs * 2)
    if (this.#line?.isOpen) this.#after('probe', this.#probeMs, () => this.#startProbe())
  }

  // Talking

  #take(message: Message): void {
    switch (message.type) {
      case 'step1':
        // Asked for what we have, at the beginning or because we may write from now on.
        this.#set({ readOnly: false })
        this.#saved.welcomed()
        this.#answer(message.stateVector)
        break
      case 'step2':
      case 'update':
        Y.applyUpdate(this.#doc, message.update, this)
        if (message.type === 'step2') this.#set({ lastSyncAt: this.#around.now() })
        break
      case 'awareness':
        this.onAwareness(message.body)
        break
      case 'query-awareness':
        this.onOpen()
        break
      case 'denied':
        this.#set({ readOnly: true })
        // What was asked before speaks of what was refused: no answer to it may call that saved.
        for (const [number, asked] of this.#asked) this.#asked.set(number, { ...asked, upTo: 0 })
        this.#saved.refused(message.reason)
        break
      case 'status':
        this.#takeStatus(message.number)
        break
    }
  }

  /** The server says what it has: send what it lacks, and ask to hear when that is on its disk. */
  #answer(stateVector: Uint8Array): void {
    this.#outgoing = [] // is in the difference
    const update = Y.encodeStateAsUpdate(this.#doc, stateVector)
    const edits = this.#saved.count
    this.#send({ type: 'step2', update })
    this.#ask()
    if (update.length > LARGE_BYTES || edits > MANY_EDITS) this.#watchUpload(update.length, edits)
  }

  #flush(): void {
    const updates = this.#outgoing.splice(0)
    const [first] = updates
    if (!first || !this.#line?.isOpen) return
    this.#send({ type: 'update', update: updates.length > 1 ? Y.mergeUpdates(updates) : first })
    this.#ask()
  }

  #ask(): void {
    const number = ++this.#status
    const upTo = this.#snapshot.readOnly ? 0 : this.#saved.last
    this.#asked.set(number, { upTo, at: this.#around.now() })
    this.#send({ type: 'status', number })
    if (!this.#timers.has('answer')) this.#after('answer', ANSWER_MS, () => this.#unanswered())
  }

  #takeStatus(number: number): void {
    const asked = this.#asked.get(number)
    if (!asked) return
    for (const earlier of [...this.#asked.keys()])
      if (earlier <= number) this.#asked.delete(earlier)
    this.onArrived(this.#saved.arrived(asked.upTo))
    if (this.#saved.count === 0 || asked.upTo === this.#saved.last) this.#endUpload()
    this.#set({ latencyMs: this.#around.now() - asked.at, lastSyncAt: this.#around.now() })
    if (this.#asked.size) this.#after('answer', ANSWER_MS, () => this.#unanswered())
  }

  #beat(): void {
    if (this.#line?.isOpen) this.#ask()
  }

  /** A large backlog takes its time on a slow line; silence is only counted when it is out. */
  #unanswered(): void {
    if (this.#line?.transport.bufferedBytes)
      this.#after('answer', ANSWER_MS, () => this.#unanswered())
    else this.#lost(NO_WORD, 'no answer')
  }

  #watchUpload(totalBytes: number, edits: number): void {
    const waiting = this.#line?.transport.bufferedBytes ?? 0
    const sentBytes = Math.min(totalBytes, Math.max(0, totalBytes - waiting))
    this.#saved.upload = { sentBytes, totalBytes, edits }
    this.#after('upload', LOOK_MS, () => this.#watchUpload(totalBytes, edits))
  }

  #endUpload(): void {
    this.#cancel('upload')
    this.#saved.upload = null
  }

  #send(message: Message): void {
    this.#line?.transport.send(encode(message))
  }

  // How

  #set(patch: Partial<ConnectionSnapshot>): void {
    const entries = Object.entries(patch) as [keyof ConnectionSnapshot, unknown][]
    if (entries.every(([key, value]) => this.#snapshot[key] === value)) return
    this.#snapshot = { ...this.#snapshot, ...patch }
    for (const listener of [...this.#listeners]) listener()
  }

  #after(name: string, ms: number, call: () => void): void {
    this.#cancel(name)
    const off = this.#around.later(ms, () => {
      this.#timers.delete(name)
      call()
    })
    this.#timers.set(name, off)
  }

  #cancel(name: string): void {
    this.#timers.get(name)?.()
    this.#timers.delete(name)
  }
}
