/** Who else is here, and what they do. What is heard is never sent back. */

import {
  Awareness,
  applyAwarenessUpdate,
  encodeAwarenessUpdate,
  removeAwarenessStates,
} from 'y-protocols/awareness'
import type * as Y from 'yjs'
import type { Person, Presence, PresenceSnapshot, PresenceState } from './types'

export const POINTER_MS = 50
/** Somebody who reloads the page has not left. */
const GRACE_MS = 3_000

/** Told apart at a glance, and readable under white text. */
export const COLORS = [
  '#b3261e',
  '#a8480a',
  '#7a5b00',
  '#4a6b00',
  '#19733c',
  '#00716b',
  '#006a94',
  '#2952cc',
  '#5b3fd1',
  '#8a34b8',
  '#a82b7d',
  '#6b5145',
] as const

/** The colour of a user: the same in every browser. */
export function colorOf(userId: string): string {
  let hash = 0
  for (const character of userId)
    hash = (Math.imul(hash, 31) + (character.codePointAt(0) ?? 0)) >>> 0
  return COLORS[hash % COLORS.length] as string
}

type Coming = { joined: readonly Person[]; left: readonly Person[] }
type Shown = Partial<Omit<PresenceState, 'user'>>

export interface PresenceSurroundings {
  now(): number
  later(ms: number, call: () => void): () => void
  /** Send a message of the awareness protocol, if there is a line. */
  send(body: Uint8Array): void
}

export class RoomPresence implements Presence {
  readonly awareness: Awareness
  readonly #around: PresenceSurroundings
  readonly #listeners = new Set<() => void>()
  readonly #comingListeners = new Set<(coming: Coming) => void>()
  #snapshot: PresenceSnapshot
  /** By user id: one of their clients, and what calls off their leaving. */
  readonly #present = new Map<string, { person: Person; stay: (() => void) | null }>()
  #pointerAt = Number.NEGATIVE_INFINITY
  #pointer: Shown | null = null
  #callOff: () => void = () => undefined

  constructor(doc: Y.Doc, user: PresenceState['user'], around: PresenceSurroundings) {
    this.#around = around
    this.awareness = new Awareness(doc)
    this.awareness.setLocalState({ user })
    this.#snapshot = { others: new Map(), self: { user } }
    this.awareness.on('update', (_: unknown, origin: unknown) => {
      if (origin === 'local') this.introduce()
    })
    this.awareness.on('change', () => this.#look())
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  getSnapshot(): PresenceSnapshot {
    return this.#snapshot
  }

  show(patch: Shown): void {
    const isPointer =
      'pointer' in patch && Object.keys(patch).length === 1 && patch.pointer !== null
    if (!isPointer) this.#show({ ...this.#pointer, ...patch })
    else if (this.#pointer)
      this.#pointer = patch // goes out when its time has come
    else if (this.#around.now() - this.#pointerAt >= POINTER_MS) this.#show(patch)
    else {
      this.#pointer = patch
      const wait = this.#pointerAt + POINTER_MS - this.#around.now()
      this.#callOff = this.#around.later(wait, () => this.#pointer && this.#show(this.#pointer))
    }
  }

  onComing(listener: (coming: Coming) => void): () => void {
    this.#comingListeners.add(listener)
    return () => this.#comingListeners.delete(listener)
  }

  // For the project

  /** Send one's own state. */
  introduce(): void {
    if (this.awareness.getLocalState())
      this.#around.send(encodeAwarenessUpdate(this.awareness, [this.awareness.clientID]))
  }

  receive(body: Uint8Array): void {
    const before = this.#clock()
    applyAwarenessUpdate(this.awareness, body, this)
    // Told that we have left, by a server that heard of us before: y-protocols went on to a newer clock.
    if (this.#clock() !== before) this.introduce()
  }

  /** The line is gone: so is everybody, as far as we know. */
  forget(): void {
    const others = [...this.awareness.getStates().keys()].filter(
      (id) => id !== this.awareness.clientID,
    )
    removeAwarenessStates(this.awareness, others, this)
    // y-protocols would keep their clocks, and pass over them when they are told again unchanged.
    for (const id of others) this.awareness.meta.delete(id)
  }

  close(): void {
    this.awareness.destroy()
    this.#listeners.clear()
    this.#comingListeners.clear()
  }

  #clock(): number | undefined {
    return this.awareness.meta.get(this.awareness.clientID)?.clock
  }

  #show(patch: Shown): void {
    if ('pointer' in patch) this.#pointerAt = this.#around.now()
    this.#pointer = null
    this.#callOff()
    const state = this.awareness.getLocalState()
    if (state) this.awareness.setLocalState({ ...state, ...patch })
  }

  #look(): void {
    const others = new Map<number, Person>()
    for (const [clientId, state] of this.awareness.getStates()) {
      const person = clientId === this.awareness.clientID ? null : readPerson(clientId, state)
      if (person) others.set(clientId, person)
    }
    const self = (this.awareness.getLocalState() ?? this.#snapshot.self) as PresenceState
    this.#snapshot = { others, self }
    this.#compare(others)
    for (const listener of [...this.#listeners]) listener()
  }

  #compare(others: ReadonlyMap<number, Person>): void {
    const here = new Map([...others.values()].map((person) => [person.user.id, person]))
    here.delete(this.#snapshot.self.user.id)
    const joined: Person[] = []
    for (const [id, person] of here) {
      const known = this.#present.get(id)
      known?.stay?.()
      if (!known) joined.push(person)
      this.#present.set(id, { person, stay: null })
    }
    for (const [id, known] of this.#present) {
      if (here.has(id) || known.stay) continue
      known.stay = this.#around.later(GRACE_MS, () => {
        this.#present.delete(id)
        this.#tell({ joined: [], left: [known.person] })
      })
    }
    if (joined.length) this.#tell({ joined, left: [] })
  }

  #tell(coming: Coming): void {
    for (const listener of [...this.#comingListeners]) listener(coming)
  }
}

/** What a client shows; null for one that does not say who it is. Anybody may show anything. */
function readPerson(clientId: number, state: Record<string, unknown>): Person | null {
  const user = state.user as Record<string, unknown> | undefined
  if (typeof user?.id !== 'string') return null
  const name = typeof user.name === 'string' && user.name ? user.name : user.id
  const color =
    typeof user.color === 'string' && /^#[0-9a-f]{6}$/i.test(user.color)
      ? user.color
      : colorOf(user.id)
  return { ...(state as unknown as PresenceState), clientId, user: { id: user.id, name, color } }
}
