/** The records of concurrent writes of one field, as the server keeps them in the document. */

import * as Y from 'yjs'
import type { CalendarStore } from './model/calendar'
import { isField } from './model/event'
import { isRecord } from './model/when'
import type { Conflict, Conflicts } from './types'

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

  resolve(id: string, index: number): void {
    const conflict = this.#snapshot.find((one) => one.id === id)
    const chosen = conflict?.values[index]
    if (!conflict || !chosen || !isField(conflict.field)) return
    const { event, field, stands } = conflict
    this.#calendar.doc.transact(() => {
      const value = chosen.value === '' ? null : (chosen.value ?? null)
      if (index === stands || this.#calendar.writeField(event, field, value)) this.#mark(id, index)
    }, this.#calendar.origin)
  }

  close(): void {
    this.#records.unobserveDeep(this.#onChange)
  }

  #mark(id: string, stands: number): void {
    const record = this.#records.get(id)
    if (record instanceof Y.Map) {
      record.set('state', 'resolved')
      record.set('stands', stands)
    } else if (isRecord(record)) this.#records.set(id, { ...record, state: 'resolved', stands })
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
