/** The side panel of an event: everything about it, written as one types. */

import './editor.css'

import { Trash2 } from 'lucide-react'
import { lazy, Suspense, useCallback, useEffect, useRef, useState } from 'react'
import { toast } from 'sonner'
import { useReadable } from '../../sdk/react'
import type { CalendarEvent, EventPatch, Person, Project, SaveState, Scope } from '../../sdk/types'
import { remove } from '../calendar/actions'
import { currentMessages, useMessages } from '../i18n/messages'
import { common } from '../messages'
import { Avatar } from '../people/avatars'
import { PanelFrame } from '../shell/panel-frame'
import { ConflictHint } from '../status/conflicts'
import { writerOf } from '../status/writers'
import { type Aside, type Selection, useView } from '../view'
import { mayEdit, nameOf, useOpenProject, useOpenProjects } from '../workspace'
import { EventForm, type Values } from './form'
import { messages } from './messages'
import { SCOPES } from './scope'
import { canFollow, valuesAt, valuesOf, writeAll, writeAt } from './scoped'
import { fittedTo } from './until'

const Description = lazy(() => import('./description'))

export function EventPanel({ selection }: { selection: Selection }) {
  const text = useMessages(messages)
  const project = useOpenProject(selection.project)
  useReadable(project?.calendar, ({ version }) => version)
  useReadable(project?.connection, ({ readOnly }) => readOnly)
  /** Where the instance has gone since it was opened: the same fields stay, with their focus. */
  const [at, setAt] = useState(selection)
  useEffect(() => setAt(selection), [selection])
  const zone = useView((view) => view.zone)
  const isThere = ({ event, recurrenceId }: Selection) =>
    project?.calendar.instance(event, recurrenceId, zone) !== undefined
  const here = [at, selection].find(isThere) ?? at
  const event = project?.calendar.event(here.event)
  if (!project || !event || event.deleted) {
    return (
      <PanelFrame title={text.event}>
        <p className="hint" role="status">
          {text.gone}
        </p>
        {project && event?.deleted && (
          <button
            type="button"
            className="button"
            onClick={() => project.calendar.restore(event.id)}
          >
            {text.restore}
          </button>
        )}
        <ConflictHint event={here.event} />
      </PanelFrame>
    )
  }
  return <Editor project={project} event={event} selection={here} onMove={setAt} />
}

function Editor({
  project,
  event,
  selection,
  onMove,
}: {
  project: Project
  event: CalendarEvent
  selection: Selection
  onMove(selection: Selection): void
}) {
  const text = useMessages(messages)
  const zone = useView((view) => view.zone)
  const select = useView((view) => view.select)
  const [chosen, setScope] = useState<Scope>('this')
  const instance = project.calendar.instance(event.id, selection.recurrenceId, zone)
  const inSeries = event.recurrence && instance?.recurrenceId != null ? instance : null
  const recurrenceId = inSeries?.recurrenceId ?? ''
  const mayFollow = inSeries !== null && canFollow(event, recurrenceId)
  const scope = chosen === 'following' && !mayFollow ? 'this' : chosen
  const at = { recurrenceId, scope }
  const disabled = !mayEdit(project.id)
  const show = useCallback(
    (field?: string) => {
      const editing = {
        event: selection.event,
        recurrenceId: selection.recurrenceId,
        ...(field && { field }),
      }
      project.presence.show({ editing })
    },
    [project, selection.event, selection.recurrenceId],
  )
  useEffect(() => {
    show()
    return () => project.presence.show({ editing: null })
  }, [project, show])
  const write = (patch: EventPatch) => {
    if (!inSeries) {
      writeAll(project.calendar, event, patch)
      return
    }
    const [id, now] = writeAt(project.calendar, event, inSeries, at, patch)
    if (id === event.id && now === recurrenceId) return
    const moved = { project: project.id, event: id, recurrenceId: now }
    select(moved)
    onMove(moved)
  }
  const description = project.calendar.description(event.id)
  const deleteButton = !disabled && (
    <button
      type="button"
      className="icon-button"
      aria-label={text.remove}
      title={text.remove}
      onClick={() => void remove(selection)}
    >
      <Trash2 size={18} aria-hidden />
    </button>
  )
  return (
    <PanelFrame
      title={
        <>
          <span className="hidden">{text.event}: </span>
          {nameOf(project.id)}
        </>
      }
      actions={
        <>
          <SaveLight project={project} event={event.id} />
          {deleteButton}
        </>
      }
    >
      {disabled && <p className="notice">{text.readOnly}</p>}
      <ConflictHint event={event.id} />
      {inSeries && !disabled && (
        <ScopeChoice value={scope} mayFollow={mayFollow} onChange={setScope} />
      )}
      <EventForm
        values={inSeries ? valuesAt(event, inSeries, at) : valuesOf(event)}
        disabled={disabled}
        scope={inSeries && scope}
        peopleAt={(field) => <Editors project={project} event={event.id} field={field} />}
        onFocus={show}
        write={write}
      >
        <section className="editor-field">
          <h3 id="description-label">
            {text.description}
            <Typing project={project} event={event.id} />
          </h3>
          {description ? (
            <Suspense
              fallback={
                <div className="description description-waiting">{description.toString()}</div>
              }
            >
              <Description
                project={project}
                event={event.id}
                text={description}
                label={text.description}
                disabled={disabled}
              />
            </Suspense>
          ) : (
            <p className="hint">{text.noDescription}</p>
          )}
          {inSeries && !disabled && scope !== 'all' && <p className="hint">{text.ofSeries}</p>}
        </section>
      </EventForm>
      <Provenance project={project} event={event} />
    </PanelFrame>
  )
}

