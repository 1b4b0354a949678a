/** What an edit writes: patches as keys of the event map, and edits of parts of a series. */

import type * as Y from 'yjs'
import type { CalendarEvent, EventPatch, When } from '../types'
import { ALARM, ATTENDEE, BOOKKEEPING, FIELDS, OVERRIDE } from './event'
import { shifted, split, whenFrom } from './series'
import { formatLocal, parseLocal } from './wall'
import { type Span, spanOf, startingAt, whenOf } from './when'

type Plain = Record<string, unknown>

/** A patch as keys and plain values of the event map; null takes a key away. */
export function wireOf(patch: EventPatch): Plain {
  const values: Plain = {}
  for (const field of FIELDS) {
    const value = patch[field]
    if (value !== undefined) values[field] = value === '' ? null : value
  }
  for (const [name, one] of Object.entries(patch.attendees ?? {})) values[ATTENDEE + name] = one
  for (const [name, one] of Object.entries(patch.alarms ?? {})) values[ALARM + name] = one
  return values
}

/** Of these values those that the map does not have. */
export function changedFields(map: Y.Map<unknown>, values: Plain): [string, unknown][] {
  return Object.entries(values).filter(([key, value]) => {
    if (value === undefined) return false
    if (value === null) return map.has(key)
    return !map.has(key) || canonical(map.get(key)) !== canonical(value)
  })
}

/** The override of one instance, with a patch on top of what it is. */
export function withInstance(raw: Plain, recurrenceId: string, patch: EventPatch): Plain {
  const held = raw[OVERRIDE + recurrenceId]
  const wire = wireOf(patch)
  delete wire.recurrence
  const changes = Object.fromEntries(Object.entries(wire).map(([key, value]) => [key, value]))
  const kept = typeof held === 'object' && held !== null ? (held as Plain) : {}
  const { cancelled: _, ...rest } = kept
  return { ...rest, ...changes }
}

/**
 * A patch for a whole series, or an event that does not repeat.
 *
 * `recurrenceId` says which instance the patch's `when` is about: the series moves as that does.
 */
export function withSeries(event: CalendarEvent, patch: EventPatch, recurrenceId?: string): Plain {
  const wire = wireOf(patch)
  const held = event.when && spanOf(event.when)
  const given = patch.when && spanOf(patch.when)
  if (!held || !given || !event.recurrence) return wire
  const span = recurrenceId === undefined ? given : asFirst(event, held, given, recurrenceId)
  const shift =
    'recurrence' in patch ? null : shifted(held, event.recurrence, event.overrides, span)
  if (!shift) return { ...wire, when: whenOf(span) }
  const left = [...event.overrides.keys()].map((id): [string, unknown] => [OVERRIDE + id, null])
  const moved = [...shift.overrides].map(([id, value]): [string, unknown] => [OVERRIDE + id, value])
  return {
    ...Object.fromEntries([...left, ...moved]),
    ...wire,
    when: whenOf(span),
    recurrence: shift.recurrence,
  }
}

/** The fields of a new event that takes over at an instance, and what the old one is left with; null
 * where a series cannot be split: at its first instance, or at an extra date. */
export function following(
  event: CalendarEvent,
  raw: Plain,
  recurrenceId: string,
  patch: EventPatch,
) {
  const held = event.when && spanOf(event.when)
  const start = parseLocal(recurrenceId)
  const parts = held && start && divide(event, held, start.wall)
  if (!held || !start || !parts) return null
  const at = OVERRIDE + recurrenceId
  const kept = Object.entries(raw).filter(([key]) => {
    if (BOOKKEEPING.has(key) || key === 'deleted') return false
    return !key.startsWith(OVERRIDE) || key >= at
  })
  const values: Plain = {
    ...Object.fromEntries(kept),
    when: whenFrom(held, start.wall),
    recurrence: parts.after,
  }
  const overrides = new Map([...event.overrides].filter(([id]) => id >= recurrenceId))
  const fresh: CalendarEvent = {
    ...event,
    when: values.when as When,
    recurrence: parts.after,
    overrides,
  }
  const changes = withSeries(fresh, patch, recurrenceId)
  const all = Object.entries({ ...values, ...changes }).filter(([, value]) => value !== null)
  return { before: parts.before, values: Object.fromEntries(all) }
}

/** What a series is left with when an instance and those after it go; null if that is nothing. */
export function restOfSeries(event: CalendarEvent, recurrenceId: string): Plain | null {
  const held = event.when && spanOf(event.when)
  const start = parseLocal(recurrenceId)
  return (held && start && divide(event, held, start.wall)?.before) || null
}

function divide(event: CalendarEvent, held: Span, start: number) {
  if (!event.recurrence || start <= held.start) return null
  const parts = split(held, event.recurrence, start)
  if (!parts) return null
  const at = formatLocal(start, held.allDay)
  const gone = [...event.overrides.keys()].filter((id) => id >= at)
  const dropped = Object.fromEntries(gone.map((id) => [OVERRIDE + id, null]))
  return { before: { ...dropped, recurrence: parts[0] } as Plain, after: parts[1] }
}

/** The first `when` of a series of which one instance is put at `given`. */
function asFirst(event: CalendarEvent, held: Span, given: Span, recurrenceId: string): Span {
  const own = event.overrides.get(recurrenceId)?.when
  const start = parseLocal(recurrenceId)
  const instance = (own && spanOf(own)) ?? startingAt(held, start?.wall ?? held.start)
  if (instance.allDay !== given.allDay) return given
  const by = given.start - instance.start
  return { ...given, start: held.start + by, end: held.start + by + given.end - given.start }
}

/** JSON with its keys in order: plain values compare by what they say. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([one], [other]) => (one < other ? -1 : 1)))
      : item,
  )
}
