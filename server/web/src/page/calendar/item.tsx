/** One event in the grid. */

import type { EventDisplayInfo } from '@fullcalendar/react'
import { Repeat2, TriangleAlert } from 'lucide-react'
import { useMessages } from '../i18n/messages'
import { common } from '../messages'
import { useView } from '../view'
import type { Drawn } from './drawn'
import { messages } from './messages'

const COLOR = /^(#[0-9a-f]{3,8}|[a-z]+)$/i

/** A colour that CSS understands, or the accent. */
export function cssColor(color: string): string {
  return COLOR.test(color) ? color : 'var(--accent)'
}

export function Item({ event, timeText, view, isShort }: EventDisplayInfo) {
  const text = useMessages(messages)
  const words = useMessages(common)
  const drawn = event.extendedProps as Drawn
  const isSelected = useView(
    ({ selection }) =>
      selection !== null &&
      selection.project === drawn.project &&
      selection.event === drawn.instance?.event.id &&
      selection.recurrenceId === drawn.instance?.recurrenceId,
  )
  if (!drawn.instance) return <span className="event event-draft">{event.title}</span>
  const { instance, saved, marks, ghost } = drawn
  const title = instance.title || words.untitled
  const [first] = marks
  const isListed = view.type.startsWith('list')
  const time = timeText || (isListed && event.allDay && words.allDay)
  const kinds = [
    'event',
    event.allDay && 'event-whole',
    ghost && 'event-ghost',
    isSelected && !ghost && 'event-selected',
    instance.status === 'tentative' && 'event-tentative',
    instance.status === 'cancelled' && 'event-cancelled',
    view.type.startsWith('timeGrid') && !event.allDay && 'event-tall',
    isShort && 'event-short',
    isListed && 'event-listed',
    first && 'event-marked',
  ]
  const style = {
    '--event': cssColor(drawn.color),
    '--mark': first?.user.color,
  } as React.CSSProperties
  return (
    <span
      className={kinds.filter(Boolean).join(' ')}
      style={style}
      data-event={instance.event.id}
      data-recurrence={instance.recurrenceId ?? ''}
      data-project={drawn.project}
      data-saved={saved}
    >
      {ghost ? (
        <span className="event-title">{text.draggedBy(ghost.user.name)}</span>
      ) : (
        <>
          {time && <span className="event-time">{time}</span>}
          <span className="event-title">{title}</span>
          {instance.location && <span className="event-place">{instance.location}</span>}
          <span className="event-signs">
            {drawn.isConflict && <TriangleAlert size={12} aria-label={text.conflict} />}
            {instance.recurrenceId !== null && (
              <Repeat2 size={12} className="event-repeats" aria-label={text.repeats} />
            )}
            {saved !== 'server' && (
              <span
                className={`event-saved event-saved-${saved}`}
                role="img"
                aria-label={saved === 'here' ? text.savedHere : text.unsaved}
              />
            )}
          </span>
          {first && (
            <span className="event-mark" title={marks.map(({ user }) => user.name).join(', ')}>
              {marks.some(({ editing }) => editing)
                ? text.editedBy(namesOf(marks))
                : text.selectedBy(namesOf(marks))}
            </span>
          )}
        </>
      )}
    </span>
  )
}

function namesOf(people: Drawn['marks']): string {
  return people.map(({ user }) => user.name).join(', ')
}
