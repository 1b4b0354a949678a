/** The values of a conflict as people read them: fields by name, times by clock, rules in words. */

import { readRecurrence } from '../../sdk/model/event'
import { DAY_MS, parseLocal } from '../../sdk/model/wall'
import { inZone, isRecord, readWhen, type Span, spanOf } from '../../sdk/model/when'
import type { CalendarEvent, Project } from '../../sdk/types'
import { messages as editorMessages } from '../editor/messages'
import { recurrenceWords } from '../editor/recurrence-words'
import { alarmWords } from '../editor/reminders'
import type { Language } from '../i18n/messages'
import { messages } from './messages'

/** For whom a value is put into words. */
export interface Reader {
  readonly language: Language
  readonly zone: string
}

/** One thing that a value says; values are compared label by label. */
export interface Line {
  readonly label: string
  readonly text: string
  /** A colour to show beside its name. */
  readonly color?: string
}

const NAMED = [
  'title',
  'when',
  'location',
  'url',
  'color',
  'status',
  'visibility',
  'recurrence',
  'description',
] as const

/** What a key of an event is called. */
export function fieldName(field: string, event: CalendarEvent | undefined, reader: Reader): string {
  const text = messages[reader.language]
  const named = NAMED.find((name) => name === field)
  if (named) return text[`${named}Field`]
  const [family, name] = parted(field)
  if (family === 'attendee') return text.attendeeField(event?.attendees.get(name)?.name || name)
  if (family === 'alarm') return text.alarmField
  if (family === 'override') return text.overrideField(dateWords(name, reader))
  return family === 'ics' ? name.toUpperCase() : field
}

/** Keys in the order in which the editor shows them. */
export function inOrder(fields: readonly string[]): string[] {
  const place = (field: string) =>
    (NAMED as readonly string[]).indexOf(field) + 1 || NAMED.length + 1
  return [...fields].sort((one, other) => place(one) - place(other))
}

/** The value that a key has now, as the document has it; null for none. */
export function valueNow(project: Project, event: CalendarEvent, field: string): unknown {
  if (field === 'description') return project.calendar.description(event.id)?.toString() || null
  const [family, name] = parted(field)
  if (family === 'attendee') return event.attendees.get(name) ?? null
  if (family === 'alarm') return event.alarms.get(name) ?? null
  if (family === 'override') return event.overrides.get(name) ?? null
  return (event as unknown as Record<string, unknown>)[field] || null
}

/** A value in words, line by line; never empty. */
export function linesOf(
  field: string,
  value: unknown,
  event: CalendarEvent | undefined,
  reader: Reader,
): Line[] {
  const text = messages[reader.language]
  const [family, name] = parted(field)
  const isNothing = value === null || value === undefined || value === ''
  const lines = isNothing ? [] : linesOfField(family || field, name, value, event, reader)
  if (lines.length) return lines
  if (family === 'attendee') return [plain(text.notInvited)]
  if (family === 'override') return [plain(text.likeTheRest)]
  return [plain(field === 'recurrence' ? text.doesNotRepeat : text.nothing)]
}

/** A `when` in words, on the clock of the reader and, where that differs, on its own. */
export function whenLines(value: unknown, { language, zone }: Reader): Line[] {
  const when = readWhen(value)
  const span = when && spanOf(when)
  if (!span) return []
  const text = editorMessages[language]
  const shown = plain(spanWords(inZone(span, zone), language))
  if (span.allDay || span.tz === zone) return [shown]
  if (span.tz === null) return [shown, { label: text.zone, text: text.floating }]
  return [shown, { label: span.tz, text: spanWords(span, language) }]
}

/** An instant, as the reader's clock shows it; '' for none. */
export function momentWords(at: string, { language, zone }: Reader): string {
  const moment = Date.parse(at)
  if (Number.isNaN(moment)) return ''
  return new Intl.DateTimeFormat(language, {
    dateStyle: 'medium',
    timeStyle: 'medium', // which of two was later may be a matter of seconds
    timeZone: zone,
  }).format(moment)
}

