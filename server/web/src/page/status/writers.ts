/** Who wrote something: their name and colour, as far as this page has heard of them. */

import { colorOf } from '../../sdk/presence'
import type { Project } from '../../sdk/types'
import { currentMessages } from '../i18n/messages'
import { metName } from '../people/met'
import { peopleOf } from '../people/people'
import { messages } from './messages'

export interface Writer {
  readonly user: { readonly id: string; readonly name: string; readonly color: string }
  readonly isSelf: boolean
}

/** Whoever is not here is called as they were when they were; never met, by their id. '' is somebody. */
export function writerOf({ presence }: Project, id: string): Writer {
  const snapshot = presence.getSnapshot()
  if (id && snapshot.self.user.id === id) return { user: snapshot.self.user, isSelf: true }
  const here = peopleOf(snapshot).find(({ user }) => user.id === id)
  if (here) return { user: here.user, isSelf: false }
  const name = metName(snapshot.self.user.id, id) || id || currentMessages(messages).somebody
  return { user: { id, name, color: colorOf(id) }, isSelf: false }
}
