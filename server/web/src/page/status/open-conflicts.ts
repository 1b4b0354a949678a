/** The conflicts that wait for somebody to decide, and which of them are being looked at. */

import { useCallback, useSyncExternalStore } from 'react'
import { create } from 'zustand'
import type { Conflict, Project } from '../../sdk/types'
import { useOpenProjects } from '../workspace'

/** What the dialog is about. */
export interface Shown {
  /** The only event whose conflicts are shown; null for all there are. */
  readonly event: string | null
  /** The one to begin with, by `keyOf`; null for the first. */
  readonly at: string | null
}

export const useShownConflicts = create<{ shown: Shown | null }>()(() => ({ shown: null }))

/** Open the dialog. */
export function showConflicts(shown: Partial<Shown> = {}): void {
  useShownConflicts.setState({ shown: { event: null, at: null, ...shown } })
}

export interface OpenConflict {
  readonly project: Project
  readonly conflict: Conflict
  readonly key: string
}

/** A conflict among those of all projects. */
export function keyOf(project: Project, conflict: Conflict): string {
  return `${project.id} ${conflict.id}`
}

/** The events that a conflict is about. */
export function eventsOf({ event, other }: Conflict): string[] {
  return other ? [event, other] : [event]
}

/** Those of a project that are to be decided: not where the event has gone meanwhile. */
export function openOf({ calendar, conflicts }: Project): Conflict[] {
  return conflicts.getSnapshot().filter((conflict) => {
    const events = eventsOf(conflict).map((id) => calendar.event(id))
    const isThere = events.every(
      (event) => event && (conflict.kind === 'deletion' || !event.deleted),
    )
    return conflict.state === 'open' && isThere
  })
}

/** Those of all open projects, or those of one event. */
export function useOpenConflicts(event: string | null = null): OpenConflict[] {
  const projects = useOpenProjects()
  const look = () =>
    all(projects, event)
      .map(({ key }) => key)
      .join('\n')
  const subscribe = useCallback(
    (listener: () => void) => {
      const ends = projects.flatMap(({ calendar, conflicts }) => [
        calendar.subscribe(listener),
        conflicts.subscribe(listener),
      ])
      return () => {
        for (const end of ends) end()
      }
    },
    [projects],
  )
  useSyncExternalStore(subscribe, look, look)
  return all(projects, event)
}

function all(projects: readonly Project[], event: string | null): OpenConflict[] {
  return projects.flatMap((project) =>
    openOf(project)
      .filter((conflict) => event === null || eventsOf(conflict).includes(event))
      .map((conflict) => ({ project, conflict, key: keyOf(project, conflict) })),
  )
}
