/** One project, open: document, replica, connection, people, and the calendar over it all. */

import * as Y from 'yjs'
import { openConflicts } from './conflicts'
import { openCalendar } from './model/calendar'
import { colorOf, RoomPresence } from './presence'
import { DocumentConnection, type Surroundings } from './sync/connection'
import { polling } from './sync/polling'
import { NOTHING, Replica, replicaName } from './sync/replica'
import { SaveLedger } from './sync/saved'
import { Tabs } from './sync/tabs'
import { webSockets } from './sync/websocket'
import type { Project, ProjectOptions } from './types'

/** What this project needs of the world: that of the browser unless given. */
export function browserSurroundings(): Surroundings {
  return {
    websocket: webSockets(),
    polling: polling(),
    now: () => Date.now(),
    random: Math.random,
    later(ms, call) {
      const timer = setTimeout(call, ms)
      return () => clearTimeout(timer)
    },
    online: () => typeof navigator === 'undefined' || navigator.onLine !== false,
  }
}

/** Open a project: at once from this machine, and from the server as soon as that answers. */
export function openProject(
  options: ProjectOptions,
  around: Partial<Surroundings> = {},
): OpenProject {
  return new OpenProject(options, { ...browserSurroundings(), ...around })
}

export class OpenProject implements Project {
  readonly id: string
  readonly doc = new Y.Doc()
  readonly calendar
  readonly conflicts
  readonly presence: RoomPresence
  readonly connection: DocumentConnection
  readonly saved = new SaveLedger()
  readonly ready: Promise<void>
  readonly #tabs: Tabs
  #replica: Replica | null = null
  #isClosed = false
  #fresh: { updates: Uint8Array[]; number: number | null } | null = null
  /** What the disk has not taken yet. */
  readonly #unwritten: { readonly update: Uint8Array; readonly number: number | null }[] = []
  #writing: Promise<void> = Promise.resolve()

