/**
 * The document on this machine: IndexedDB, one database for each user and project.
 *
 * y-indexeddb keeps documents just as well, but it cannot say when an update has reached the disk,
 * or that it has not: its writes are not waited for. "Saved here" must be true, so this is ours.
 */

import { type DBSchema, type IDBPDatabase, openDB } from 'idb'
import * as Y from 'yjs'

/** Past that many rows they are merged into one. */
const MOST_ROWS = 500

interface Schema extends DBSchema {
  updates: { key: number; value: Uint8Array }
  pending: { key: number; value: PendingRow }
}

/** Edits that were not on the server's disk when they were written here. */
export interface PendingRow {
  readonly events: readonly string[]
  readonly at: number
}

export interface Loaded {
  readonly updates: readonly Uint8Array[]
  readonly pending: readonly (readonly [key: number, row: PendingRow])[]
}

export const NOTHING: Loaded = { updates: [], pending: [] }

/** The name of the database: two people at one browser never share one. */
export function replicaName(user: string, project: string): string {
  return `crdt-calendar/${encodeURIComponent(user)}/${encodeURIComponent(project)}`
}

export class Replica {
  readonly #db: IDBPDatabase<Schema>
  #rows = 0

  private constructor(db: IDBPDatabase<Schema>) {
    this.#db = db
  }

  /** Open or make the database. Rejects where there is no IndexedDB, or no room. */
  static async open(name: string): Promise<Replica> {
    const db = await openDB<Schema>(name, 1, {
      upgrade(fresh) {
        fresh.createObjectStore('updates', { autoIncrement: true })
        fresh.createObjectStore('pending', { autoIncrement: true })
      },
    })
    return new Replica(db)
  }

  /** Everything there is, as it was at one moment. */
  async load(): Promise<Loaded> {
    const transaction = this.#db.transaction(['updates', 'pending'])
    const pending = transaction.objectStore('pending')
    const [updates, keys, rows] = await Promise.all([
      transaction.objectStore('updates').getAll(),
      pending.getAllKeys(),
      pending.getAll(),
    ])
    this.#rows = updates.length
    return { updates, pending: rows.map((row, at) => [keys[at] as number, row]) }
  }

  /**
   * Write an update and, if it has to go to the server, who it is about; returns that row's key.
   *
   * Both or none; settles when they are on the disk, as far as the browser can tell.
   */
  async write(update: Uint8Array, row: PendingRow | null): Promise<number | null> {
    const transaction = this.#db.transaction(['updates', 'pending'], 'readwrite', {
      durability: 'strict',
    })
    const [, key] = await Promise.all([
      transaction.objectStore('updates').add(update),
      row ? transaction.objectStore('pending').add(row) : null,
      transaction.done,
    ])
    this.#rows += 1
    // The row is written, whatever becomes of this; the next one tries again.
    if (this.#rows > MOST_ROWS) await this.compact().catch(() => undefined)
    return key
  }

  /** These edits have arrived. */
  async forget(keys: readonly number[]): Promise<void> {
    const transaction = this.#db.transaction('pending', 'readwrite')
    await Promise.all([...keys.map((key) => transaction.store.delete(key)), transaction.done])
  }

  /** Merge all rows into one. What another tab writes meanwhile waits for this transaction. */
  async compact(): Promise<void> {
    const transaction = this.#db.transaction('updates', 'readwrite', { durability: 'strict' })
    const [updates, keys] = await Promise.all([
      transaction.store.getAll(),
      transaction.store.getAllKeys(),
    ])
    if (keys.length > 1) {
      const doc = new Y.Doc()
      doc.transact(() => {
        for (const update of updates) Y.applyUpdate(doc, update)
      })
      await Promise.all([
        transaction.store.add(Y.encodeStateAsUpdate(doc)),
        transaction.store.delete(IDBKeyRange.bound(keys[0], keys[keys.length - 1])),
        transaction.done,
      ])
      doc.destroy()
    }
    await transaction.done
    this.#rows = 1
  }

  close(): void {
    this.#db.close()
  }
}
