/**
 * An event read from its map, by the rules for readers of docs/document.md: whatever is there,
 * nothing throws, and a value that is not of its form reads as absent.
 */

import * as Y from 'yjs'
import type {
  Alarm,
  Attendee,
  CalendarEvent,
  EventFields,
  Override,
  Recurrence,
  Stamp,
} from '../types'
import { parseRule } from './rule'
import { parseLocal } from './wall'
import { isRecord, readWhen, spanOf } from './when'

export const OVERRIDE = 'override/'
export const ATTENDEE = 'attendee/'
export const ALARM = 'alarm/'
const ICS = 'ics/'
/** Keys that say something of the writing, not of the event. */
export const BOOKKEEPING: ReadonlySet<string> = new Set(['created', 'updated', 'sequence'])
/** Keys whose values people edit, apart from the description and the families with a prefix. */
export const FIELDS = [
  'title',
  'when',
  'location',
  'url',
  'color',
  'status',
  'visibility',
  'recurrence',
] as const

const STATUS = ['confirmed', 'tentative', 'cancelled'] as const
const VISIBILITY = ['public', 'private', 'confidential'] as const

export type EventMap = Y.Map<unknown>

/** One event. */
export function readEvent(id: string, map: EventMap): CalendarEvent {
  const overrides = new Map<string, Override>()
  const attendees = new Map<string, Attendee>()
  const alarms = new Map<string, Alarm>()
  for (const [key, value] of map.entries()) {
    if (key.startsWith(OVERRIDE))
      put(overrides, key.slice(OVERRIDE.length), readOverride(key, value))
    else if (key.startsWith(ATTENDEE))
      put(attendees, key.slice(ATTENDEE.length), readAttendee(value))
    else if (key.startsWith(ALARM)) put(alarms, key.slice(ALARM.length), readAlarm(value))
  }
  const sequence = map.get('sequence')
  return {
    id,
    title: text(map.get('title')),
    when: readWhen(map.get('when')),
    location: text(map.get('location')),
    url: text(map.get('url')),
    color: text(map.get('color')),
    status: word(map.get('status'), STATUS),
    visibility: word(map.get('visibility'), VISIBILITY),
    recurrence: readRecurrence(map.get('recurrence')),
    overrides,
    attendees,
    alarms,
    created: readStamp(map.get('created')),
    updated: readStamp(map.get('updated')),
    sequence: Number.isInteger(sequence) ? (sequence as number) : 0,
    deleted: readStamp(map.get('deleted')),
  }
}

/** Who and when; null for what is malformed. */
export function readStamp(value: unknown): Stamp | null {
  if (!isRecord(value) || typeof value.by !== 'string' || typeof value.at !== 'string') return null
  const hasZone = /T.*(Z|[+-]\d\d:?\d\d)$/.test(value.at)
  return hasZone && !Number.isNaN(Date.parse(value.at)) ? { by: value.by, at: value.at } : null
}

export function readRecurrence(value: unknown): Recurrence | null {
  if (!isRecord(value)) return null
  const rrule = value.rrule ?? null
  const rdate = value.rdate ?? []
  if (rrule !== null && (typeof rrule !== 'string' || !parseRule(rrule))) return null
  if (!Array.isArray(rdate) || !rdate.every(parseLocal)) return null
  if (rrule === null && !rdate.length) return null
  return rdate.length ? { rrule, rdate: [...new Set(rdate as string[])].sort() } : { rrule }
}

/** The description of an event; undefined if it has none that is a text. */
export function readDescription(map: EventMap): Y.Text | undefined {
  const value = map.get('description')
  return value instanceof Y.Text ? value : undefined
}

function readOverride(key: string, value: unknown): Override | null {
  if (!parseLocal(key.slice(OVERRIDE.length)) || !isRecord(value)) return null
  if (value.cancelled === true) return { cancelled: true }
  const changes: Record<string, unknown> = {}
  for (const [name, item] of Object.entries(value)) {
    const read = item === null && name !== 'when' ? null : readField(name, item)
    if (read !== undefined) changes[name] = read
  }
  return changes as Override // with its people, alarms and what is kept for iCalendar, by their keys
}

/** A field of an override; undefined for what is malformed or none. */
function readField(name: string, value: unknown): unknown {
  if (name === 'when') return readWhen(value) ?? undefined
  if (name === 'status') return word(value, STATUS) || undefined
  if (name === 'visibility') return word(value, VISIBILITY) || undefined
  if (name.startsWith(ATTENDEE)) return readAttendee(value) ?? undefined
  if (name.startsWith(ALARM)) return readAlarm(value) ? value : undefined
  if (name.startsWith(ICS)) return value
  const isText = ['title', 'location', 'url', 'color', 'description'].includes(name)
  return isText && typeof value === 'string' ? value : undefined
}

/** Whether that is a key of the contract that people edit, not bookkeeping and not another client's. */
export function isField(key: string): boolean {
  if (key.startsWith(OVERRIDE)) return parseLocal(key.slice(OVERRIDE.length)) !== null
  const isOne = (family: string) => key.startsWith(family) && key !== family
  return [ATTENDEE, ALARM, ICS].some(isOne) || ['description', ...FIELDS].includes(key)
}

/** Whether a field can have that value; null: that it is not there. */
export function isValue(key: string, value: unknown): boolean {
  if (value === null) return true
  if (key === 'recurrence') return readRecurrence(value) !== null
  if (key.startsWith(OVERRIDE)) return readOverride(key, value) !== null
  return readField(key, value) !== undefined
}

function readAttendee(value: unknown): Attendee | null {
  if (!isRecord(value)) return null
  const parts = ['name', 'role', 'status'] as const
  if (parts.some((part) => value[part] != null && typeof value[part] !== 'string')) return null
  return value as Attendee // with whatever else iCalendar says of them
}

function readAlarm(value: unknown): Alarm | null {
  if (!isRecord(value) || !Number.isInteger(value.before)) return null
  return typeof value.action === 'string'
    ? { before: value.before as number, action: value.action }
    : null
}

function put<T>(family: Map<string, T>, name: string, value: T | null): void {
  if (value !== null) family.set(name, value)
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function word<T extends string>(value: unknown, words: readonly T[]): T | '' {
  return words.includes(value as T) ? (value as T) : ''
}

/** A field of an event as it is in one instance. */
export function fieldIn<K extends keyof EventFields>(
  event: CalendarEvent,
  override: Override | undefined,
  field: K & keyof CalendarEvent,
): CalendarEvent[K & keyof CalendarEvent] {
  const changed = override?.[field as keyof Override]
  if (changed === undefined) return event[field]
  return (changed ?? '') as CalendarEvent[K & keyof CalendarEvent]
}

/** The people and the alarms of an event as they are in one instance. */
export function familiesIn(event: CalendarEvent, override: Override | undefined) {
  const attendees = new Map(event.attendees)
  const alarms = new Map(event.alarms)
  for (const [key, value] of Object.entries<unknown>(override ?? {})) {
    if (key.startsWith(ATTENDEE))
      putOrTake(attendees, key.slice(ATTENDEE.length), value as Attendee | null)
    else if (key.startsWith(ALARM))
      putOrTake(alarms, key.slice(ALARM.length), value as Alarm | null)
  }
  return { attendees, alarms }
}

function putOrTake<T>(family: Map<string, T>, name: string, value: T | null): void {
  if (value === null) family.delete(name)
  else family.set(name, value)
}

/** Whether an event takes part in the calendar: it has a time, and is not deleted. */
export function spanOfEvent(event: CalendarEvent) {
  return event.when && !event.deleted ? spanOf(event.when) : null
}