/** An event that is not there yet. */
export function DraftPanel({
  project,
  fields,
  aside,
}: {
  project: string
  fields: EventPatch
  aside?: Aside | undefined
}) {
  const text = useMessages(messages)
  const words = useMessages(common)
  const projects = useOpenProjects()
  const [patch, setPatch] = useState<EventPatch>(fields)
  /** The same without waiting for a rendering: Enter saves what has just been typed. */
  const latest = useRef(patch)
  const [description, setDescription] = useState(aside?.description ?? '')
  const [target, setTarget] = useState(project)
  const isDone = usePuttingAside(() => ({ project: target, fields: latest.current, description }))
  const set = useView((view) => view.set)
  const put = useCallback((more: EventPatch) => {
    latest.current = { ...latest.current, ...more }
    setPatch(latest.current)
  }, [])
  useEffect(() => put(fields.when ? { when: fields.when } : {}), [fields, put])
  const save = () => {
    const calendar = projects.find(({ id }) => id === target)?.calendar
    const wrong = document.querySelector<HTMLElement>('.editor-when [aria-invalid="true"]')
    wrong?.focus()
    if (!calendar || wrong) return
    isDone.current = true
    calendar.history.separate()
    const { when, recurrence } = latest.current
    const made = Object.entries(latest.current).filter(
      ([, value]) => value !== null && value !== '',
    )
    const event = calendar.create({ ...Object.fromEntries(made), description })
    const recurrenceId = recurrence ? (when?.start ?? null) : null
    set({ target, panel: null, selection: { project: target, event, recurrenceId } })
  }
  const write = (more: EventPatch) => {
    const { attendees, alarms, when, recurrence } = latest.current
    put({
      ...more,
      ...(when && more.when && recurrence && { recurrence: fittedTo(recurrence, when, more.when) }),
      ...(more.attendees && { attendees: withoutNulls({ ...attendees, ...more.attendees }) }),
      ...(more.alarms && { alarms: withoutNulls({ ...alarms, ...more.alarms }) }),
    })
  }
  return (
    <PanelFrame title={text.newEvent}>
      {projects.length > 1 && (
        <label className="editor-field">
          {text.calendar}
          <select value={target} onChange={({ target: { value } }) => setTarget(value)}>
            {projects
              .filter(({ id }) => mayEdit(id))
              .map(({ id }) => (
                <option key={id} value={id}>
                  {nameOf(id)}
                </option>
              ))}
          </select>
        </label>
      )}
      <EventForm
        values={draftValues(patch)}
        disabled={false}
        onEnter={save}
        peopleAt={() => null}
        onFocus={() => undefined}
        write={write}
      >
        <label className="editor-field">
          {text.description}
          <textarea
            rows={3}
            value={description}
            onChange={({ target: { value } }) => setDescription(value)}
          />
        </label>
      </EventForm>
      <div className="editor-actions">
        <button
          type="button"
          className="button"
          onClick={() => {
            isDone.current = true
            set({ panel: null })
          }}
        >
          {words.cancel}
        </button>
        <button type="button" className="button button-primary" onClick={save}>
          {words.save}
        </button>
      </div>
    </PanelFrame>
  )
}

