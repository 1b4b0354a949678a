/** A line-up board over a Y.Doc: who is in which group. What is in the document is in docs/document.md. */

import * as Y from 'yjs'
import type { History, Lineup, LineupMemo, LineupPatch, LineupRow, LineupSnapshot } from '../types'
import { changedFields } from './edits'
import { EditHistory } from './history'
import { newId } from './ids'

const ROOT = 'lineups'
const MEMO = 'memo/'
const OURS = new Set(['name', 'gbsNumber', 'deleted', 'created', 'updated', 'sequence'])

type Plain = Record<string, unknown>
type RowMap = Y.Map<unknown>

/** The board of a document. It observes the document until it is closed. */
export function openLineup(doc: Y.Doc, author: { readonly id: string }): LineupStore {
  return new LineupStore(doc, author)
}

export class LineupStore implements Lineup {
  readonly history: History & { close(): void }
  readonly #doc: Y.Doc
  readonly #author: { readonly id: string }
  readonly #lineups: Y.Map<unknown>
  readonly #origin: object = {}
  readonly #listeners = new Set<() => void>()
  readonly #cache = new Map<string, LineupRow>()
  #snapshot: LineupSnapshot

  constructor(doc: Y.Doc, author: { readonly id: string }) {
    this.#doc = doc
    this.#author = author
    this.#lineups = doc.getMap(ROOT)
    this.history = new EditHistory([this.#lineups], this.#origin)
    this.#snapshot = this.#look(0)
    this.#lineups.observeDeep(this.#onChange)
  }

  close(): void {
    this.#lineups.unobserveDeep(this.#onChange)
    this.history.close()
    this.#listeners.clear()
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  getSnapshot(): LineupSnapshot {
    return this.#snapshot
  }

  row(id: string): LineupRow | undefined {
    return this.#cache.get(id)
  }

  create(patch: LineupPatch): string {
    const id = newId()
    const stamp = this.#stamp()
    const given = Object.entries(wireOf(patch)).filter(([, value]) => value !== null)
    // Untracked: to undo this would remove the map, and with it what others have written there.
    this.#doc.transact(() => {
      const book: Plain = { created: stamp, updated: stamp, sequence: 0 }
      this.#lineups.set(id, new Y.Map(Object.entries({ ...Object.fromEntries(given), ...book })))
    })
    return id
  }

  write(id: string, patch: LineupPatch): void {
    this.#write(id, wireOf(patch))
  }

  remove(id: string): void {
    if (this.#cache.has(id)) this.#write(id, { deleted: this.#stamp() })
  }

  restore(id: string): void {
    this.#write(id, { deleted: null })
  }

  writeMemo(id: string, memo: { text: string; color: string }, memoId = newId()): string {
    const held = this.#cache.get(id)?.memos.find((one) => one.id === memoId)
    if (held?.text !== memo.text || held.color !== memo.color)
      this.#write(id, { [MEMO + memoId]: { ...memo, ...this.#stamp() } })
    return memoId
  }

  removeMemo(id: string, memoId: string): void {
    this.#write(id, { [MEMO + memoId]: null })
  }

  #write(id: string, values: Plain): void {
    const map = this.#lineups.get(id)
    const changes = map instanceof Y.Map ? changedFields(map, values) : []
    if (!(map instanceof Y.Map) || !changes.length) return
    const seen = map.get('sequence')
    const sequence = typeof seen === 'number' && Number.isSafeInteger(seen) ? seen + 1 : 1
    this.history.separate()
    this.#doc.transact(() => {
      for (const [key, value] of changes) {
        if (value === null) map.delete(key)
        else map.set(key, value)
      }
      map.set('sequence', sequence)
      map.set('updated', this.#stamp())
    }, this.#origin)
  }

  #stamp() {
    return { by: this.#author.id, at: new Date().toISOString() }
  }

  #onChange = (events: Y.YEvent<Y.AbstractType<unknown>>[]): void => {
    for (const event of events) {
      const keys = event.path.length ? [String(event.path[0])] : [...event.changes.keys.keys()]
      for (const id of keys) this.#cache.delete(id)
    }
    this.#snapshot = this.#look(this.#snapshot.version + 1)
    for (const listener of [...this.#listeners]) listener()
  }

  #look(version: number): LineupSnapshot {
    const rows: LineupRow[] = []
    for (const [id, map] of this.#lineups) {
      const row = this.#cache.get(id) ?? readRow(id, map)
      if (!row) continue
      this.#cache.set(id, row)
      rows.push(row)
    }
    rows.sort((one, other) => one.name.localeCompare(other.name) || (one.id < other.id ? -1 : 1))
    return { version, rows }
  }
}

/** A patch as keys and plain values of the map; null takes a key away. */
function wireOf(patch: LineupPatch): Plain {
  const values: Plain = {}
  if (patch.name !== undefined) values.name = patch.name || null
  if (patch.gbsNumber !== undefined) values.gbsNumber = patch.gbsNumber
  return values
}

/** One line-up, repaired by the rules of docs/document.md; null where there is none, or a tombstone. */
function readRow(id: string, map: unknown): LineupRow | null {
  if (!(map instanceof Y.Map) || isStamp(map.get('deleted'))) return null
  const memos: LineupMemo[] = []
  const others: Plain = {}
  for (const [key, value] of (map as RowMap).entries()) {
    if (key.startsWith(MEMO)) memos.push(...readMemo(key.slice(MEMO.length), value))
    else if (!OURS.has(key) && !(value instanceof Y.AbstractType)) others[key] = value
  }
  memos.sort((one, other) => (one.at + one.id < other.at + other.id ? -1 : 1))
  const name = map.get('name')
  const number = map.get('gbsNumber')
  return {
    id,
    name: typeof name === 'string' ? name : '',
    gbsNumber: Number.isSafeInteger(number) && (number as number) >= 0 ? (number as number) : null,
    memos,
    others,
  }
}

function readMemo(id: string, value: unknown): LineupMemo[] {
  const { text, color = '', by = '', at = '' } = (value ?? {}) as Record<string, unknown>
  if (!id || typeof text !== 'string' || typeof color !== 'string') return []
  return [{ id, text, color, by: String(by), at: String(at) }]
}

function isStamp(value: unknown): boolean {
  const { by = '', at } = (value ?? {}) as Record<string, unknown>
  return typeof by === 'string' && typeof at === 'string' && !Number.isNaN(Date.parse(at))
}
