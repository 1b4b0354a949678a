/** The records of concurrent writes of one field, as the server keeps them in the document. */

import * as Y from 'yjs'
import { FIELDS } from './model/event'
import { isRecord } from './model/when'
import type { Calendar, Conflict, Conflicts, EventPatch } from './types'

/** The conflicts of a document. It observes the document until it is closed. */
export function openConflicts(doc: Y.Doc, calendar: Calendar): ConflictList {
  return new ConflictList(doc, calendar)
}

export class ConflictList implements Conflicts {
  readonly #records: Y.Map<unknown>
  readonly #calendar: Calendar
  readonly #listeners = new Set<() => void>()
  #snapshot: readonly Conflict[]

  constructor(doc: Y.Doc, calendar: Calendar) {
    this.#records = doc.getMap('conflicts')
    this.#calendar = calendar
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

  resolve(id: string, index: number): void {
    const conflict = this.#snapshot.find((one) => one.id === id)
    const chosen = conflict?.values[index]
    if (!conflict || !chosen) return
    this.#calendar.doc.transact(() => {
      if (index !== conflict.stands)
        this.#calendar.write(conflict.event, patchOf(conflict.field, chosen.value))
      const record = this.#records.get(id)
      if (record instanceof Y.Map) record.set('state', 'resolved')
      else if (isRecord(record))
        this.#records.set(id, { ...record, state: 'resolved', stands: index })
    })
  }

  close(): void {
    this.#records.unobserveDeep(this.#onChange)
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

function readConflict(id: string, record: unknown): Conflict | null {
  if (!isRecord(record) || typeof record.event !== 'string' || typeof record.field !== 'string')
    return null
  const values = Array.isArray(record.values) ? record.values.filter(isRecord) : []
  return {
    id,
    event: record.event,
    field: record.field,
    values: values.map(({ value, by, at }) => ({
      value,
      by: String(by ?? ''),
      at: String(at ?? ''),
    })),
    stands: Number.isInteger(record.stands) ? (record.stands as number) : 0,
    state: record.state === 'resolved' ? 'resolved' : 'open',
  }
}

function patchOf(field: string, value: unknown): EventPatch {
  const [family, ...name] = field.split('/')
  if (family === 'attendee') return { attendees: { [name.join('/')]: value as never } }
  if (family === 'alarm') return { alarms: { [name.join('/')]: value as never } }
  return FIELDS.includes(field as never) ? { [field]: value as never } : {}
}
