/** That there is a conflict: in one sentence, for a toast. */

import type { Conflict, Project } from '../../sdk/types'
import { common } from '../messages'
import { useView } from '../view'
import { fieldName } from './conflict-words'
import { messages } from './messages'
import { type Writer, writerOf } from './writers'

/** Said to one who may be in it. */
export function newsOf(project: Project, conflict: Conflict): string {
  const { language, zone } = useView.getState()
  const text = messages[language]
  const titleOf = (id: string) => project.calendar.event(id)?.title || common[language].untitled
  const { kind, event, field, values, other, attendee } = conflict
  const title = titleOf(event)
  if (kind === 'booking') {
    const name = project.calendar.event(event)?.attendees.get(attendee)?.name
    return text.bookedNews(name || attendee, title, titleOf(other))
  }
  const writers = values.map(({ by }) => writerOf(project, by))
  if (kind === 'deletion') {
    const editor = writers[values.findIndex(({ value }) => value === null)]
    const deleter = writers[values.findIndex(({ value }) => value !== null)]
    if (deleter?.isSelf) return text.youDeletedWhile(nameOf(editor), title)
    if (editor?.isSelf) return text.deletedWhileYou(nameOf(deleter), title)
    return text.deletedWhile(nameOf(deleter), nameOf(editor), title)
  }
  const name = fieldName(field, project.calendar.event(event), { language, zone })
  const others = writers.filter(({ isSelf }) => !isSelf)
  if (others.length === 1 && writers.length === 2) return text.alsoChanged(nameOf(others[0]), name)
  return text.twoChanged(nameOf(writers[0]), nameOf(writers[1]), name, title)
}

function nameOf(writer: Writer | undefined): string {
  return writer?.user.name ?? ''
}
