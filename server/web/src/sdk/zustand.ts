/** A project as a Zustand store, for applications that keep their state there. */

import { createStore, type StoreApi } from 'zustand/vanilla'
import type {
  CalendarSnapshot,
  Conflict,
  ConnectionSnapshot,
  PresenceSnapshot,
  Project,
  SavedSnapshot,
} from './types'

export interface ProjectState {
  readonly calendar: CalendarSnapshot
  readonly connection: ConnectionSnapshot
  readonly saved: SavedSnapshot
  readonly presence: PresenceSnapshot
  readonly conflicts: readonly Conflict[]
}

export type ProjectStore = StoreApi<ProjectState> & {
  /** Stop following the project. */
  destroy(): void
}

const PARTS = ['calendar', 'connection', 'saved', 'presence', 'conflicts'] as const

/** A store that follows the project. What is set in it goes nowhere: edit by `project.calendar`. */
export function bindProject(project: Project): ProjectStore {
  const look = () => Object.fromEntries(PARTS.map((part) => [part, project[part].getSnapshot()]))
  const store = createStore<ProjectState>(() => look() as unknown as ProjectState)
  const ends = PARTS.map((part) =>
    project[part].subscribe(() => store.setState({ [part]: project[part].getSnapshot() })),
  )
  return Object.assign(store, {
    destroy() {
      for (const end of ends) end()
    },
  })
}
