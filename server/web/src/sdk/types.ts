/**
 * What the parts of the SDK promise one another and those who use them.
 *
 * Everything that changes is a {@link Readable}: subscribe to hear that it has changed, take a
 * snapshot to see how it is. Snapshots are immutable and keep their identity until something in
 * them changes, as React's `useSyncExternalStore` wants it.
 */

import type { Doc, Text, UndoManager } from 'yjs'

/** Something that changes and can be looked at. */
export interface Readable<T> {
  /** Hear of changes; the function returned ends that. */
  subscribe(listener: () => void): () => void
  getSnapshot(): T
}

// --- the calendar -------------------------------------------------------------------------------

/** When something takes place: dates for whole days, else local times to the second; `end` is exclusive. */
export interface When {
  readonly start: string
  readonly end: string
  /** IANA name, `UTC`, or null: floating, or whole days. */
  readonly tz: string | null
}

/** Who and when; `at` is an instant in ISO 8601 with a zone. */
export interface Stamp {
  readonly by: string
  readonly at: string
}

export interface Recurrence {
  /** RRULE of RFC 5545; null for extra dates alone. */
  readonly rrule: string | null
  /** Further starts, written like `when.start`. */
  readonly rdate?: readonly string[]
}

export interface Attendee {
  readonly name?: string
  readonly role?: string
  readonly status?: string
}

export interface Alarm {
  /** Whole seconds before the start. */
  readonly before: number
  readonly action: string
}

/** The fields that people edit; in a patch `null` takes a field away. */
export interface EventFields {
  title: string
  when: When
  location: string
  url: string
  color: string
  status: 'confirmed' | 'tentative' | 'cancelled'
  visibility: 'public' | 'private' | 'confidential'
  recurrence: Recurrence
}

export type EventPatch = { [K in keyof EventFields]?: EventFields[K] | null } & {
  /** By address; null removes. */
  attendees?: Readonly<Record<string, Attendee | null>>
  /** By id; null removes. */
  alarms?: Readonly<Record<string, Alarm | null>>
}

/** What differs in one instance of a series. */
export type Override = { readonly [K in keyof EventFields]?: EventFields[K] | null } & {
  readonly cancelled?: true
  readonly description?: string | null
}

/** One event as the document has it, read and repaired by the rules of docs/document.md. */
export interface CalendarEvent {
  readonly id: string
  readonly title: string
  readonly when: When | null
  readonly location: string
  readonly url: string
  readonly color: string
  readonly status: EventFields['status'] | ''
  readonly visibility: EventFields['visibility'] | ''
  readonly recurrence: Recurrence | null
  /** By recurrence id. */
  readonly overrides: ReadonlyMap<string, Override>
  /** By address. */
  readonly attendees: ReadonlyMap<string, Attendee>
  readonly alarms: ReadonlyMap<string, Alarm>
  readonly created: Stamp | null
  readonly updated: Stamp | null
  readonly sequence: number
  readonly deleted: Stamp | null
}

/** One occurrence within a range: an event that does not repeat, or an instance of a series. */
export interface Instance {
  /** Unique within a project: event id and recurrence id. */
  readonly key: string
  readonly event: CalendarEvent
  /** The start the series gives it; null when the event does not repeat. */
  readonly recurrenceId: string | null
  /** With the override's `when`, if it has one. */
  readonly when: When
  /** Milliseconds since the epoch; whole days and floating times as in the zone asked for. */
  readonly start: number
  readonly end: number
  readonly allDay: boolean
  /** As in this instance. */
  readonly title: string
  readonly location: string
  readonly color: string
  readonly status: string
}

export interface CalendarProperties {
  readonly name: string
  readonly timezone: string
  readonly color: string
  readonly description: string
  /** Which of two values stands at first when neither writer knew of the other. */
  readonly conflictStrategy: ConflictStrategy
}

/** What of a series an edit is about. */
export type Scope = 'this' | 'following' | 'all'

