/** What two people wrote without knowing of each other: a count, and a dialog to decide in. */

import { ChevronLeft, ChevronRight, TriangleAlert } from 'lucide-react'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { toast } from 'sonner'
import { useReadable } from '../../sdk/react'
import { useMessages } from '../i18n/messages'
import { common } from '../messages'
import { Dialog } from '../shell/dialog'
import { ConflictCase } from './conflict-cases'
import { decide } from './decisions'
import { messages } from './messages'
import {
  keyOf,
  type OpenConflict,
  type Shown,
  showConflicts,
  useOpenConflicts,
  useShownConflicts,
} from './open-conflicts'

export function ConflictsButton() {
  const text = useMessages(messages)
  const count = useOpenConflicts().length
  if (!count) return null
  return (
    <button type="button" className="button conflicts-button" onClick={() => showConflicts()}>
      <TriangleAlert size={16} aria-hidden />
      {text.openConflicts(count)}
    </button>
  )
}

/** In the editor of an event: that there is something to decide about it. */
export function ConflictHint({ event }: { event: string }) {
  const text = useMessages(messages)
  const count = useOpenConflicts(event).length
  if (!count) return null
  return (
    <div className="conflict-hint">
      <TriangleAlert size={16} aria-hidden />
      <p>{text.ofEvent(count)}</p>
      <button type="button" className="button" onClick={() => showConflicts({ event })}>
        {text.look}
      </button>
    </div>
  )
}

/** The dialog, while it is wanted and there is something to decide. */
export function ConflictsDialog() {
  const shown = useShownConflicts((state) => state.shown)
  return shown && <Deciding shown={shown} />
}

/** What has just been decided, and the way back. */
interface Note {
  readonly text: string
  undo?(): void
}

function Deciding({ shown }: { shown: Shown }) {
  const text = useMessages(messages)
  const words = useMessages(common)
  const open = useOpenConflicts(shown.event)
  const [at, setAt] = useState(shown.at)
  const [note, setNote] = useState<Note | null>(null)
  /** Where we were: what comes after a conflict that has been decided takes its place. */
  const place = useRef(0)
  const found = open.findIndex(({ key }) => key === at)
  place.current = found >= 0 ? found : Math.max(0, Math.min(place.current, open.length - 1))
  const one = open[place.current]
  const isDone = !one
  useEffect(() => {
    if (isDone) close()
  }, [isDone])
  useEffect(() => focusAfterwards, [])
  if (!one) return null
  const go = (by: number) => setAt(open[place.current + by]?.key ?? null)
  const answer = (index: number, told: string) => {
    const undo = decide(one.project, one.conflict, index)
    if (!undo) return setNote({ text: text.impossible })
    if (open.length === 1) return tellDecided(told, words.undo, one, undo)
    setNote({
      text: told,
      undo: () => {
        undo()
        setAt(one.key)
        setNote(null)
      },
    })
    setAt((open[place.current + 1] ?? open[place.current - 1])?.key ?? null)
  }
  return (
    <Dialog title={text.conflicts} onClose={close}>
      {open.length > 1 && <Pages at={place.current} of={open.length} go={go} />}
      <Case key={one.key} one={one} answer={answer} />
      <p className="conflict-note" role="status">
        {note?.text}
        {note?.undo && (
          <button type="button" className="button" onClick={note.undo}>
            {words.undo}
          </button>
        )}
      </p>
    </Dialog>
  )
}

/** One of them, drawn anew when its calendar changes; its heading has the focus when it comes. */
function Case({
  one: { project, conflict },
  answer,
}: {
  one: OpenConflict
  answer(index: number, told: string): void
}) {
  useReadable(project.calendar)
  useReadable(project.connection, ({ readOnly }) => readOnly)
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus(), [])
  return (
    <ConflictCase project={project} conflict={conflict} answer={answer}>
      {(title) => <Heading focused={heading}>{title}</Heading>}
    </ConflictCase>
  )
}

function Heading({
  focused,
  children,
}: {
  focused: React.RefObject<HTMLHeadingElement | null>
  children: ReactNode
}) {
  /** When the dialog opens, the browser itself puts the focus where this attribute is. */
  const begin = (node: HTMLHeadingElement | null) => {
    node?.setAttribute('autofocus', '')
    focused.current = node
  }
  return (
    <h3 className="conflict-title" tabIndex={-1} ref={begin}>
      {children}
    </h3>
  )
}

function Pages({ at, of, go }: { at: number; of: number; go(by: number): void }) {
  const text = useMessages(messages)
  return (
    <div className="conflict-pages">
      <button
        type="button"
        className="icon-button"
        aria-label={text.previous}
        disabled={at === 0}
        onClick={() => go(-1)}
      >
        <ChevronLeft size={20} aria-hidden />
      </button>
      <span>{text.place(at + 1, of)}</span>
      <button
        type="button"
        className="icon-button"
        aria-label={text.next}
        disabled={at === of - 1}
        onClick={() => go(1)}
      >
        <ChevronRight size={20} aria-hidden />
      </button>
    </div>
  )
}

/** The dialog is about to close: the way back is beside it. It goes with the next edit. */
function tellDecided(told: string, label: string, one: OpenConflict, undo: () => void): void {
  const id = `decided ${keyOf(one.project, one.conflict)}`
  const { manager } = one.project.calendar.history
  toast(told, { id, action: { label, onClick: undo }, duration: 10_000 })
  manager.once('stack-item-added', () => toast.dismiss(id))
}

function close(): void {
  useShownConflicts.setState({ shown: null })
}

/** The button from which one came may be gone with the last conflict. */
function focusAfterwards(): void {
  queueMicrotask(() => {
    if (document.activeElement !== document.body) return
    document.querySelector<HTMLElement>('.topbar .button')?.focus()
  })
}
