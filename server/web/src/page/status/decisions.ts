/** Deciding a conflict, and taking that back. */

import type { Conflict, Project } from '../../sdk/types'

/** Let the value of that index stand; returns what takes it back, or null if it cannot be written. */
export function decide(
  { calendar, conflicts }: Project,
  { id }: Conflict,
  index: number,
): (() => void) | null {
  const { history } = calendar
  history.separate()
  if (!conflicts.resolve(id, index)) return null
  history.separate()
  const step = history.manager.undoStack.at(-1)
  // What was written since is not what was meant to be taken back.
  return () => {
    if (history.manager.undoStack.at(-1) === step) history.undo()
  }
}