  constructor(options: ProjectOptions, around: Surroundings) {
    const { project, user } = options
    const server = (options.server ?? globalThis.location?.origin ?? '').replace(/\/$/, '')
    const name = replicaName(user.id, project)
    this.id = project
    this.connection = new DocumentConnection(
      this.doc,
      this.saved,
      { server, project, user: user.id, token: options.token },
      around,
    )
    this.presence = new RoomPresence(
      this.doc,
      { id: user.id, name: user.name, color: user.color ?? colorOf(user.id) },
      { now: around.now, later: around.later, send: (body) => this.connection.sendAwareness(body) },
    )
    this.#tabs = new Tabs(name, this.doc, (update) => this.connection.sendUpdate(update))
    this.calendar = openCalendar(this.doc, user)
    this.conflicts = openConflicts(this.doc, this.calendar)
    this.connection.onOpen = () => this.presence.introduce()
    this.connection.onLost = () => this.presence.forget()
    this.connection.onAwareness = (body) => this.presence.receive(body)
    this.connection.onArrived = (keys) => this.#forget(keys)
    this.doc.on('update', this.#onUpdate)
    this.#listen(true)
    this.ready = this.#load(options.offline ?? true, name)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#listen(false)
    this.presence.awareness.setLocalState(null)
    this.connection.pause()
    this.#tabs.close()
    this.#flush()
    await this.#writing
    this.#replica?.close()
    this.presence.close()
    this.saved.refused('the project was closed')
    this.calendar.close()
    this.conflicts.close()
    this.doc.destroy()
  }

  async #load(isKept: boolean, name: string): Promise<void> {
    let loaded = NOTHING
    try {
      if (isKept) {
        this.#replica = await Replica.open(name)
        loaded = await this.#replica.load()
      }
    } catch (error) {
      this.#fail(error)
    }
    if (this.#isClosed) {
      this.#replica?.close()
      return
    }
    // While somebody listens, Yjs encodes all of it once more: a tenth of the time to the first paint.
    this.doc.off('update', this.#onUpdate)
    this.doc.transact(() => {
      for (const update of loaded.updates) this.#applyStored(update)
    }, this)
    this.doc.on('update', this.#onUpdate)
    this.saved.restore(loaded.pending)
    this.connection.start()
  }

  /** What the disk has spoilt comes back from the server. */
  #applyStored(update: Uint8Array): void {
    try {
      Y.applyUpdate(this.doc, update, this)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Where an update came from says where it has to go. */
  #onUpdate = (update: Uint8Array, origin: unknown, _: Y.Doc, transaction: Y.Transaction): void => {
    const isOurs = transaction.local
    // First the number of the edit, then the message that asks whether it has arrived.
    if (origin !== this.#tabs) this.#keep(update, isOurs ? eventsOf(transaction) : null)
    if (!isOurs) return
    this.#tabs.tell(update, this.connection.isConnected)
    this.connection.sendUpdate(update)
  }

  /** Collect the updates of one tick: they are one row here, and one edit if any of them is ours. */
  #keep(update: Uint8Array, events: readonly string[] | null): void {
    if (!this.#fresh) {
      this.#fresh = { updates: [], number: null }
      queueMicrotask(() => this.#flush())
    }
    const fresh = this.#fresh
    fresh.updates.push(update)
    if (events && fresh.number === null) fresh.number = this.saved.note(events, Date.now())
    else if (events && fresh.number !== null) this.saved.extend(fresh.number, events)
  }

  #flush(): void {
    const fresh = this.#fresh
    this.#fresh = null
    if (!fresh) return
    const { updates, number } = fresh
    const [first = new Uint8Array()] = updates
    const update = updates.length > 1 ? Y.mergeUpdates(updates) : first
    this.#unwritten.push({ update, number })
    this.#writing = this.#writing.then(() => this.#write())
  }

  /** In the order in which they were made; what the disk refused is tried again, before all later ones. */
  async #write(): Promise<void> {
    await (this.#replica ? undefined : this.ready)
    const replica = this.#replica
    if (!replica) this.#unwritten.length = 0
    try {
      for (let next = this.#unwritten[0]; replica && next; next = this.#unwritten[0]) {
        const { update, number } = next
        const key = await replica.write(update, number === null ? null : this.saved.rowOf(number))
        this.#unwritten.shift()
        this.saved.diskError = null
        if (key !== null && number !== null && !this.saved.isHere(number, key)) this.#forget([key])
      }
    } catch (error) {
      this.#fail(error)
    }
  }

  #forget(keys: readonly number[]): void {
    if (keys.length) this.#replica?.forget(keys).catch((error: unknown) => this.#fail(error))
  }

  #fail(error: unknown): void {
    if (this.#isClosed) return
    const reason = error instanceof Error ? error.message || error.name : String(error)
    this.saved.diskError = reason || 'the disk of this machine takes nothing'
  }

  #listen(isOn: boolean): void {
    if (typeof window === 'undefined') return
    const change = isOn ? window.addEventListener : window.removeEventListener
    change('online', this.#onNetwork)
    change('offline', this.#onNetwork)
    document[isOn ? 'addEventListener' : 'removeEventListener']('visibilitychange', this.#onVisible)
  }

  #onNetwork = (): void => this.connection.look()

  #onVisible = (): void => {
    if (!document.hidden) this.connection.look()
  }
}

/** The ids of the events, or line-ups, that a transaction wrote. */
function eventsOf(transaction: Y.Transaction): string[] {
  const ids = new Set<string>()
  for (const root of ['events', 'lineups']) {
    const entries = transaction.doc.getMap(root)
    for (const [type, keys] of transaction.changed) {
      if ((type as unknown) === entries) for (const key of keys) ids.add(String(key))
      else if (idWithin(type, entries)) ids.add(idWithin(type, entries) as string)
    }
  }
  return [...ids]
}

function idWithin(type: unknown, events: Y.Map<unknown>): string | null {
  for (let at = type; at instanceof Y.AbstractType; ) {
    const item: Y.Item | null = at._item
    if (!item) return null
    if (item.parent === events) return item.parentSub
    at = item.parent
  }
  return null
}
