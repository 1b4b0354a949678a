/** The typed calendar over a Y.Doc. What is in the document is in docs/document.md. */

import { simpleDiffString } from 'lib0/diff'
import * as Y from 'yjs'
import type {
  Calendar,
  CalendarEvent,
  CalendarProperties,
  CalendarSnapshot,
  Change,
  ConflictStrategy,
  EventPatch,
  History,
  Instance,
  Stamp,
  When,
} from '../types'
import {
  type At,
  changedFields,
  following,
  partOf,
  restOfSeries,
  wireOf,
  withInstance,
  withSeries,
} from './edits'
import { BOOKKEEPING, type EventMap, isValue, OVERRIDE, readDescription, readEvent } from './event'
import { EditHistory } from './history'
import { newId } from './ids'
import { SearchIndex } from './search'
import { Timeline } from './timeline'
import { isZone } from './zone'

const SCHEMA = 1
const STRATEGIES = ['last_write_wins', 'first_write_wins', 'merge', 'manual'] as const

/** Who writes here. */
export interface Author {
  readonly id: string
}

/** The calendar of a document. It observes the document until it is closed. */
export function openCalendar(doc: Y.Doc, author: Author): CalendarStore {
  return new CalendarStore(doc, author)
}

export class CalendarStore implements Calendar {
  readonly doc: Y.Doc
  readonly history: History & { close(): void }
  /** The origin of the transactions of this calendar. */
  readonly origin: object = {}
  readonly #author: Author
  readonly #events: Y.Map<unknown>
  readonly #properties: Y.Map<unknown>
  readonly #cache = new Map<string, CalendarEvent>()
  readonly #timeline = new Timeline()
  readonly #index = new SearchIndex()
  readonly #listeners = new Set<() => void>()
  readonly #changeListeners = new Set<(changes: readonly Change[]) => void>()
  #binned = new Set<string>()
  #snapshot: CalendarSnapshot

