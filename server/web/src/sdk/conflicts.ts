/** Records of what people wrote without knowing of each other, as the server keeps them. */

import * as Y from 'yjs'
import { type CalendarStore, readStrategy } from './model/calendar'
import { isField, readStamp } from './model/event'
import { isRecord } from './model/when'
import type { Conflict, ConflictKind, Conflicts, ConflictValue } from './types'

const KINDS = ['field', 'deletion', 'booking'] as const

/** The conflicts of a document. It observes the document until it is closed. */
export function openConflicts(doc: Y.Doc, calendar: CalendarStore): ConflictList {
  return new ConflictList(doc, calendar)
}

export class ConflictList implements Conflicts {
  readonly #records: Y.Map<unknown>
  readonly #calendar: CalendarStore
  readonly #listeners = new Set<() => void>()
  #snapshot: readonly Conflict[]

  constructor(doc: Y.Doc, calendar: CalendarStore) {
    this.#records = doc.getMap('conflicts')
    this.#calendar = calendar
    calendar.history.manager.addToScope(this.#records) // undone, a conflict is open again
    this.#snapshot = this.#look()
    this.#records.observeDeep(this.#onChange)
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  getSnapshot(): readonly Conflict[] {
    return this.#snapshot
  }

  resolve(id: string, index: number): boolean {
    const conflict = this.#snapshot.find((one) => one.id === id)
    const chosen = conflict?.values[index]
    if (!conflict || !chosen) return false
    return this.#calendar.doc.transact(() => {
      const isDone = this.#write(conflict, index, chosen)
      if (isDone) this.#mark(id, index)
      return isDone
    }, this.#calendar.origin)
  }

  close(): void {
    this.#records.unobserveDeep(this.#onChange)
  }

  #write({ kind, event, field, stands }: Conflict, index: number, chosen: ConflictValue): boolean {
    if (kind === 'booking') return true // a warning: there is nothing to write
    if (kind === 'deletion') return this.#putIntoBin(event, chosen.value !== null)
    if (index === stands) return true
    const value = chosen.value === '' ? null : chosen.value
    return isField(field) && this.#calendar.writeField(event, field, value)
  }

  /** Whoever was quicker with the bin has done it already. */
  #putIntoBin(event: string, isWanted: boolean): boolean {
    if (isWanted) this.#calendar.remove(event)
    else this.#calendar.restore(event)
    return isWanted || this.#calendar.event(event) !== undefined
  }

  #mark(id: string, stands: number): void {
    const record = this.#records.get(id)
    const marks = { state: 'resolved', stands, resolved: this.#calendar.stamp() }
    if (record instanceof Y.Map)
      for (const [key, value] of Object.entries(marks)) record.set(key, value)
    else if (isRecord(record)) this.#records.set(id, { ...record, ...marks })
  }

  #onChange = (): void => {
    this.#snapshot = this.#look()
    for (const listener of [...this.#listeners]) listener()
  }

  #look(): readonly Conflict[] {
    return [...this.#records.entries()].flatMap(([id, value]) => {
      const record = readConflict(id, value instanceof Y.Map ? value.toJSON() : value)
      return record ? [record] : []
    })
  }
}

/** A record; null for what is malformed, and for kinds that we do not know. */
function readConflict(id: string, record: unknown): Conflict | null {
  if (!isRecord(record)) return null
  const { event, field, stands = 0 } = record
  const kind = readKind(record.kind ?? 'field')
  const values = readValues(record.values)
  const [other, attendee] = [readText(record.other), readText(record.attendee)]
  if (typeof event !== 'string' || typeof field !== 'string' || !kind || !values) return null
  if (!Number.isInteger(stands) || !values[stands as number]) return null
  if (other === null || attendee === null || (kind === 'booking' && !other)) return null
  return {
    id,
    kind,
    event,
    field,
    values,
    stands: stands as number,
    state: record.state === 'resolved' ? 'resolved' : 'open',
    strategy: readStrategy(record.strategy),
    other,
    attendee,
    resolved: readStamp(record.resolved),
  }
}

function readKind(kind: unknown): ConflictKind | undefined {
  return KINDS.find((known) => known === kind)
}

function readValues(values: unknown): readonly ConflictValue[] | null {
  if (!Array.isArray(values)) return null
  const read = values.map(readValue)
  return read.every((value) => value !== null) ? read : null
}

function readValue(value: unknown): ConflictValue | null {
  if (!isRecord(value)) return null
  const [by, at] = [readText(value.by), readText(value.at)]
  if (by === null || at === null) return null
  const fields = Array.isArray(value.fields) ? value.fields : []
  return {
    value: value.value ?? null,
    by,
    at: Number.isNaN(Date.parse(at)) ? '' : at,
    fields: fields.filter((field) => typeof field === 'string'),
  }
}

/** '' for nothing, null for what is no text. */
function readText(value: unknown): string | null {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : null
}
