/** The board of an open project, for as long as the project is open. */

import { openLineup } from '../../sdk/model/lineup'
import type { Lineup, Project } from '../../sdk/types'

const held = new WeakMap<Project, Lineup>()

/** The board over the project's document; always the same. */
export function boardOf(project: Project): Lineup {
  const known = held.get(project)
  if (known) return known
  const made = openLineup(project.doc, project.presence.getSnapshot().self.user)
  held.set(project, made)
  return made
}
