/** The page of a line-up board: a bar, and the table. Loaded when a board is shown. */

import './board.css'
import { Menu as MenuIcon, Redo2, Undo2 } from 'lucide-react'
import { useEffect } from 'react'
import { useReadable } from '../../sdk/react'
import type { Project } from '../../sdk/types'
import { useMessages } from '../i18n/messages'
import { common } from '../messages'
import { Avatars } from '../people/avatars'
import { Menu } from '../shell/menu'
import { messages as shell } from '../shell/messages'
import { ConnectionBadge } from '../status/connection'
import { useView } from '../view'
import { nameOf, useOpenProject } from '../workspace'
import { boardOf } from './store'
import { BoardTable } from './table'

export default function BoardView({ id }: { id: string }) {
  const text = useMessages(shell)
  const project = useOpenProject(id)
  const set = useView((view) => view.set)
  return (
    <>
      <header className="topbar board-bar">
        <button
          type="button"
          className="icon-button topbar-drawer"
          aria-label={text.openSidebar}
          onClick={() => set({ drawer: true })}
        >
          <MenuIcon size={20} aria-hidden />
        </button>
        <h1 className="topbar-title">{nameOf(id)}</h1>
        <div className="topbar-rest">
          {project && <Steps project={project} />}
          <Avatars only={project} />
          <ConnectionBadge />
          <Menu isCalendar={false} />
        </div>
      </header>
      <main className="app-content">{project && <BoardTable project={project} />}</main>
    </>
  )
}

/** Undo and redo, by button and by key. */
function Steps({ project }: { project: Project }) {
  const text = useMessages(common)
  const { history } = boardOf(project)
  const { canUndo, canRedo } = useReadable(history)
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const letter = event.key.toLowerCase()
      if (!(event.ctrlKey || event.metaKey) || event.defaultPrevented || isTyping(event)) return
      if (letter === 'z' && !event.shiftKey) history.undo()
      else if (letter === 'y' || letter === 'z') history.redo()
      else return
      event.preventDefault()
    }
    window.addEventListener('keydown', listen)
    return () => window.removeEventListener('keydown', listen)
  }, [history])
  return (
    <div className="topbar-steps">
      <button
        type="button"
        className="icon-button"
        aria-label={text.undo}
        title={`${text.undo} (Ctrl+Z)`}
        disabled={!canUndo}
        onClick={() => history.undo()}
      >
        <Undo2 size={18} aria-hidden />
      </button>
      <button
        type="button"
        className="icon-button"
        aria-label={text.redo}
        title={`${text.redo} (Ctrl+Shift+Z)`}
        disabled={!canRedo}
        onClick={() => history.redo()}
      >
        <Redo2 size={18} aria-hidden />
      </button>
    </div>
  )
}

/** While a field has the focus, the keys are those of the browser. */
function isTyping({ target }: KeyboardEvent): boolean {
  return target instanceof Element && !!target.closest('input, textarea, select')
}