export interface CalendarSnapshot {
  /** Grows with every change of events or calendar. */
  readonly version: number
  readonly properties: CalendarProperties
  /** Events that are there and not in the bin. */
  readonly size: number
  readonly binned: number
}

/** What became of one event, or of the calendar. */
export interface Change {
  readonly kind: 'created' | 'updated' | 'deleted' | 'restored' | 'calendar'
  /** Event id; '' for the calendar. */
  readonly id: string
  /** Keys of the event map that were written, without bookkeeping. */
  readonly fields: readonly string[]
  /** Whether it was written here, by this document's user. */
  readonly local: boolean
  /** Who wrote it, by the event's `updated` or `deleted`; '' if it does not say. */
  readonly by: string
}

/** The typed calendar over a Y.Doc: reading by snapshot and range, editing by one transaction each. */
export interface Calendar extends Readable<CalendarSnapshot> {
  readonly doc: Doc
  /** Tells of the changes of one transaction. */
  onChange(listener: (changes: readonly Change[]) => void): () => void
  /** One event, deleted ones too; the same object until it changes. */
  event(id: string): CalendarEvent | undefined
  /** The description that several people may write in; undefined if the event has none. */
  description(id: string): Text | undefined
  /** What takes place in [from, to) milliseconds, by start. `zone`: for floating times and whole days. */
  range(from: number, to: number, zone: string): readonly Instance[]
  /** The instance of a series with that recurrence id; the event itself for null. */
  instance(id: string, recurrenceId: string | null, zone: string): Instance | undefined
  /** Events in the bin, last deleted first. */
  bin(): readonly CalendarEvent[]
  /** Events whose title, location, description or attendees contain all words; soonest to `near` first. */
  search(words: string, near?: number, most?: number): readonly CalendarEvent[]

  /** Make an event; returns its id. */
  create(fields: EventPatch & { description?: string }): string
  /** Write what differs. Of a series: in this instance, from this instance on, or everywhere.
   *  Returns the id of the event that has the instance afterwards (a new one for `following`). */
  write(id: string, patch: EventPatch, at?: { recurrenceId: string; scope: Scope }): string
  /** Delete to the bin; of a series one instance (cancelled), the rest of it, or all. */
  remove(id: string, at?: { recurrenceId: string; scope: Scope }): void
  restore(id: string): void
  writeProperties(patch: Partial<CalendarProperties>): void
  /** Undoes and redoes what was written here, and nothing of others. */
  readonly history: History
}

export interface HistorySnapshot {
  readonly canUndo: boolean
  readonly canRedo: boolean
}

export interface History extends Readable<HistorySnapshot> {
  readonly manager: UndoManager
  undo(): void
  redo(): void
  /** When the step that would be undone, or redone, was made: larger is later, in whichever project. 0: there is none. */
  latest(which: 'undo' | 'redo'): number
  /** The next edit is a step of its own. */
  separate(): void
}

// --- the line-up board ---------------------------------------------------------------------------

export interface LineupMemo {
  readonly id: string
  readonly text: string
  /** A CSS colour; '' for none. */
  readonly color: string
  /** Who wrote it last, and when; '' where the document does not say. */
  readonly by: string
  readonly at: string
}

/** One line-up as the document has it. */
export interface LineupRow {
  readonly id: string
  readonly name: string
  /** null: in no group yet. */
  readonly gbsNumber: number | null
  /** In the order in which they were written. */
  readonly memos: readonly LineupMemo[]
  /** What else the board keeps of a person, as it is. */
  readonly others: Readonly<Record<string, unknown>>
}

/** What is to be written of a line-up; null takes the number away. */
export interface LineupPatch {
  name?: string
  gbsNumber?: number | null
}

export interface LineupSnapshot {
  /** Grows with every change. */
  readonly version: number
  /** By name; each the same object until it changes. */
  readonly rows: readonly LineupRow[]
}

