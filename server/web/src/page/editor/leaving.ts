import type { FocusEvent } from 'react'

/** Whether the focus goes out of an element, not only to another place within it. */
export function hasLeft({ currentTarget, relatedTarget }: FocusEvent): boolean {
  return !currentTarget.contains(relatedTarget)
}
