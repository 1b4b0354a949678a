/** What an edit writes: patches as keys of the event map, and edits of parts of a series. */

import type * as Y from 'yjs'
import type { CalendarEvent, EventPatch, Scope, When } from '../types'
import { ALARM, ATTENDEE, FIELDS, OVERRIDE } from './event'
import { Series, shifted, split, splitAtDate, whenFrom } from './series'
import { formatLocal, parseLocal } from './wall'
import { isRecord, type Span, spanOf, startingAt, whenOf } from './when'

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

/** What of a series an edit is about. */
export interface At {
  readonly recurrenceId: string
  readonly scope: Scope
}

/** How much of an event an edit there changes; null when there is no such instance, or no longer. */
export function partOf(event: CalendarEvent, at: At | undefined): Scope | null {
  if (!at || at.scope === 'all') return 'all'
  const span = event.when && spanOf(event.when)
  const start = span && startOf(event, span, at.recurrenceId)
  if (start === null) return null
  if (!event.recurrence) return 'all'
  return at.scope === 'following' && start === span?.start ? 'all' : at.scope
}

/** The override of one instance, with a patch on top of what it is; null if nothing differs there.
 * An instance without a time of its own has that of the series. */
export function withInstance(raw: Plain, recurrenceId: string, patch: EventPatch): Plain | null {
  const held = raw[OVERRIDE + recurrenceId]
  const { cancelled: _, ...kept } = isRecord(held) ? held : {}
  const { recurrence: __, ...changes } = wireOf(patch)
  const override: Plain = { ...kept, ...changes }
  if (override.when === null) delete override.when
  return Object.keys(override).length ? override : null
}

/**
 * A patch for a whole series, or an event that does not repeat.
 *
 * `recurrenceId` says which instance the patch's `when` is about: the series moves as that does, and
 * nothing is written if it is not there.
 */
export function withSeries(event: CalendarEvent, patch: EventPatch, recurrenceId?: string): Plain {
  const wire = wireOf(patch)
  const held = event.when && spanOf(event.when)
  const given = patch.when && spanOf(patch.when)
  if (!held || !given || !event.recurrence) return wire
  const span = recurrenceId === undefined ? given : asFirst(event, held, given, recurrenceId)
  if (!span) return {}
  const shift =
    patch.recurrence === undefined ? shifted(held, event.recurrence, event.overrides, span) : null
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

/** The fields of a new event that takes over at an instance after the first one, and what the old one
 * is left with; null where no series can begin: at an extra date among those of a rule. */
export function following(
  event: CalendarEvent,
  raw: Plain,
  recurrenceId: string,
  patch: EventPatch,
) {
  const held = event.when && spanOf(event.when)
  const start = parseLocal(recurrenceId)
  const parts = held && start && divide(event, held, start.wall)
  if (!held || !start || !parts?.after) return null
  const at = OVERRIDE + recurrenceId
  const kept = Object.entries(raw).filter(([key]) => !key.startsWith(OVERRIDE) || key >= at)
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
  return { before: parts.before, values: { ...values, ...withSeries(fresh, patch, recurrenceId) } }
}

/** What a series is left with when an instance after the first one and all that follow go; null if
 * it cannot be said: at an extra date before the first one. */
export function restOfSeries(event: CalendarEvent, recurrenceId: string): Plain | null {
  const held = event.when && spanOf(event.when)
  const start = parseLocal(recurrenceId)
  return (held && start && divide(event, held, start.wall)?.before) || null
}

function divide(event: CalendarEvent, held: Span, start: number) {
  const { recurrence } = event
  if (!recurrence || start <= held.start) return null
  const parts = split(held, recurrence, start) ?? splitAtDate(held, recurrence, start)
  const at = formatLocal(start, held.allDay)
  const gone = [...event.overrides.keys()].filter((id) => id >= at)
  const dropped = Object.fromEntries(gone.map((id) => [OVERRIDE + id, null]))
  return { before: { ...dropped, recurrence: parts[0] } as Plain, after: parts[1] }
}

/** The first `when` of a series of which one instance is put at `given`; null if it has none such. */
function asFirst(event: CalendarEvent, held: Span, given: Span, recurrenceId: string): Span | null {
  const own = event.overrides.get(recurrenceId)?.when
  const start = startOf(event, held, recurrenceId)
  if (start === null) return null
  const instance = (own && spanOf(own)) ?? startingAt(held, start)
  if (instance.allDay !== given.allDay) return given
  const by = given.start - instance.start
  return { ...given, start: held.start + by, end: held.start + by + given.end - given.start }
}

/** The start of an instance; what does not repeat has one. null if it has none such. */
function startOf({ recurrence }: CalendarEvent, span: Span, recurrenceId: string): number | null {
  return new Series(span, recurrence ?? { rrule: null }).startOf(recurrenceId)
}

/** JSON with its keys in order: plain values compare by what they say. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([one], [other]) => (one < other ? -1 : 1)))
      : item,
  )
}
