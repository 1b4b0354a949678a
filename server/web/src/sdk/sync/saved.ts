/** How far each edit has come, told by those who know: the disk here, and the server's echo. */

import type { PendingEdit, Saved, SavedSnapshot, SaveState } from '../types'
import type { PendingRow } from './replica'

const MOST_LISTED = 200

interface Edit {
  readonly number: number
  readonly events: readonly string[]
  readonly at: number
  /** Its row in the replica; null while it is not there. */
  key: number | null
}

type Upload = SavedSnapshot['upload']

const ALL_SAVED: SavedSnapshot = {
  state: 'server',
  pending: [],
  pendingCount: 0,
  upload: null,
  diskError: null,
}

/** The edits that are not on the server's disk yet, in the order in which they were made. */
export class SaveLedger implements Saved {
  readonly #listeners = new Set<() => void>()
  readonly #edits = new Map<number, Edit>()
  #waiting: { upTo: number; settle: () => void; fail: (error: Error) => void }[] = []
  #last = 0
  #upload: Upload = null
  #diskError: string | null = null
  #refusal: string | null = null
  #snapshot: SavedSnapshot | null = ALL_SAVED
  #states: Map<string, SaveState> | null = null
  #isTelling = false

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  getSnapshot(): SavedSnapshot {
    this.#snapshot ??= this.#look()
    return this.#snapshot
  }

  of(eventId: string): SaveState {
    this.#states ??= this.#lookAtEvents()
    return this.#states.get(eventId) ?? 'server'
  }

  settled(): Promise<void> {
    if (!this.#edits.size) return Promise.resolve()
    if (this.#refusal !== null) return Promise.reject(new Error(this.#refusal))
    return new Promise((settle, fail) => this.#waiting.push({ upTo: this.#last, settle, fail }))
  }

  /** The number of the latest edit; 0 before the first. */
  get last(): number {
    return this.#last
  }

  get count(): number {
    return this.#edits.size
  }

  /** Edits of former visits, that were written here and did not arrive. */
  restore(rows: readonly (readonly [number, PendingRow])[]): void {
    for (const [key, { events, at }] of rows) this.#add({ events, at }, key)
  }

  /** An edit of these events was made; returns its number. */
  note(events: readonly string[], at: number): number {
    return this.#add({ events, at }, null)
  }

  /** The edit is about these events as well. */
  extend(number: number, events: readonly string[]): void {
    const edit = this.#edits.get(number)
    if (!edit) return
    this.#edits.set(number, { ...edit, events: [...new Set([...edit.events, ...events])] })
    this.#changed()
  }

  /** What is to be kept of an edit; null when it has arrived already. */
  rowOf(number: number): PendingRow | null {
    const edit = this.#edits.get(number)
    return edit ? { events: edit.events, at: edit.at } : null
  }

  /** The edit of that number is on this machine's disk. Returns whether it is still on its way. */
  isHere(number: number, key: number): boolean {
    const edit = this.#edits.get(number)
    if (!edit) return false
    edit.key = key
    this.#changed()
    return true
  }

  /** Everything up to that number is on the server's disk; returns the rows that may go. */
  arrived(upTo: number): number[] {
    const keys: number[] = []
    const before = this.#edits.size
    for (const [number, edit] of this.#edits) {
      if (number > upTo) break
      if (edit.key !== null) keys.push(edit.key)
      this.#edits.delete(number)
    }
    const done = this.#waiting.filter((one) => one.upTo <= upTo)
    this.#waiting = this.#waiting.filter((one) => one.upTo > upTo)
    for (const { settle } of done) settle()
    if (this.#edits.size < before) this.#changed()
    return keys
  }

  /** The server does not take the edits: whoever waits for them hears why. */
  refused(reason: string): void {
    this.#refusal = reason
    for (const { fail } of this.#waiting.splice(0)) fail(new Error(reason))
  }

  /** There is a new line: whatever was refused on the last one is tried again. */
  welcomed(): void {
    this.#refusal = null
  }

  set upload(upload: Upload) {
    if (upload === this.#upload) return
    this.#upload = upload
    this.#changed()
  }

  set diskError(error: string | null) {
    if (error === this.#diskError) return
    this.#diskError = error
    this.#changed()
  }

  #add({ events, at }: PendingRow, key: number | null): number {
    const number = ++this.#last
    this.#edits.set(number, { number, events, at, key })
    this.#changed()
    return number
  }

  #look(): SavedSnapshot {
    const edits = [...this.#edits.values()]
    const state = edits.length
      ? edits.some(({ key }) => key === null)
        ? 'unsaved'
        : 'here'
      : 'server'
    const pending = edits.slice(0, MOST_LISTED).map(toPending)
    return {
      state,
      pending,
      pendingCount: edits.length,
      upload: this.#upload,
      diskError: this.#diskError,
    }
  }

  #lookAtEvents(): Map<string, SaveState> {
    const states = new Map<string, SaveState>()
    for (const { events, key } of this.#edits.values())
      for (const event of events)
        if (states.get(event) !== 'unsaved') states.set(event, key === null ? 'unsaved' : 'here')
    return states
  }

  /** Many edits in one tick are told once. */
  #changed(): void {
    this.#snapshot = this.#states = null
    if (this.#isTelling) return
    this.#isTelling = true
    queueMicrotask(() => {
      this.#isTelling = false
      for (const listener of [...this.#listeners]) listener()
    })
  }
}

function toPending({ number, events, at, key }: Edit): PendingEdit {
  return { number, events, at, state: key === null ? 'unsaved' : 'here' }
}
