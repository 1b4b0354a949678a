/** The SDK in React: everything that changes, as hooks. */

import { useCallback, useMemo, useRef, useSyncExternalStore } from 'react'
import type {
  CalendarSnapshot,
  ConnectionSnapshot,
  Instance,
  PresenceSnapshot,
  Project,
  Readable,
  SavedSnapshot,
} from './types'

const nothing = () => () => undefined

/**
 * What `select` takes of a readable; the component renders again only when that differs.
 *
 * `isEqual` compares two of them: by identity unless given. null for no readable.
 */
export function useReadable<T>(readable: Readable<T>): T
export function useReadable<T, S>(
  readable: Readable<T> | null | undefined,
  select: (snapshot: T) => S,
  isEqual?: (one: S, other: S) => boolean,
): S | null
export function useReadable<T, S>(
  readable: Readable<T> | null | undefined,
  select: (snapshot: T) => S = (snapshot) => snapshot as unknown as S,
  isEqual: (one: S, other: S) => boolean = Object.is,
): S | null {
  const held = useRef<{ value: S } | null>(null)
  const subscribe = useMemo(() => readable?.subscribe.bind(readable) ?? nothing, [readable])
  const look = () => {
    if (!readable) return null
    const value = select(readable.getSnapshot())
    if (held.current && isEqual(held.current.value, value)) return held.current.value
    held.current = { value }
    return value
  }
  return useSyncExternalStore(subscribe, look, look)
}

/** Compares arrays and plain objects by their members. */
export function isShallowEqual(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true
  if (!isPlain(one) || !isPlain(other) || Array.isArray(one) !== Array.isArray(other)) return false
  const left = Object.entries(one)
  return (
    left.length === Object.keys(other).length &&
    left.every(([key, value]) => Object.hasOwn(other, key) && Object.is(value, other[key]))
  )
}

/** Whether its members say all about it; those of a Map or a Date do not. */
function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
}

/** Everything about one project, and what can be done with it. */
export interface RealtimeCalendar {
  readonly calendar: CalendarSnapshot
  readonly connection: ConnectionSnapshot
  readonly saved: SavedSnapshot
  readonly create: Project['calendar']['create']
  readonly write: Project['calendar']['write']
  readonly remove: Project['calendar']['remove']
  readonly restore: Project['calendar']['restore']
  undo(): void
  redo(): void
}

/** A project's calendar, connection and saving; renders again whenever one of them changes. */
export function useRealtimeCalendar(project: Project): RealtimeCalendar {
  const calendar = useReadable(project.calendar)
  const connection = useReadable(project.connection)
  const saved = useReadable(project.saved)
  const edits = useMemo(() => {
    const { calendar: store } = project
    return {
      create: store.create.bind(store),
      write: store.write.bind(store),
      remove: store.remove.bind(store),
      restore: store.restore.bind(store),
      undo: () => store.history.undo(),
      redo: () => store.history.redo(),
    }
  }, [project])
  return { calendar, connection, saved, ...edits }
}

/** What takes place from `from` to before `to` (milliseconds); the same array until it changes. */
export function useInstances(
  project: Project,
  from: number,
  to: number,
  zone: string,
): readonly Instance[] {
  const { calendar } = project
  const subscribe = useCallback((listener: () => void) => calendar.subscribe(listener), [calendar])
  const look = () => calendar.range(from, to, zone)
  return useSyncExternalStore(subscribe, look, look)
}

/** What `select` takes of who else is here. Select narrowly: pointers move twenty times a second. */
export function usePresence<S>(
  project: Project,
  select: (presence: PresenceSnapshot) => S,
  isEqual: (one: S, other: S) => boolean = isShallowEqual,
): S {
  return useReadable(project.presence, select, isEqual) as S
}
