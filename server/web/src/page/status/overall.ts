/** One word for all open projects: the worst there is, for a light must not lie. */

import { useCallback, useSyncExternalStore } from 'react'
import type { ConnectionState, Project, SaveState } from '../../sdk/types'
import { useOpenProjects } from '../workspace'

const BAD_TO_GOOD: readonly ConnectionState[] = [
  'error',
  'offline',
  'reconnecting',
  'connecting',
  'connected',
]

/** The worst state of any. */
export function worstOf(states: readonly ConnectionState[]): ConnectionState {
  return BAD_TO_GOOD.find((state) => states.includes(state)) ?? 'connecting'
}

export interface SavedTogether {
  readonly state: SaveState
  readonly count: number
  readonly diskError: string | null
}

/** How far the edits of all projects have come. */
export function savedTogether(projects: readonly Project[]): SavedTogether {
  const all = projects.map(({ saved }) => saved.getSnapshot())
  const has = (state: SaveState) => all.some((one) => one.state === state)
  return {
    state: has('unsaved') ? 'unsaved' : has('here') ? 'here' : 'server',
    count: all.reduce((sum, { pendingCount }) => sum + pendingCount, 0),
    diskError: all.find(({ diskError }) => diskError)?.diskError ?? null,
  }
}

/** A word made of several projects: `look` must give a string, or a number. */
export function useTogether<T extends string | number>(
  look: (projects: readonly Project[]) => T,
): T {
  const projects = useOpenProjects()
  const subscribe = useCallback(
    (listener: () => void) => {
      const ends = projects.flatMap(({ connection, saved, conflicts }) => [
        connection.subscribe(listener),
        saved.subscribe(listener),
        conflicts.subscribe(listener),
      ])
      return () => {
        for (const end of ends) end()
      }
    },
    [projects],
  )
  return useSyncExternalStore(subscribe, () => look(projects))
}
