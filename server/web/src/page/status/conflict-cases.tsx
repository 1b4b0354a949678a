/** One conflict to decide: what each of them wrote, side by side, and one click each way. */

import type { ReactNode } from 'react'
import { instantsOf, spanOf } from '../../sdk/model/when'
import type { CalendarEvent, Conflict, ConflictValue, Project } from '../../sdk/types'
import { useMessages } from '../i18n/messages'
import { common } from '../messages'
import { Avatar } from '../people/avatars'
import { useView } from '../view'
import { mayEdit } from '../workspace'
import { EventWords, Lines, useReader, Version } from './conflict-parts'
import {
  fieldName,
  inOrder,
  type Line,
  linesOf,
  momentWords,
  valueNow,
  whenLines,
} from './conflict-words'
import { messages } from './messages'
import { useShownConflicts } from './open-conflicts'
import { writerOf } from './writers'

interface Props {
  project: Project
  conflict: Conflict
  /** The heading, with its title. */
  children(title: string): ReactNode
  /** Let the value of that index stand; what has been decided, in words. */
  answer(index: number, told: string): void
}

const CASES = { field: FieldCase, deletion: DeletionCase, booking: BookingCase }

export function ConflictCase(props: Props) {
  const text = useMessages(messages)
  const One = CASES[props.conflict.kind]
  return (
    <div className="conflict">
      <One {...props} />
      {!mayEdit(props.project.id) && <p className="notice">{text.mayLook}</p>}
    </div>
  )
}

// A field with two values

function FieldCase({ project, conflict, children, answer }: Props) {
  const text = useMessages(messages)
  const words = useMessages(common)
  const reader = useReader()
  const { field, values, stands } = conflict
  const event = project.calendar.event(conflict.event)
  const name = fieldName(field, event, reader)
  const now = event ? linesOf(field, valueNow(project, event, field), event, reader) : []
  const written = values.map(({ value }) => linesOf(field, value, event, reader))
  // Whoever changed it since knew what stood, and went on from there.
  const isChanged = !isSame(now, written[stands] ?? [])
  const shown = written.map((lines, index) => (index === stands && isChanged ? now : lines))
  const againstOf = (index: number) => shown[index === stands ? (stands === 0 ? 1 : 0) : stands]
  return (
    <>
      {children(text.fieldOf(name, event?.title || words.untitled))}
      <p className="conflict-about">
        {aboutWords(project, conflict, text)} {text[STANDING[conflict.strategy]]}
      </p>
      <div className="conflict-values">
        {values.map((value, index) => (
          <Version
            // biome-ignore lint/suspicious/noArrayIndexKey: the index is what tells them apart
            key={index}
            project={project}
            value={value}
            standing={index === stands ? text.stands : null}
            label={text.keep}
            onKeep={() => answer(index, text.decided(name))}
          >
            <Lines lines={shown[index] ?? []} against={againstOf(index) ?? []} />
            {index === stands && isChanged && (
              <p className="hint">{text.changedSince(asText(written[index] ?? []))}</p>
            )}
          </Version>
        ))}
      </div>
      <p className="hint">{text.marked}</p>
    </>
  )
}

const STANDING = {
  last_write_wins: 'laterStands',
  first_write_wins: 'earlierStands',
  merge: 'oneStands',
  manual: 'oneStands',
} as const

type Texts = ReturnType<typeof useMessages<(typeof messages)['en']>>

function aboutWords(project: Project, { values }: Conflict, text: Texts): string {
  const [one = '', other = one] = values.map(({ by }) => writerOf(project, by).user.name)
  return one === other ? text.bothSelf(one) : text.both(one, other)
}

// An event, deleted and edited

function DeletionCase({ project, conflict, children, answer }: Props) {
  const text = useMessages(messages)
  const words = useMessages(common)
  const reader = useReader()
  const event = project.calendar.event(conflict.event)
  const title = event?.title || words.untitled
  return (
    <>
      {children(text.deletedOrEdited(title))}
      <p className="conflict-about">{text.meanwhile}</p>
      <div className="conflict-values">
        {conflict.values.map((value, index) =>
          value.value === null ? (
            <Version
              key="edit"
              project={project}
              value={value}
              standing={event?.deleted ? null : text.stands}
              label={text.restore}
              onKeep={() => answer(index, text.restored(title))}
            >
              <Edited project={project} event={event} fields={value.fields} />
            </Version>
          ) : (
            <Version
              key="deletion"
              project={project}
              value={value}
              standing={event?.deleted ? text.inBin : null}
              label={text.keepDeleted}
              onKeep={() => answer(index, text.keptDeleted(title))}
            >
              <p>{text.didDelete}</p>
              <Lines lines={whenLines(event?.when, reader)} />
            </Version>
          ),
        )}
      </div>
    </>
  )
}

