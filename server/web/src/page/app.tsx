/** The page: a bar, the calendars, the grid, and a panel at the side. */

import { lazy, Suspense, useEffect, useState } from 'react'
import { Toaster } from 'sonner'
import { BinPanel } from './bin/panel'
import { CalendarGrid } from './calendar/grid'
import { Shortcuts } from './calendar/shortcuts'
import { DraftPanel, EventPanel } from './editor/panel'
import { ScopeDialog } from './editor/scope'
import { useMessages } from './i18n/messages'
import { useLifecycle } from './shell/lifecycle'
import { messages } from './shell/messages'
import { Sidebar } from './shell/sidebar'
import { SignIn } from './shell/sign-in'
import { TopBar } from './shell/topbar'
import { TryIt } from './shell/try-it'
import { ConflictsButton, ConflictsDialog } from './status/conflicts'
import { Progress } from './status/progress'
import { useToasts } from './status/toasts'
import { DropZone } from './transfer/drop-zone'
import { useView } from './view'
import { isBoard, useOpenProjects, useWorkspace, workspace } from './workspace'

const BoardView = lazy(() => import('./board/view'))

export function App() {
  const { session, problem } = useWorkspace((snapshot) => snapshot)
  const [skipped, setSkipped] = useState<string | null>(null)
  const shown = useView((view) => view.shown)
  const board = useBoard()
  useEffect(() => workspace.show(board ? [...shown, board] : shown), [shown, board])
  useFirstProject()
  useAppearance()
  useLifecycle()
  useToasts()
  if (problem && problem !== skipped) {
    const onSkip = session ? () => setSkipped(problem) : undefined
    return <SignIn problem={problem} onSkip={onSkip} />
  }
  if (!session) return <main className="waiting" aria-busy="true" />
  return (
    <DropZone>
      <div className="app">
        <Sidebar />
        <div className="app-main">{board ? <Board project={board} /> : <Calendars />}</div>
      </div>
      <Progress />
      {!board && <Shortcuts />}
      <ScopeDialog />
      <ConflictsDialog />
      <Toaster
        position="bottom-left"
        closeButton
        theme={useView.getState().theme}
        toastOptions={{ duration: 6000 }}
      />
    </DropZone>
  )
}

function Calendars() {
  return (
    <>
      <TopBar />
      <ConflictsButton />
      <TryIt />
      <main className="app-content">
        <Content />
        <SidePanel />
      </main>
    </>
  )
}

function Board({ project }: { project: string }) {
  return (
    <Suspense fallback={<main className="waiting" aria-busy="true" />}>
      <BoardView key={project} id={project} />
    </Suspense>
  )
}

function Content() {
  const text = useMessages(messages)
  const hasAny = useOpenProjects().length > 0
  return (
    <>
      <CalendarGrid />
      {!hasAny && <p className="app-empty hint">{text.noneShown}</p>}
    </>
  )
}

function SidePanel() {
  const panel = useView((view) => view.panel)
  if (panel?.kind === 'event') {
    const { project, event, recurrenceId } = panel.selection
    return <EventPanel key={`${project} ${event} ${recurrenceId}`} selection={panel.selection} />
  }
  if (panel?.kind === 'draft') {
    const { project, fields, aside } = panel
    return <DraftPanel key={aside?.at} project={project} fields={fields} aside={aside} />
  }
  return panel?.kind === 'bin' ? <BinPanel /> : null
}

/** The board that is shown, if it is one that this user may see. */
function useBoard(): string | null {
  const wanted = useView((view) => view.board)
  return useWorkspace(({ session }) => {
    const entry = session?.projects.find(({ id }) => id === wanted)
    return entry && isBoard(entry) ? entry.id : null
  })
}

/** At the first visit the first calendar is shown, or the first board where there is no calendar. */
function useFirstProject(): void {
  const projects = useWorkspace(({ session }) => session?.projects)
  useEffect(() => {
    const { shown, set } = useView.getState()
    const [first] = projects ?? []
    const known = projects?.filter((entry) => !isBoard(entry)).map(({ id }) => id) ?? []
    const left = shown.filter((id) => known.includes(id))
    if (known[0] && !left.length) set({ shown: [known[0]], target: known[0] })
    if (first && !known.length) set({ board: first.id })
  }, [projects])
}

function useAppearance(): void {
  const { theme, language } = useView()
  useEffect(() => {
    document.documentElement.lang = language
    if (theme === 'system') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = theme
  }, [theme, language])
}
