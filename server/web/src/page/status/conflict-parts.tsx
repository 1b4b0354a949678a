/** What the cases of conflicts are drawn with. */

import { Check } from 'lucide-react'
import { type ReactNode, useId } from 'react'
import type { CalendarEvent, ConflictValue, Project } from '../../sdk/types'
import { cssColor } from '../calendar/item'
import { useMessages } from '../i18n/messages'
import { Avatar } from '../people/avatars'
import { useView } from '../view'
import { mayEdit } from '../workspace'
import { type Line, momentWords, type Reader, whenLines } from './conflict-words'
import { piecesOf } from './differences'
import { messages } from './messages'
import { writerOf } from './writers'

/** What one of them wrote, and the button that lets it stand. */
export function Version({
  project,
  value: { by, at },
  standing,
  label,
  onKeep,
  children,
}: {
  project: Project
  value: ConflictValue
  /** What is said of the one that stands; null for the other. */
  standing: string | null
  label: string
  onKeep(): void
  children: ReactNode
}) {
  const text = useMessages(messages)
  const reader = useReader()
  const id = useId()
  const { user, isSelf } = writerOf(project, by)
  return (
    <section
      className={standing ? 'conflict-value conflict-stands' : 'conflict-value'}
      aria-label={text.versionOf(user.name)}
    >
      <header className="conflict-who">
        <Avatar person={{ user }} />
        <span id={id}>
          <strong>{user.name}</strong>
          {isSelf && <span className="conflict-you"> ({text.you})</span>}
          <small>{momentWords(at, reader)}</small>
        </span>
      </header>
      <div className="conflict-words">{children}</div>
      {standing && (
        <p className="conflict-standing">
          <Check size={14} aria-hidden /> {standing}
        </p>
      )}
      {mayEdit(project.id) && (
        <button type="button" className="button" aria-describedby={id} onClick={onKeep}>
          {label}
        </button>
      )}
    </section>
  )
}

/** What an event is, in short. */
export function EventWords({ event }: { event: CalendarEvent }) {
  const reader = useReader()
  const place = event.location ? [{ label: '', text: event.location }] : []
  return <Lines lines={[...whenLines(event.when, reader), ...place]} />
}

/** A value; what the other one does not say is underlined. */
export function Lines({ lines, against }: { lines: readonly Line[]; against?: readonly Line[] }) {
  return (
    <ul className="conflict-lines">
      {lines.map(({ label, text, color }) => (
        <li key={`${label} ${text}`}>
          {label && <small>{label}</small>}
          {color && <span className="swatch-dot" style={{ background: cssColor(color) }} />}
          <Marked text={text} against={against && textAt(against, label)} />
        </li>
      ))}
    </ul>
  )
}

function Marked({ text, against }: { text: string; against: string | undefined }) {
  if (against === undefined) return <span>{text}</span>
  return (
    <span>
      {piecesOf(text, against).map(({ text: piece, isOwn }, index) =>
        isOwn ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one text, in their order
          <ins key={index} className="conflict-own">
            {piece}
          </ins>
        ) : (
          piece
        ),
      )}
    </span>
  )
}

function textAt(lines: readonly Line[], label: string): string {
  return lines.find((line) => line.label === label)?.text ?? ''
}

/** For whom values are put into words. */
export function useReader(): Reader {
  const language = useView((view) => view.language)
  const zone = useView((view) => view.zone)
  return { language, zone }
}
