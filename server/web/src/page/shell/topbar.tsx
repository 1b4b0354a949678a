/** The bar at the top: where one is in time, what happened, who is here. */

import { ChevronLeft, ChevronRight, Menu as MenuIcon, Redo2, Undo2 } from 'lucide-react'
import { useCallback, useSyncExternalStore } from 'react'
import { redo, undo } from '../calendar/actions'
import { goTo, rangeTitle, step } from '../calendar/range'
import { useVisible } from '../calendar/visible'
import { useMessages } from '../i18n/messages'
import { common } from '../messages'
import { Avatars } from '../people/avatars'
import { SearchBox } from '../search/box'
import { ConnectionBadge } from '../status/connection'
import { today, useView, type ViewKind, ZONE } from '../view'
import { useOpenProjects } from '../workspace'
import { Menu } from './menu'
import { messages } from './messages'

const KINDS: readonly ViewKind[] = ['month', 'week', 'day', 'list']

export function TopBar() {
  const text = useMessages(messages)
  const { kind, zone, set } = useView()
  return (
    <header className="topbar">
      <button
        type="button"
        className="icon-button topbar-drawer"
        aria-label={text.openSidebar}
        onClick={() => set({ drawer: true })}
      >
        <MenuIcon size={20} aria-hidden />
      </button>
      <div className="topbar-time">
        <button type="button" className="button" onClick={() => goTo(today(zone))}>
          {text.today}
        </button>
        <button
          type="button"
          className="icon-button"
          aria-label={text.previous}
          onClick={() => step(-1)}
        >
          <ChevronLeft size={20} aria-hidden />
        </button>
        <button
          type="button"
          className="icon-button"
          aria-label={text.next}
          onClick={() => step(1)}
        >
          <ChevronRight size={20} aria-hidden />
        </button>
        <div className="topbar-where">
          <Title />
          {zone !== ZONE && (
            <small className="topbar-zone" title={text.zone}>
              {zone}
            </small>
          )}
        </div>
      </div>
      <div className="topbar-rest">
        <SearchBox />
        <Steps />
        <div className="segments" role="radiogroup" aria-label={text.views} onKeyDown={walk}>
          {KINDS.map((one) => (
            <button
              key={one}
              type="button"
              role="radio"
              aria-checked={kind === one}
              tabIndex={kind === one ? 0 : -1}
              className="segment"
              onClick={() => set({ kind: one })}
            >
              {text[one]}
            </button>
          ))}
        </div>
        <Avatars />
        <ConnectionBadge />
        <Menu />
      </div>
    </header>
  )
}

function Title() {
  const language = useView((view) => view.language)
  const { kind, title } = useVisible()
  return (
    <h1 className="topbar-title" aria-live="polite">
      {rangeTitle(kind, title.start, title.end, language)}
    </h1>
  )
}

/** Undo and redo, of the project in which something was done last. */
function Steps() {
  const text = useMessages(common)
  const projects = useOpenProjects()
  const subscribe = useCallback(
    (listener: () => void) => {
      const ends = projects.map(({ calendar }) => calendar.history.subscribe(listener))
      return () => {
        for (const end of ends) end()
      }
    },
    [projects],
  )
  const can = (which: 'canUndo' | 'canRedo') => () =>
    projects.some(({ calendar }) => calendar.history.getSnapshot()[which])
  const canUndo = useSyncExternalStore(subscribe, can('canUndo'))
  const canRedo = useSyncExternalStore(subscribe, can('canRedo'))
  if (!projects.length) return null
  return (
    <div className="topbar-steps">
      <button
        type="button"
        className="icon-button"
        aria-label={text.undo}
        title={`${text.undo} (Ctrl+Z)`}
        disabled={!canUndo}
        onClick={undo}
      >
        <Undo2 size={18} aria-hidden />
      </button>
      <button
        type="button"
        className="icon-button"
        aria-label={text.redo}
        title={`${text.redo} (Ctrl+Shift+Z)`}
        disabled={!canRedo}
        onClick={redo}
      >
        <Redo2 size={18} aria-hidden />
      </button>
    </div>
  )
}

/** Arrows go from one radio to the next, as the ARIA pattern for radio groups says. */
function walk(event: React.KeyboardEvent<HTMLDivElement>) {
  const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key]
  if (!by) return
  event.preventDefault()
  event.stopPropagation()
  const { kind, set } = useView.getState()
  const next = KINDS[(KINDS.indexOf(kind) + by + KINDS.length) % KINDS.length] as ViewKind
  set({ kind: next })
  event.currentTarget.querySelectorAll<HTMLElement>('[role=radio]')[KINDS.indexOf(next)]?.focus()
}
