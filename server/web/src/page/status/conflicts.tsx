/** What two people wrote at once: both versions side by side, one click each way. */

import { useReadable } from '../../sdk/react'
import type { Conflict, Project } from '../../sdk/types'
import { useMessages } from '../i18n/messages'
import { common } from '../messages'
import { PanelFrame } from '../shell/panel-frame'
import { useView } from '../view'
import { useOpenProjects } from '../workspace'
import { messages } from './messages'
import { useTogether } from './overall'

export function ConflictsButton() {
  const text = useMessages(messages)
  const set = useView((view) => view.set)
  const count = useTogether((projects) =>
    projects.reduce((sum, project) => sum + openOf(project).length, 0),
  )
  if (!count) return null
  return (
    <button
      type="button"
      className="button conflicts-button"
      onClick={() => set({ panel: { kind: 'conflicts' } })}
    >
      {text.openConflicts(count)}
    </button>
  )
}

export function ConflictsPanel() {
  const text = useMessages(messages)
  const projects = useOpenProjects()
  const count = useTogether((all) => all.reduce((sum, project) => sum + openOf(project).length, 0))
  return (
    <PanelFrame title={text.conflicts}>
      {count === 0 && <p className="hint">{text.noConflicts}</p>}
      {projects.map((project) => (
        <ProjectConflicts key={project.id} project={project} />
      ))}
    </PanelFrame>
  )
}

function ProjectConflicts({ project }: { project: Project }) {
  useReadable(project.conflicts)
  return (
    <>
      {openOf(project).map((conflict) => (
        <ConflictCard key={conflict.id} project={project} conflict={conflict} />
      ))}
    </>
  )
}

function ConflictCard({ project, conflict }: { project: Project; conflict: Conflict }) {
  const text = useMessages(messages)
  const words = useMessages(common)
  const language = useView((view) => view.language)
  const when = (at: string) =>
    Number.isNaN(Date.parse(at))
      ? ''
      : new Intl.DateTimeFormat(language, { dateStyle: 'short', timeStyle: 'short' }).format(
          Date.parse(at),
        )
  return (
    <section className="conflict">
      <h3>
        {project.calendar.event(conflict.event)?.title || words.untitled} · {conflict.field}
      </h3>
      <div className="conflict-values">
        {conflict.values.map(({ value, by, at }, index) => (
          <div
            key={`${by} ${at}`}
            className={
              index === conflict.stands ? 'conflict-value conflict-stands' : 'conflict-value'
            }
          >
            <small>
              {text.by(by, when(at))}
              {index === conflict.stands && ` · ${text.stands}`}
            </small>
            <p>{typeof value === 'string' ? value || text.nothing : JSON.stringify(value)}</p>
            <button
              type="button"
              className="button"
              onClick={() => project.conflicts.resolve(conflict.id, index)}
            >
              {text.keep}
            </button>
          </div>
        ))}
      </div>
    </section>
  )
}

function openOf({ conflicts }: Project): Conflict[] {
  return conflicts.getSnapshot().filter(({ state }) => state === 'open')
}
