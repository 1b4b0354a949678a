/** What the form shows of a series, and where it writes: one instance, the following, or all. */

import { familiesIn, fieldIn } from '../../sdk/model/event'
import { split, whenFrom } from '../../sdk/model/series'
import { formatLocal, parseLocal } from '../../sdk/model/wall'
import { spanOf } from '../../sdk/model/when'
import type {
  Calendar,
  CalendarEvent,
  EventPatch,
  Instance,
  Recurrence,
  Scope,
  When,
} from '../../sdk/types'
import type { Values } from './form'
import { fittedTo } from './until'

/** An instance of a series, and how much of the series is meant. */
export interface At {
  recurrenceId: string
  scope: Scope
}

/** The values of the event itself: of all of a series. */
export function valuesOf(event: CalendarEvent): Values {
  const { title, when, location, url, color, status, visibility } = event
  const { recurrence, attendees, alarms } = event
  return {
    ...{ title, when, location, url, color, status, visibility },
    ...{ recurrence, attendees, alarms, first: when },
  }
}

/** The values of what an edit there would change. */
export function valuesAt(event: CalendarEvent, instance: Instance, { recurrenceId, scope }: At) {
  const values = valuesOf(event)
  if (scope === 'following') {
    const rest = restOf(event, recurrenceId)
    return rest ? { ...values, ...rest, first: rest.when } : values
  }
  return scope === 'all' ? values : { ...values, ...valuesIn(event, instance, recurrenceId) }
}

function valuesIn(event: CalendarEvent, instance: Instance, recurrenceId: string) {
  const override = event.overrides.get(recurrenceId)
  const text = (field: 'title' | 'location' | 'url' | 'color' | 'status' | 'visibility') =>
    fieldIn(event, override, field) as string
  return {
    title: text('title'),
    location: text('location'),
    url: text('url'),
    color: text('color'),
    status: text('status'),
    visibility: text('visibility'),
    when: instance.when,
    ...familiesIn(event, override),
  }
}

/** Whether an instance and those after it can become a series of their own, or are all there is. */
export function canFollow(event: CalendarEvent, recurrenceId: string): boolean {
  return event.when?.start === recurrenceId || restOf(event, recurrenceId) !== null
}

/** The first `when` and the recurrence of an instance and those after it; null if it is the first. */
function restOf(
  event: CalendarEvent,
  recurrenceId: string,
): { when: When; recurrence: Recurrence } | null {
  const span = event.when && spanOf(event.when)
  const start = parseLocal(recurrenceId)
  if (!span || !start || !event.recurrence || start.wall <= span.start) return null
  const parts = split(span, event.recurrence, start.wall)
  return parts && { when: whenFrom(span, start.wall), recurrence: parts[1] }
}

/** Write to an event that does not repeat, or to all of one that does. */
export function writeAll(calendar: Calendar, event: CalendarEvent, patch: EventPatch): string {
  return calendar.write(event.id, fitted(valuesOf(event), patch))
}

/** Write there. Returns where the instance is afterwards: its event, and its id within that. */
export function writeAt(
  calendar: Calendar,
  event: CalendarEvent,
  instance: Instance,
  at: At,
  patch: EventPatch,
): [event: string, recurrenceId: string] {
  const { recurrenceId, scope } = at
  if (scope === 'this') return [calendar.write(event.id, patch, at), recurrenceId]
  const whole = fitted(valuesAt(event, instance, at), patch)
  if (scope === 'following') return writeFollowing(calendar, event, at, whole)
  calendar.write(event.id, whole)
  return [event.id, whereNow(calendar, event, recurrenceId)]
}

function writeFollowing(
  calendar: Calendar,
  event: CalendarEvent,
  at: At,
  patch: EventPatch,
): [event: string, recurrenceId: string] {
  // The model takes a `when` for that of the instance as it is. The form has shown that of the series.
  const isMoved = patch.when && event.overrides.get(at.recurrenceId)?.when
  const id = calendar.write(event.id, isMoved ? {} : patch, at)
  if (isMoved) calendar.write(id, patch)
  return [id, calendar.event(id)?.when?.start ?? at.recurrenceId]
}

/** When whole days become times or the other way round, the last day has to be written anew. */
function fitted(held: Pick<Values, 'first' | 'recurrence'>, patch: EventPatch): EventPatch {
  const { first, recurrence } = held
  if (!patch.when || patch.recurrence !== undefined || !first || !recurrence) return patch
  if (parseLocal(first.start)?.isDate === parseLocal(patch.when.start)?.isDate) return patch
  return { ...patch, recurrence: fittedTo(recurrence, first, patch.when) }
}

/** The id that an instance has after its series has been moved. */
function whereNow(calendar: Calendar, held: CalendarEvent, recurrenceId: string): string {
  const first = calendar.event(held.id)?.when
  const [before, after, own] = [held.when?.start, first?.start, recurrenceId].map(parseLocal)
  if (!before || !after || !own || before.wall === after.wall) return recurrenceId
  const moved = formatLocal(own.wall + after.wall - before.wall, after.isDate)
  const found = [moved, recurrenceId].find((id) => calendar.instance(held.id, id, 'UTC'))
  return found ?? first?.start ?? recurrenceId
}