/** The board of a project whose kind is `lineup`: `openLineup(project.doc, user)`. */
export interface Lineup extends Readable<LineupSnapshot> {
  row(id: string): LineupRow | undefined
  /** Make a line-up; returns its id. */
  create(patch: LineupPatch): string
  /** Write what differs. */
  write(id: string, patch: LineupPatch): void
  remove(id: string): void
  restore(id: string): void
  /** Write over the memo of that id, or make one; returns its id. */
  writeMemo(id: string, memo: { text: string; color: string }, memoId?: string): string
  removeMemo(id: string, memoId: string): void
  /** Undoes and redoes what was written here, and nothing of others. */
  readonly history: History
  close(): void
}

// --- the connection -----------------------------------------------------------------------------

export type ConnectionState = 'connecting' | 'connected' | 'reconnecting' | 'offline' | 'error'

export interface ConnectionSnapshot {
  readonly state: ConnectionState
  readonly transport: 'websocket' | 'polling' | null
  /** Since the last success. */
  readonly attempts: number
  /** Milliseconds since the epoch of the next attempt; null when none is due. */
  readonly retryAt: number | null
  /** Of the last heartbeat, there and back, in milliseconds. */
  readonly latencyMs: number | null
  /** When everything of both sides was last exchanged, in milliseconds since the epoch. */
  readonly lastSyncAt: number | null
  /** Why it gave up (`state` is error): a close code of docs/protocol.md, and its reason. */
  readonly refusal: { readonly code: number; readonly reason: string } | null
  /** Whether edits are accepted; false for a viewer that has been told so. */
  readonly readOnly: boolean
}

export interface Connection extends Readable<ConnectionSnapshot> {
  /** Try now, whatever was refused before. */
  retry(): void
  /** Let go until `resume`: the page is hidden, or the user wants to be offline. */
  pause(): void
  resume(): void
}

/** How far an edit has come: nowhere yet, on this machine's disk, on the server's disk. */
export type SaveState = 'unsaved' | 'here' | 'server'

export interface SavedSnapshot {
  /** Of the edit that has come least far. */
  readonly state: SaveState
  /** Edits that are not on the server's disk, oldest first; at most some hundred are listed. */
  readonly pending: readonly PendingEdit[]
  readonly pendingCount: number
  /** While a backlog goes up: bytes sent of bytes to send. */
  readonly upload: {
    readonly sentBytes: number
    readonly totalBytes: number
    readonly edits: number
  } | null
  /** Why this machine's disk does not take edits; null while it does. */
  readonly diskError: string | null
}

export interface PendingEdit {
  readonly number: number
  /** Ids of the events it wrote. */
  readonly events: readonly string[]
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly state: 'unsaved' | 'here'
}

export interface Saved extends Readable<SavedSnapshot> {
  /** How far the edits of one event have come. */
  of(eventId: string): SaveState
  /** Settles when everything written until now is on the server's disk; rejects when refused. */
  settled(): Promise<void>
}

// --- people -------------------------------------------------------------------------------------

/** What a client shows of itself. `user.id` and `user.name` are stamped by the server. */
export interface PresenceState {
  readonly user: { readonly id: string; readonly name: string; readonly color: string }
  /** What is on screen: kind of view and its range, as dates; `end` is exclusive. */
  readonly view?: { readonly kind: string; readonly start: string; readonly end: string }
  /** Pointer over the grid, as fractions of its content's width and height. */
  readonly pointer?: { readonly x: number; readonly y: number } | null
  readonly selected?: EventRef | null
  /** A drag or resize under way, and where it would land. */
  readonly dragging?: (EventRef & { readonly when: When }) | null
  /** An event open in the editor, and which field has the focus. */
  readonly editing?: (EventRef & { readonly field?: string }) | null
  /** Id of the event whose description is being typed in. */
  readonly typing?: string | null
  /** The line-up that is being edited, on a board. */
  readonly lineup?: { readonly id: string } | null
  /** The caret in a description, as y-quill writes it. */
  readonly cursor?: unknown
}

