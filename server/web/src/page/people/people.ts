/** Who is here, each once, whatever number of windows they have. */

import { useCallback, useMemo, useRef, useSyncExternalStore } from 'react'
import type { Person, PresenceSnapshot, Project } from '../../sdk/types'
import { useOpenProjects } from '../workspace'

/** Everybody else, by user. */
export function peopleOf({ others, self }: PresenceSnapshot): Person[] {
  const people = new Map<string, Person>()
  for (const person of others.values())
    if (person.user.id !== self.user.id) people.set(person.user.id, person)
  return [...people.values()]
}

/** Everybody else in these projects, or in all open ones; the same array until somebody comes, goes,
 * or looks elsewhere. */
export function useEveryone(only?: Project): readonly Person[] {
  const open = useOpenProjects()
  const projects = useMemo(() => (only ? [only] : open), [only, open])
  const held = useRef<{ key: string; people: readonly Person[] }>({ key: '', people: [] })
  const subscribe = useCallback(
    (listener: () => void) => {
      const ends = projects.map(({ presence }) => presence.subscribe(listener))
      return () => {
        for (const end of ends) end()
      }
    },
    [projects],
  )
  const look = () => {
    const people = everyone(projects)
    const key = people
      .map(({ user, view }) => `${user.id} ${user.name} ${view?.kind} ${view?.start}`)
      .join('\n')
    if (key !== held.current.key) held.current = { key, people }
    return held.current.people
  }
  return useSyncExternalStore(subscribe, look, look)
}

function everyone(projects: readonly Project[]): Person[] {
  const people = projects.flatMap(({ presence }) => peopleOf(presence.getSnapshot()))
  const once = new Map(people.map((person) => [person.user.id, person]))
  return [...once.values()].sort((one, other) => (one.user.name < other.user.name ? -1 : 1))
}
