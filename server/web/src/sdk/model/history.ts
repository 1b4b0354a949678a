/** Undo and redo of what was written here, and of nothing that others wrote. */

import * as Y from 'yjs'
import type { History, HistorySnapshot } from '../types'

const CAPTURE_MS = 500
const AT = Symbol('at')

/** Counts the steps of all histories, so that the latest of several can be told. */
let steps = 0

/**
 * Over Y.UndoManager. A value that somebody else has overwritten meanwhile stays as they left it.
 *
 * Taking back the creation of an event would remove its map, and with it whatever others have
 * written there since. So an event is created in the bin, untracked, and taken out of it, tracked
 * (see calendar.ts): undoing that puts it back into the bin.
 */
export class EditHistory implements History {
  readonly manager: Y.UndoManager
  readonly #listeners = new Set<() => void>()
  #snapshot: HistorySnapshot = { canUndo: false, canRedo: false }

  constructor(roots: Y.Map<unknown>[], origin: object) {
    this.manager = new Y.UndoManager(roots, {
      trackedOrigins: new Set([origin]),
      captureTimeout: CAPTURE_MS,
    })
    for (const name of ['stack-item-added', 'stack-item-updated'] as const)
      this.manager.on(name, ({ stackItem }) => stackItem.meta.set(AT, ++steps))
    for (const name of ['stack-item-added', 'stack-item-popped', 'stack-cleared'] as const)
      this.manager.on(name, () => this.#look())
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  getSnapshot(): HistorySnapshot {
    return this.#snapshot
  }

  latest(which: 'undo' | 'redo'): number {
    const { undoStack, redoStack } = this.manager
    const top = (which === 'undo' ? undoStack : redoStack).at(-1)
    return (top?.meta.get(AT) as number | undefined) ?? 0
  }

  undo(): void {
    this.manager.undo()
    this.#look()
  }

  redo(): void {
    this.manager.redo()
    this.#look()
  }

  separate(): void {
    this.manager.stopCapturing()
  }

  close(): void {
    this.manager.destroy()
  }

  #look(): void {
    const canUndo = this.manager.undoStack.length > 0
    const canRedo = this.manager.redoStack.length > 0
    if (canUndo === this.#snapshot.canUndo && canRedo === this.#snapshot.canRedo) return
    this.#snapshot = { canUndo, canRedo }
    for (const listener of [...this.#listeners]) listener()
  }
}