/** What has been typed is not lost with the panel: by Escape, or a click on another event. */
function usePuttingAside(
  draft: () => { project: string; fields: EventPatch; description: string },
): React.RefObject<boolean> {
  const isDone = useRef(false)
  const latest = useRef(draft)
  latest.current = draft
  useEffect(() => {
    const put = () => {
      const { project, fields, description } = latest.current()
      const { when: _, ...typed } = fields
      if (isDone.current || !(description || Object.values(typed).some(Boolean))) return
      const text = currentMessages(messages)
      const aside = { at: Date.now(), description }
      const again = () =>
        useView.getState().set({ panel: { kind: 'draft', project, fields, aside } })
      toast(text.putAside(fields.title ?? ''), {
        duration: 20_000,
        action: { label: text.goOn, onClick: again },
      })
    }
    // The fields write what is in them when they go, after this.
    return () => queueMicrotask(put)
  }, [])
  return isDone
}

function ScopeChoice({
  value,
  mayFollow,
  onChange,
}: {
  value: Scope
  mayFollow: boolean
  onChange(scope: Scope): void
}) {
  const text = useMessages(messages)
  const hint = value === 'all' ? text.firstOfSeries : mayFollow ? '' : text.notFollowing
  return (
    <div className="scope">
      <fieldset className="segments">
        <legend className="hidden">{text.scope}</legend>
        {SCOPES.map((scope) => (
          <label key={scope} className="segment">
            <input
              type="radio"
              name="scope"
              className="hidden"
              checked={value === scope}
              disabled={scope === 'following' && !mayFollow}
              onChange={() => onChange(scope)}
            />
            {text[scope]}
          </label>
        ))}
      </fieldset>
      {hint && (
        <p className="hint" role="status">
          {hint}
        </p>
      )}
    </div>
  )
}

/** How far the edits of this event have come. */
function SaveLight({ project, event }: { project: Project; event: string }) {
  const text = useMessages(messages)
  const state = useReadable(project.saved, () => project.saved.of(event)) ?? 'server'
  const words: Record<SaveState, string> = {
    server: text.savedServer,
    here: text.savedHere,
    unsaved: text.savedUnsaved,
  }
  return (
    <span className={`save-light save-${state}`} role="status" data-state={state}>
      {words[state]}
    </span>
  )
}

/** Others with the focus in that field. */
function Editors({ project, event, field }: { project: Project; event: string; field: string }) {
  const text = useMessages(messages)
  const key = useReadable(project.presence, ({ others }) =>
    [...others.values()]
      .filter(({ editing }) => editing?.event === event && editing.field === field)
      .map(({ clientId }) => clientId)
      .join(),
  )
  if (!key) return null
  const { others } = project.presence.getSnapshot()
  const people = key.split(',').flatMap((id) => others.get(Number(id)) ?? []) as Person[]
  return (
    <span
      className="editor-people"
      title={text.editing(people.map(({ user }) => user.name).join(', '))}
    >
      {people.map((person) => (
        <Avatar key={person.clientId} person={person} />
      ))}
    </span>
  )
}

function Typing({ project, event }: { project: Project; event: string }) {
  const text = useMessages(messages)
  const names = useReadable(project.presence, ({ others }) =>
    [...others.values()]
      .filter(({ typing }) => typing === event)
      .map(({ user }) => user.name)
      .join(', '),
  )
  return (
    <span className="typing" role="status">
      {names && text.typing(names)}
    </span>
  )
}

function Provenance({ project, event }: { project: Project; event: CalendarEvent }) {
  const text = useMessages(messages)
  const language = useView((view) => view.language)
  const when = (at: string) =>
    new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(
      Date.parse(at),
    )
  const nameOfWriter = (id: string) => writerOf(project, id).user.name
  return (
    <p className="provenance">
      {event.created && text.created(nameOfWriter(event.created.by), when(event.created.at))}
      {event.updated && event.sequence > 0 && (
        <>
          <br />
          {text.updated(nameOfWriter(event.updated.by), when(event.updated.at))}
        </>
      )}
    </p>
  )
}

function draftValues(patch: EventPatch): Values {
  return {
    title: patch.title ?? '',
    when: patch.when ?? null,
    location: patch.location ?? '',
    url: patch.url ?? '',
    color: patch.color ?? '',
    status: patch.status ?? '',
    visibility: patch.visibility ?? '',
    recurrence: patch.recurrence ?? null,
    attendees: new Map(Object.entries(withoutNulls(patch.attendees ?? {}))),
    alarms: new Map(Object.entries(withoutNulls(patch.alarms ?? {}))),
    first: patch.when ?? null,
  }
}

function withoutNulls<T>(values: Readonly<Record<string, T | null>>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([key, value]) => (value === null ? [] : [[key, value]])),
  )
}
