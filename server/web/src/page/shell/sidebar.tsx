/** The calendars there are, and a month to go to any date. */

import { CalendarDays, Plus, Table2, Trash2, X } from 'lucide-react'
import { useReadable } from '../../sdk/react'
import type { Project } from '../../sdk/types'
import { begin } from '../calendar/actions'
import { cssColor } from '../calendar/item'
import { useMessages } from '../i18n/messages'
import { common } from '../messages'
import { peopleOf } from '../people/people'
import { useView } from '../view'
import {
  isBoard,
  nameOf,
  type ProjectEntry,
  projectColor,
  useOpenProject,
  useWorkspace,
} from '../workspace'
import { messages } from './messages'
import { MiniMonth } from './mini-month'

export function Sidebar() {
  const text = useMessages(messages)
  const words = useMessages(common)
  const session = useWorkspace((workspace) => workspace.session)
  const { drawer, board, set } = useView()
  const boards = session?.projects.filter(isBoard) ?? []
  const calendars = session?.projects.filter((entry) => !isBoard(entry)) ?? []
  const isBoardShown = boards.some(({ id }) => id === board)
  return (
    <>
      {drawer && <div className="sidebar-shade" onPointerDown={() => set({ drawer: false })} />}
      <nav className={drawer ? 'sidebar sidebar-open' : 'sidebar'} aria-label={text.sidebar}>
        <div className="sidebar-head">
          <span className="sidebar-brand">
            <img src="/assets/icon.svg" alt="" width="26" height="26" />
            {text.product}
          </span>
          <button
            type="button"
            className="icon-button sidebar-close"
            aria-label={words.close}
            onClick={() => set({ drawer: false })}
          >
            <X size={20} aria-hidden />
          </button>
        </div>
        {!isBoardShown && (
          <>
            <button
              type="button"
              className="button button-primary sidebar-new"
              onClick={() => begin()}
            >
              <Plus size={18} aria-hidden />
              {text.newEvent}
            </button>
            <MiniMonth />
          </>
        )}
        {calendars.length > 0 && (
          <>
            <h2 className="sidebar-title">{text.projects}</h2>
            <ul className="sidebar-projects">
              {calendars.map((entry) => (
                <ProjectRow key={entry.id} entry={entry} />
              ))}
            </ul>
          </>
        )}
        {isBoardShown && calendars.length > 0 && (
          <button type="button" className="button" onClick={() => set({ board: null })}>
            <CalendarDays size={16} aria-hidden />
            {text.toCalendars}
          </button>
        )}
        {boards.length > 0 && (
          <>
            <h2 className="sidebar-title">{text.boards}</h2>
            <ul className="sidebar-projects">
              {boards.map((entry) => (
                <BoardRow key={entry.id} entry={entry} />
              ))}
            </ul>
          </>
        )}
        {session && !session.projects.length && (
          <p className="hint">
            {text.noProjects} <code>crdt-calendar projects create team</code>
          </p>
        )}
        {!isBoardShown && (
          <button
            type="button"
            className="button button-quiet sidebar-bin"
            onClick={() => set({ panel: { kind: 'bin' }, drawer: false })}
          >
            <Trash2 size={16} aria-hidden />
            {text.bin}
          </button>
        )}
      </nav>
    </>
  )
}

function ProjectRow({ entry }: { entry: ProjectEntry }) {
  const text = useMessages(messages)
  const words = useMessages(common)
  const { shown, set } = useView()
  const project = useOpenProject(entry.id)
  const isShown = shown.includes(entry.id)
  const change = () =>
    set({ shown: isShown ? shown.filter((id) => id !== entry.id) : [...shown, entry.id] })
  const name =
    useReadable(project?.calendar, ({ properties }) => properties.name) || nameOf(entry.id)
  useReadable(project?.calendar, ({ properties }) => properties.color)
  return (
    <li className="project">
      <label style={{ '--event': cssColor(projectColor(entry.id)) } as React.CSSProperties}>
        <input type="checkbox" checked={isShown} onChange={change} aria-label={text.show(name)} />
        <span className="project-name">{name}</span>
      </label>
      {entry.role === 'viewer' && <span className="tag">{words.viewer}</span>}
      {project && <ProjectState project={project} />}
    </li>
  )
}

function BoardRow({ entry }: { entry: ProjectEntry }) {
  const words = useMessages(common)
  const { board, set } = useView()
  const project = useOpenProject(entry.id)
  const isShown = board === entry.id
  return (
    <li className="project">
      <button
        type="button"
        className="project-board"
        aria-current={isShown ? 'page' : undefined}
        onClick={() => set({ board: entry.id, panel: null, drawer: false })}
      >
        <Table2 size={18} aria-hidden />
        <span className="project-name">{nameOf(entry.id)}</span>
      </button>
      {entry.role === 'viewer' && <span className="tag">{words.viewer}</span>}
      {project && <ProjectState project={project} />}
    </li>
  )
}

function ProjectState({ project }: { project: Project }) {
  const text = useMessages(messages)
  const state = useReadable(project.connection, (snapshot) => snapshot.state)
  const people = useReadable(project.presence, (presence) => peopleOf(presence).length) ?? 0
  return (
    <>
      {people > 0 && (
        <span className="project-people" title={text.peopleHere(people)}>
          {people}
        </span>
      )}
      {state !== 'connected' && <span className={`dot dot-${state}`} />}
    </>
  )
}