export interface EventRef {
  readonly event: string
  readonly recurrenceId: string | null
}

export interface Person extends PresenceState {
  readonly clientId: number
}

export interface PresenceSnapshot {
  /** Every other client that shows itself, by client id. */
  readonly others: ReadonlyMap<number, Person>
  readonly self: PresenceState
}

export interface Presence extends Readable<PresenceSnapshot> {
  /** y-protocols' awareness, for bindings that want it (y-quill). */
  readonly awareness: import('y-protocols/awareness').Awareness
  /** Show these fields of one's own; pointers go out at most every 50 ms. */
  show(patch: Partial<Omit<PresenceState, 'user'>>): void
  /** Hear of joins and leaves, by user: the first client of a user, the last one. */
  onComing(
    listener: (coming: { joined: readonly Person[]; left: readonly Person[] }) => void,
  ): () => void
}

// --- conflicts ----------------------------------------------------------------------------------

/** What stands at first: what was written later, or earlier; or what the CRDT chose, with nobody
 * asked, or until somebody decides. */
export type ConflictStrategy = 'last_write_wins' | 'first_write_wins' | 'merge' | 'manual'

/** A field, with two values; an event, deleted and edited; or one person at two events at one time. */
export type ConflictKind = 'field' | 'deletion' | 'booking'

/** What one of them wrote. */
export interface ConflictValue {
  /** As the document has it; null for nothing, and of a deletion for "not deleted". */
  readonly value: unknown
  /** User id; '' if nobody knows. */
  readonly by: string
  /** An instant in ISO 8601; '' if nobody knows. */
  readonly at: string
  /** Keys of the event map that were edited while somebody else deleted the event. */
  readonly fields: readonly string[]
}

/** A record under the root `conflicts`: two wrote without knowing of each other. */
export interface Conflict {
  readonly id: string
  readonly kind: ConflictKind
  readonly event: string
  /** Key of the event map; `deleted` of a deletion, `when` of a booking. */
  readonly field: string
  readonly values: readonly ConflictValue[]
  /** Index in `values` of the one that stands. */
  readonly stands: number
  readonly state: 'open' | 'resolved'
  /** By which it was settled at first. */
  readonly strategy: ConflictStrategy
  /** Of a booking the other event, and the address of who is invited to both; '' of all else. */
  readonly other: string
  readonly attendee: string
  /** Who has decided, and when; null while nobody has, and where the record does not say. */
  readonly resolved: Stamp | null
}

export interface Conflicts extends Readable<readonly Conflict[]> {
  /** Make the value of that index stand; an ordinary edit that can be undone. false if it cannot be
   * written, for its form or because the event is not there: then nothing is. */
  resolve(id: string, index: number): boolean
}

// --- all of it ----------------------------------------------------------------------------------

/** One project, open: its document, kept on this machine and synchronised. */
export interface Project {
  readonly id: string
  readonly doc: Doc
  readonly calendar: Calendar
  readonly connection: Connection
  readonly saved: Saved
  readonly presence: Presence
  readonly conflicts: Conflicts
  /** Settles when what this machine has is in the document; long before the server is heard of. */
  readonly ready: Promise<void>
  /** Let go of connection, storage and document. Edits on this disk stay there. */
  close(): Promise<void>
}

/** Whoever gives out tokens gives this user none: trying again is no use. */
export class TokenRefused extends Error {
  override readonly name = 'TokenRefused'
}

export interface ProjectOptions {
  readonly project: string
  readonly user: { readonly id: string; readonly name: string; readonly color?: string }
  /** Where the server is, as http(s) URL; the page's own origin unless given. */
  readonly server?: string
  /**
   * A token for each connection; `refused` tells that the last one was (4401). null: the cookie will do.
   *
   * Reject with {@link TokenRefused} when there will be none; after any other failure it is asked again.
   */
  readonly token?: (refused: boolean) => Promise<string | null>
  /** Keep the document on this machine; true unless given. */
  readonly offline?: boolean
}
