/** What was deleted, and the way back. */

import { useReadable } from '../../sdk/react'
import type { Project } from '../../sdk/types'
import { defineMessages, useMessages } from '../i18n/messages'
import { common } from '../messages'
import { PanelFrame } from '../shell/panel-frame'
import { writerOf } from '../status/writers'
import { useView } from '../view'
import { mayEdit, nameOf, useOpenProjects } from '../workspace'

const messages = defineMessages(
  {
    bin: 'Bin',
    empty: 'The bin is empty.',
    restore: 'Restore',
    restoreNamed: (title: string) => `Restore ${title}`,
    by: (who: string, when: string) => `${who}, ${when}`,
  },
  {
    bin: '휴지통',
    empty: '휴지통이 비어 있습니다.',
    restore: '복원',
    restoreNamed: (title: string) => `${title} 복원`,
    by: (who: string, when: string) => `${who}, ${when}`,
  },
)

const MOST = 200

export function BinPanel() {
  const text = useMessages(messages)
  const projects = useOpenProjects()
  return (
    <PanelFrame title={text.bin}>
      {projects.map((project) => (
        <ProjectBin key={project.id} project={project} isOnly={projects.length === 1} />
      ))}
    </PanelFrame>
  )
}

function ProjectBin({ project, isOnly }: { project: Project; isOnly: boolean }) {
  const text = useMessages(messages)
  const words = useMessages(common)
  const language = useView((view) => view.language)
  useReadable(project.calendar)
  const events = project.calendar.bin()
  const when = (at: string) =>
    new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(
      Date.parse(at),
    )
  return (
    <section>
      {!isOnly && <h3>{nameOf(project.id)}</h3>}
      {!events.length && <p className="hint">{text.empty}</p>}
      <ul className="bin">
        {events.slice(0, MOST).map((event) => (
          <li key={event.id}>
            <span>
              <strong>{event.title || words.untitled}</strong>
              <small>
                {event.deleted &&
                  text.by(writerOf(project, event.deleted.by).user.name, when(event.deleted.at))}
              </small>
            </span>
            {mayEdit(project.id) && (
              <button
                type="button"
                className="button"
                aria-label={text.restoreNamed(event.title || words.untitled)}
                onClick={() => project.calendar.restore(event.id)}
              >
                {text.restore}
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  )
}
