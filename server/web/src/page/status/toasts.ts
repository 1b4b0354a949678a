/** Told in a corner: what others did to what is on screen, and who came. Quiet when it is much. */

import { useEffect } from 'react'
import { toast } from 'sonner'
import type { CalendarEvent, Change, Conflict, Project } from '../../sdk/types'
import { onClock } from '../calendar/clock'
import { isVisible } from '../calendar/visible'
import { currentMessages } from '../i18n/messages'
import { common } from '../messages'
import { meet } from '../people/met'
import { useView } from '../view'
import { nameOf, useOpenProjects } from '../workspace'
import { newsOf } from './conflict-news'
import { reasonIn } from './connection'
import { messages } from './messages'
import { eventsOf, keyOf, showConflicts } from './open-conflicts'
import { writerOf } from './writers'

const FOLD_MS = 1500
const MOST = 3
/** What is there when one comes is no news. */
const SETTLE_MS = 3000

/** Something that happened; `conflict` is one to decide. */
interface News {
  readonly kind?: 'conflict'
  readonly text: string
  readonly by: string
  readonly show?: () => void
}

/** Collects what happens within a moment, and folds what is too much to read. */
export class Fold {
  #news: News[] = []
  #timer: ReturnType<typeof setTimeout> | null = null
  readonly #tell: (news: readonly News[]) => void

  constructor(tell: (news: readonly News[]) => void) {
    this.#tell = tell
  }

  add(news: News): void {
    this.#news.push(news)
    this.#timer ??= setTimeout(() => {
      this.#timer = null
      this.#tell(this.#news.splice(0))
    }, FOLD_MS)
  }
}

const fold = new Fold((news) => {
  const text = currentMessages(messages)
  if (document.hidden) return
  const conflicts = news.filter(({ kind }) => kind === 'conflict')
  if (conflicts.length > MOST)
    toast(text.openConflicts(conflicts.length), {
      action: { label: text.look, onClick: () => showConflicts() },
    })
  else tellEach(conflicts, text.look)
  const changes = news.filter(({ kind }) => kind !== 'conflict')
  if (changes.length <= MOST) tellEach(changes, text.show)
  else toast(text.many(changes.length, [...new Set(changes.map(({ by }) => by))].join(', ')))
})

function tellEach(news: readonly News[], label: string): void {
  for (const { text, show } of news) toast(text, show && { action: { label, onClick: show } })
}

/** Follow the open projects. */
export function useToasts(): void {
  const projects = useOpenProjects()
  useEffect(() => {
    const ends = projects.map(follow)
    return () => {
      for (const end of ends) end()
    }
  }, [projects])
}

const since = new WeakMap<Project, number>()

function follow(project: Project): () => void {
  if (!since.has(project)) since.set(project, Date.now())
  const isSettled = () => Date.now() - (since.get(project) ?? 0) > SETTLE_MS
  const endChanges = project.calendar.onChange((changes) => {
    if (!isSettled() || project.connection.getSnapshot().state !== 'connected') return
    for (const change of changes) if (!change.local) tell(project, change)
  })
  const { self, others } = project.presence.getSnapshot()
  for (const { user } of others.values()) meet(self.user.id, user)
  const endComing = project.presence.onComing(({ joined }) => {
    for (const { user } of joined) meet(self.user.id, user)
    if (!isSettled()) return
    for (const { user } of joined) {
      const text = currentMessages(messages).joined(user.name)
      fold.add({ text, by: user.name })
    }
  })
  const known = new Set(project.conflicts.getSnapshot().map(({ id }) => id))
  const endConflicts = project.conflicts.subscribe(() => {
    for (const conflict of project.conflicts.getSnapshot()) {
      if (known.has(conflict.id)) continue
      known.add(conflict.id)
      if (isSettled() && conflict.state === 'open') tellConflict(project, conflict)
    }
  })
  const endRefusals = followRefusals(project)
  return () => {
    endRefusals()
    endConflicts()
    endChanges()
    endComing()
  }
}

/** What is written from now on reaches nobody: that is said aloud, and until it is over. */
function followRefusals(project: Project): () => void {
  const id = `refused ${project.id}`
  let told = ''
  const look = () => {
    const { refusal, readOnly } = project.connection.getSnapshot()
    const text = currentMessages(messages)
    // Who has to sign in again is asked to, on the whole page.
    const isTold = refusal && refusal.code !== 4401
    const words = isTold ? reasonIn(text, refusal) : readOnly ? text.viewer : ''
    if (words === told) return
    told = words
    if (words) toast.error(`${nameOf(project.id)}: ${words}`, { id, duration: Infinity })
    else toast.dismiss(id)
  }
  look()
  return project.connection.subscribe(look)
}

function tell(project: Project, { kind, id, fields, by }: Change): void {
  const event = project.calendar.event(id)
  const when = event?.when
  const text = currentMessages(messages)
  const words =
    kind === 'created' || kind === 'restored'
      ? text.added
      : kind === 'deleted'
        ? text.removed
        : fields.includes('when')
          ? text.moved
          : null
  if (!event || !when || !words) return
  if (!isOnScreen(event)) return
  const { name } = writerOf(project, by).user
  const show = () => useView.getState().open({ project: project.id, event: id, recurrenceId: null })
  fold.add({ text: words(name, event.title || currentMessages(common).untitled), by: name, show })
}

/** To those who are in it, and to those who see it. */
function tellConflict(project: Project, conflict: Conflict): void {
  const events = eventsOf(conflict).flatMap((id) => project.calendar.event(id) ?? [])
  const writers = conflict.values.map(({ by }) => writerOf(project, by))
  if (!writers.some(({ isSelf }) => isSelf) && !events.some(isOnScreen)) return
  const by = writers.find(({ isSelf }) => !isSelf)?.user.name ?? ''
  const show = () => showConflicts({ at: keyOf(project, conflict) })
  fold.add({ kind: 'conflict', text: newsOf(project, conflict), by, show })
}

function isOnScreen({ when, recurrence }: CalendarEvent): boolean {
  if (!when) return false
  const shown = onClock(when, useView.getState().zone)
  return recurrence !== null || isVisible(shown.start, shown.end)
}
