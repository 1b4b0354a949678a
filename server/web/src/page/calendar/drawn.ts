/** Instances of all open projects as FullCalendar draws them. */

import type { EventInput } from '@fullcalendar/react'
import { useCallback, useMemo, useRef, useSyncExternalStore } from 'react'
import type { Instance, Person, Project, SaveState } from '../../sdk/types'
import { eventsOf, openOf } from '../status/open-conflicts'
import { useView } from '../view'
import { mayEdit, projectColor, useOpenProjects } from '../workspace'
import { instantOfDate, onClock } from './clock'
import { useVisible } from './visible'

/** What an element in the grid stands for. */
export interface Drawn {
  readonly project: string
  readonly instance: Instance
  readonly color: string
  readonly saved: SaveState
  readonly isConflict: boolean
  /** Who else has it selected, or is editing it. */
  readonly marks: readonly Person[]
  /** Somebody else's drag, where it would land. */
  readonly ghost: Person | null
}

const NOBODY: readonly Person[] = []

/** The id of an instance among all projects. */
export function idOf(project: string, key: string): string {
  return `${project}\n${key}`
}

/** What FullCalendar is to draw now; the same array until something of it changes. */
export function useDrawn(): EventInput[] {
  const projects = useOpenProjects()
  const zone = useView((view) => view.zone)
  const start = useVisible((visible) => visible.start)
  const end = useVisible((visible) => visible.end)
  const [from, to] = useMemo(
    () => (start ? [instantOfDate(start, zone), instantOfDate(end, zone)] : [0, 0]),
    [start, end, zone],
  )
  const held = useRef(new Map<string, { key: string; input: EventInput }>())
  const last = useRef<EventInput[]>([])
  const subscribe = useCallback((listener: () => void) => follow(projects, listener), [projects])
  const look = (): EventInput[] => {
    if (!from) return last.current
    const found = new Map<string, { key: string; input: EventInput }>()
    for (const project of projects) draw(project, from, to, zone, held.current, found)
    const inputs = [...found.values()].map(({ input }) => input)
    held.current = found
    if (
      inputs.length !== last.current.length ||
      inputs.some((input, at) => input !== last.current[at])
    )
      last.current = inputs
    return last.current
  }
  return useSyncExternalStore(subscribe, look, look)
}

/** Hear of changes of any of the projects, once a frame at most. */
function follow(projects: readonly Project[], listener: () => void): () => void {
  let frame = 0
  const soon = () => {
    frame ||= requestAnimationFrame(() => {
      frame = 0
      listener()
    })
  }
  const ends = projects.flatMap(({ calendar, saved, presence, conflicts, connection }) => [
    calendar.subscribe(soon),
    saved.subscribe(soon),
    presence.subscribe(soon),
    conflicts.subscribe(soon),
    connection.subscribe(soon),
  ])
  return () => {
    cancelAnimationFrame(frame)
    for (const end of ends) end()
  }
}

type Inputs = Map<string, { key: string; input: EventInput }>

function draw(
  project: Project,
  from: number,
  to: number,
  zone: string,
  held: Inputs,
  found: Inputs,
): void {
  const others = [...project.presence.getSnapshot().others.values()]
  const disputed = new Set(openOf(project).flatMap(eventsOf))
  const editable = mayEdit(project.id)
  const color = projectColor(project.id)
  const marked = others.filter(({ selected, editing }) => selected || editing)
  for (const instance of project.calendar.range(from, to, zone)) {
    const id = idOf(project.id, instance.key)
    const marks = marked.filter((person) => concerns(person, instance))
    const drawn: Drawn = {
      project: project.id,
      instance,
      color: instance.color || color,
      saved: project.saved.of(instance.event.id),
      isConflict: disputed.has(instance.event.id),
      marks: marks.length ? marks : NOBODY,
      ghost: null,
    }
    put(id, drawn, instance.when, zone, editable, held, found)
  }
  for (const person of others) drawGhost(project, person, zone, held, found)
}

function drawGhost(
  project: Project,
  person: Person,
  zone: string,
  held: Inputs,
  found: Inputs,
): void {
  const { dragging } = person
  if (!dragging?.when) return
  const instance = project.calendar.instance(dragging.event, dragging.recurrenceId, zone)
  if (!instance) return
  const id = idOf(project.id, `ghost ${person.clientId}`)
  const drawn: Drawn = {
    project: project.id,
    instance,
    color: person.user.color,
    saved: 'server',
    isConflict: false,
    marks: NOBODY,
    ghost: person,
  }
  put(id, drawn, dragging.when, zone, false, held, found)
}

/** Reuse what was drawn of it before, unless something differs: FullCalendar compares by identity. */
function put(
  id: string,
  drawn: Drawn,
  when: Instance['when'],
  zone: string,
  editable: boolean,
  held: Inputs,
  found: Inputs,
): void {
  const before = held.get(id)
  const old = before?.input.extendedProps as Drawn | undefined
  const marks = drawn.marks
    .map(({ clientId, editing }) => `${clientId}${editing ? 'e' : ''}`)
    .join()
  const key = [
    when.start,
    when.end,
    when.tz,
    zone,
    editable,
    drawn.color,
    drawn.saved,
    drawn.isConflict,
    marks,
  ].join(' ')
  // A ghost is read anew each time: what it says is in its key.
  const isSame = drawn.ghost
    ? old?.ghost?.clientId === drawn.ghost.clientId
    : old?.instance === drawn.instance
  if (before && before.key === key && isSame) {
    found.set(id, before)
    return
  }
  const input: EventInput = {
    id,
    title: drawn.instance.title,
    ...onClock(when, zone),
    editable,
    extendedProps: { ...drawn },
  }
  found.set(id, { key, input })
}

function concerns({ selected, editing }: Person, instance: Instance): boolean {
  const isIt = (ref: Person['selected']) =>
    ref?.event === instance.event.id && (ref.recurrenceId ?? null) === instance.recurrenceId
  return isIt(selected) || isIt(editing)
}