/** What an edit that was in vain wrote: it is in the document all the same. */
function Edited({
  project,
  event,
  fields,
}: {
  project: Project
  event: CalendarEvent | undefined
  fields: readonly string[]
}) {
  const text = useMessages(messages)
  const reader = useReader()
  if (!event || !fields.length) return <p>{text.didEdit}</p>
  const edited = inOrder(fields)
  const names = edited.map((field) => fieldName(field, event, reader))
  const lines = edited.flatMap((field, index) => {
    const [first, ...further] = linesOf(field, valueNow(project, event, field), event, reader)
    return first ? [{ ...first, label: names[index] ?? '' }, ...further] : []
  })
  return (
    <>
      <p>{text.editedFields(names)}</p>
      <Lines lines={lines} />
    </>
  )
}

// One person at two events at one time

function BookingCase({ project, conflict, children, answer }: Props) {
  const text = useMessages(messages)
  const words = useMessages(common)
  const { event: id, other, attendee, values, stands } = conflict
  const { calendar } = project
  const { language, zone } = useReader()
  const pairs = [id, other].map((one, index) => ({
    event: calendar.event(one),
    // The one that stands is of the event that the record is about.
    value: values[index === 0 ? stands : stands === 0 ? 1 : 0],
  }))
  const events = pairs.flatMap(({ event }) => event ?? [])
  const name = events.map(({ attendees }) => attendees.get(attendee)?.name).find(Boolean)
  const titles = new Intl.ListFormat(language).format(
    events.map(({ title }) => text.quoted(title || words.untitled)),
  )
  return (
    <>
      {children(text.bookedTwice(name || attendee))}
      <p className="conflict-about">
        {text.clash(titles)} {isOver(events, zone) && text.clashOver}
      </p>
      <div className="conflict-values">
        {pairs.map(
          ({ event, value }) =>
            event &&
            value && <Booked key={event.id} project={project} event={event} value={value} />,
        )}
      </div>
      {mayEdit(project.id) && (
        <button
          type="button"
          className="button button-primary conflict-fine"
          onClick={() => answer(stands, text.noted)}
        >
          {text.fine}
        </button>
      )}
    </>
  )
}

/** Of series it is not asked: it would take both of them to the end. */
function isOver(events: readonly CalendarEvent[], zone: string): boolean {
  if (events.some(({ recurrence }) => recurrence)) return false
  const [one, other] = events.map(({ when }) => {
    const span = when && spanOf(when)
    return span && instantsOf(span, zone)
  })
  return !!one && !!other && (one[1] <= other[0] || other[1] <= one[0])
}

function Booked({
  project,
  event,
  value: { by, at },
}: {
  project: Project
  event: CalendarEvent
  value: ConflictValue
}) {
  const text = useMessages(messages)
  const reader = useReader()
  const words = useMessages(common)
  const open = useView((view) => view.open)
  const title = event.title || words.untitled
  const { user } = writerOf(project, by)
  const look = () => {
    useShownConflicts.setState({ shown: null })
    const recurrenceId = event.recurrence ? (event.when?.start ?? null) : null
    open({ project: project.id, event: event.id, recurrenceId })
  }
  return (
    <section className="conflict-value" aria-label={title}>
      <header className="conflict-who">
        <Avatar person={{ user }} />
        <span>
          <strong>{title}</strong>
          <small>{[user.name, momentWords(at, reader)].filter(Boolean).join(', ')}</small>
        </span>
      </header>
      <div className="conflict-words">
        <EventWords event={event} />
      </div>
      <button type="button" className="button" aria-label={text.openNamed(title)} onClick={look}>
        {text.openEvent}
      </button>
    </section>
  )
}

// How

function isSame(one: readonly Line[], other: readonly Line[]): boolean {
  return asText(one) === asText(other)
}

function asText(lines: readonly Line[]): string {
  return lines.map(({ label, text }) => (label ? `${label}: ${text}` : text)).join(', ')
}