  constructor(doc: Y.Doc, author: Author) {
    this.doc = doc
    this.#author = author
    this.#events = doc.getMap('events')
    this.#properties = doc.getMap('calendar')
    this.history = new EditHistory([this.#events, this.#properties], this.origin)
    for (const id of this.#events.keys()) this.#read(id)
    this.#snapshot = this.#look(0)
    this.#events.observeDeep(this.#onEvents)
    this.#properties.observe(this.#onProperties)
  }

  close(): void {
    this.#events.unobserveDeep(this.#onEvents)
    this.#properties.unobserve(this.#onProperties)
    this.history.close()
    this.#listeners.clear()
    this.#changeListeners.clear()
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  getSnapshot(): CalendarSnapshot {
    return this.#snapshot
  }

  onChange(listener: (changes: readonly Change[]) => void): () => void {
    this.#changeListeners.add(listener)
    return () => this.#changeListeners.delete(listener)
  }

  // Reading

  event(id: string): CalendarEvent | undefined {
    return this.#cache.get(id)
  }

  description(id: string): Y.Text | undefined {
    const map = this.#map(id)
    return map && readDescription(map)
  }

  range(from: number, to: number, zone: string): readonly Instance[] {
    return this.#timeline.range(from, to, zone)
  }

  instance(id: string, recurrenceId: string | null, zone: string): Instance | undefined {
    return this.#timeline.instance(id, recurrenceId, zone)
  }

  bin(): readonly CalendarEvent[] {
    const binned = [...this.#binned].flatMap((id) => this.#cache.get(id) ?? [])
    const when = (event: CalendarEvent) => Date.parse(event.deleted?.at ?? '')
    return binned.sort((one, other) => when(other) - when(one))
  }

  search(words: string, near = Date.now(), most = 50): readonly CalendarEvent[] {
    const live = [...this.#cache.values()].filter((event) => !event.deleted)
    const describe = (id: string) => this.description(id)?.toString() ?? ''
    return this.#index.find(words, live, describe, near, most)
  }

  // Writing

  create(fields: EventPatch & { description?: string }): string {
    const { description = '', ...patch } = fields
    const id = this.#make(wireOf(patch), description)
    this.#transact(() => this.#unbin(id))
    return id
  }

  write(id: string, patch: EventPatch, at?: At): string {
    const event = this.#live(id)
    const part = event && partOf(event, at)
    if (!event || !part) return id
    if (!at || part === 'all') {
      this.#put(id, withSeries(event, patch, at?.recurrenceId))
      return id
    }
    const raw = this.#raw(id)
    const rest = part === 'following' && following(event, raw, at.recurrenceId, patch)
    if (rest) return this.#divide(id, rest)
    this.#put(id, { [OVERRIDE + at.recurrenceId]: withInstance(raw, at.recurrenceId, patch) })
    return id
  }

  /** Write one key as the document has it, text for a description, null for none; false if it cannot
   * be written, for its form or because the event is not there. */
  writeField(id: string, key: string, value: unknown): boolean {
    const event = this.#live(id)
    if (!event || !isValue(key, value)) return false
    if (key === 'description') return this.#rewrite(id, String(value ?? ''))
    const isWhen = key === 'when' // a series moves as a whole
    this.#put(id, isWhen ? withSeries(event, { when: value as When | null }) : { [key]: value })
    return true
  }

  remove(id: string, at?: At): void {
    const event = this.#live(id)
    const part = event && partOf(event, at)
    if (!event || !part) return
    if (!at || part === 'all') {
      this.#put(id, { deleted: this.stamp() })
      return
    }
    const rest = part === 'following' && restOfSeries(event, at.recurrenceId)
    this.#put(id, rest || { [OVERRIDE + at.recurrenceId]: { cancelled: true } })
  }

  restore(id: string): void {
    if (this.#cache.get(id)?.deleted) this.#put(id, { deleted: null })
  }

  writeProperties(patch: Partial<CalendarProperties>): void {
    const differing = changedFields(this.#properties, { ...patch })
    if (!differing.length) return
    this.#transact(() => {
      this.#markSchema()
      for (const [key, value] of differing) this.#properties.set(key, value)
    })
  }

  /** Who writes here, and now. */
  stamp(): Stamp {
    return { by: this.#author.id, at: new Date().toISOString() }
  }

  // How

  #divide(
    id: string,
    rest: { before: Record<string, unknown>; values: Record<string, unknown> },
  ): string {
    const { description, ...values } = rest.values
    const made = this.#make(values, String(description ?? ''))
    this.#transact(() => {
      this.#unbin(made)
      this.#put(id, rest.before)
    })
    return made
  }

  /** A new event in the bin, untracked. Taking it out is the edit: see history.ts. Both leave in one
   * message. */
  #make(values: Record<string, unknown>, description: string): string {
    const id = newId()
    const stamp = this.stamp()
    const book = { created: stamp, updated: stamp, sequence: 0, deleted: stamp }
    const entries = Object.entries({ ...values, ...book }).filter(([, value]) => value !== null)
    this.doc.transact(() => {
      const map = new Y.Map<unknown>(entries)
      map.set('description', new Y.Text(description))
      this.#markSchema()
      this.#events.set(id, map)
    }, null)
    return id
  }

  #unbin(id: string): void {
    this.#map(id)?.delete('deleted')
  }

  /** Make the description read like that, touching no more of it than what differs. */
  #rewrite(id: string, words: string): boolean {
    const text = this.description(id)
    if (!text) return false
    const { index, remove, insert } = simpleDiffString(text.toString(), words)
    this.#transact(() => {
      text.delete(index, remove)
      text.insert(index, insert)
    })
    return true
  }

  /** Write what differs, in one transaction; null takes a key away. */
  #put(id: string, values: Record<string, unknown>): void {
    const map = this.#map(id)
    const differing = map ? changedFields(map, values) : []
    if (!map || !differing.length) return
    const seen = map.get('sequence')
    const sequence = Number.isSafeInteger(seen) ? (seen as number) + 1 : 1
    this.#transact(() => {
      this.#markSchema()
      for (const [key, value] of differing) {
        if (value === null) map.delete(key)
        else map.set(key, value)
      }
      map.set('sequence', sequence)
      map.set('updated', this.stamp())
    })
  }

  #transact(write: () => void): void {
    this.doc.transact(write, this.origin)
  }

  #markSchema(): void {
    if (!this.#properties.has('schema')) this.#properties.set('schema', SCHEMA)
  }

  #map(id: string): EventMap | undefined {
    const map = this.#events.get(id)
    return map instanceof Y.Map ? map : undefined
  }

  #live(id: string): CalendarEvent | undefined {
    const event = this.#cache.get(id)
    return event?.deleted ? undefined : event
  }

  /** The plain values of an event map, the description as text. */
  #raw(id: string): Record<string, unknown> {
    const map = this.#map(id)
    const plain = [...(map?.entries() ?? [])].filter(
      ([, value]) => !(value instanceof Y.AbstractType),
    )
    return { ...Object.fromEntries(plain), description: this.description(id)?.toString() ?? '' }
  }

  /** Read an event anew; says whether it is there and not deleted. */
  #read(id: string): boolean {
    const map = this.#map(id)
    const event = map ? readEvent(id, map) : null
    const isLive = event !== null && !event.deleted
    if (event) this.#cache.set(id, event)
    else this.#cache.delete(id)
    if (event?.deleted) this.#binned.add(id)
    else this.#binned.delete(id)
    this.#timeline.put(id, isLive ? event : null)
    return isLive
  }

  #onEvents = (events: Y.YEvent<Y.AbstractType<unknown>>[], transaction: Y.Transaction): void => {
    const fields = new Map<string, Set<string>>()
    for (const event of events) noteFields(event, fields)
    const changes: Change[] = []
    for (const [id, keys] of fields) {
      const before = this.#cache.get(id)
      const change = this.#change(before, id, this.#read(id), keys, transaction.local)
      if (change) changes.push(change)
    }
    this.#tell(changes)
  }

  #change(
    before: CalendarEvent | undefined,
    id: string,
    isLive: boolean,
    keys: Set<string>,
    local: boolean,
  ): Change | null {
    const was = before && !before.deleted
    if (!was && !isLive) return null
    const kind = was ? (isLive ? 'updated' : 'deleted') : before ? 'restored' : 'created'
    const now = this.#cache.get(id)
    const by = (kind === 'deleted' ? now?.deleted?.by : now?.updated?.by) ?? ''
    const written = [...keys].filter((key) => !BOOKKEEPING.has(key) && key !== 'deleted')
    return { kind: isNew(kind, before, now) ? 'created' : kind, id, fields: written, local, by }
  }

  #onProperties = (event: Y.YMapEvent<unknown>, transaction: Y.Transaction): void => {
    const fields = [...event.keysChanged].filter((key) => key !== 'schema')
    this.#tell(
      fields.length ? [{ kind: 'calendar', id: '', fields, local: transaction.local, by: '' }] : [],
    )
  }

  #tell(changes: readonly Change[]): void {
    this.#snapshot = this.#look(this.#snapshot.version + 1)
    for (const listener of [...this.#listeners]) listener()
    if (!changes.length) return
    for (const listener of [...this.#changeListeners]) listener(changes)
  }

  #look(version: number): CalendarSnapshot {
    const text = (key: string) => {
      const value = this.#properties.get(key)
      return typeof value === 'string' ? value : ''
    }
    const timezone = text('timezone')
    const properties = {
      name: text('name'),
      timezone: isZone(timezone) ? timezone : '',
      color: text('color'),
      description: text('description'),
      conflictStrategy: readStrategy(text('conflictStrategy')),
    }
    const size = this.#cache.size - this.#binned.size
    return { version, properties, size, binned: this.#binned.size }
  }
}

/** What stands of two values; the first strategy when it is absent, or another word. */
export function readStrategy(value: unknown): ConflictStrategy {
  return STRATEGIES.find((strategy) => strategy === value) ?? STRATEGIES[0]
}

/** An event that comes out of the bin in the state in which it was made is new. */
function isNew(
  kind: string,
  before: CalendarEvent | undefined,
  now: CalendarEvent | undefined,
): boolean {
  return kind === 'restored' && now?.sequence === 0 && before?.deleted?.at === now.created?.at
}

/** Which keys of which events an observer's event is about. */
function noteFields(
  event: Y.YEvent<Y.AbstractType<unknown>>,
  fields: Map<string, Set<string>>,
): void {
  const [id, key] = event.path
  const noted = (of: string) => {
    const keys = fields.get(of) ?? new Set<string>()
    fields.set(of, keys)
    return keys
  }
  if (id === undefined)
    for (const changed of (event as Y.YMapEvent<unknown>).keysChanged) noted(changed)
  else if (key !== undefined) noted(String(id)).add(String(key))
  else if (event instanceof Y.YMapEvent)
    for (const changed of event.keysChanged) noted(String(id)).add(changed)
  else noted(String(id))
}