// How

function linesOfField(
  field: string,
  name: string,
  value: unknown,
  event: CalendarEvent | undefined,
  reader: Reader,
): Line[] {
  if (field === 'when') return whenLines(value, reader)
  if (field === 'recurrence') return recurrenceLines(value, event, reader)
  if (field === 'attendee') return attendeeLines(name, value, reader)
  if (field === 'alarm') return alarmLines(value, reader)
  if (field === 'override') return overrideLines(value, event, reader)
  if (field === 'ics') return [plain(propertyWords(value))]
  const words = textOf(value)
  if (field === 'color') return [{ ...plain(words), color: words }]
  const isWord = field === 'status' || field === 'visibility'
  return [plain(isWord ? wordOf(words, reader.language) : words)]
}

function recurrenceLines(value: unknown, event: CalendarEvent | undefined, reader: Reader): Line[] {
  const recurrence = readRecurrence(value)
  if (!recurrence) return [plain(textOf(value))]
  const { rrule, rdate = [] } = recurrence
  const { start = '', tz = null } = event?.when ?? {}
  const lines = rrule ? [plain(raised(recurrenceWords(rrule, start, reader.language, tz)))] : []
  const dates = rdate.map((date) => dateWords(date, reader)).join(', ')
  if (dates) lines.push({ label: messages[reader.language].alsoOn, text: dates })
  return lines
}

function attendeeLines(address: string, value: unknown, { language }: Reader): Line[] {
  const text = editorMessages[language]
  const { name, role, status } = isRecord(value) ? value : {}
  return [
    plain(textOf(name || address)),
    { label: text.role, text: wordOf(textOf(role || 'req-participant'), language) },
    { label: text.answer, text: wordOf(textOf(status || 'needs-action'), language) },
  ]
}

function alarmLines(value: unknown, { language }: Reader): Line[] {
  const before = isRecord(value) ? value.before : null
  return [plain(typeof before === 'number' ? raised(alarmWords(before, language)) : textOf(value))]
}

/** What is different in one instance of a series, field by field. */
function overrideLines(value: unknown, event: CalendarEvent | undefined, reader: Reader): Line[] {
  if (!isRecord(value)) return [plain(textOf(value))]
  if (value.cancelled === true) return [plain(messages[reader.language].takenOut)]
  return Object.entries(value).flatMap(([field, item]) => {
    const [first, ...further] = linesOf(field, item, event, reader)
    return first ? [{ ...first, label: fieldName(field, event, reader) }, ...further] : []
  })
}

/** A property that is kept for iCalendar: a list of values with parameters. */
function propertyWords(value: unknown): string {
  const items = Array.isArray(value) ? value : [value]
  return items.map((item) => textOf(isRecord(item) ? (item.value ?? item) : item)).join(', ')
}

function wordOf(word: string, language: Language): string {
  const text = editorMessages[language]
  const found = Object.hasOwn(text, word) ? text[word as keyof typeof text] : word
  return typeof found === 'string' ? found : word
}

function spanWords({ start, end, allDay }: Span, language: Language): string {
  const time = allDay ? {} : ({ hour: 'numeric', minute: '2-digit' } as const)
  const format = new Intl.DateTimeFormat(language, {
    weekday: 'short',
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    timeZone: 'UTC', // these are walls: what a clock shows
    ...time,
  })
  return format.formatRange(start, allDay ? end - DAY_MS : end)
}

/** A date, or a local time, of the document. */
function dateWords(date: string, { language }: Reader): string {
  const local = parseLocal(date)
  if (!local) return date
  const format = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeZone: 'UTC' })
  return format.format(local.wall)
}

/** A key of a family: `attendee/bob@example.org`. */
function parted(field: string): readonly [family: string, name: string] {
  const at = field.indexOf('/')
  return at < 0 ? ['', ''] : [field.slice(0, at), field.slice(at + 1)]
}

function raised(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1)
}

function plain(text: string): Line {
  return { label: '', text }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
