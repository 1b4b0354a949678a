/** Told in a corner: what others did to what is on screen, and who came. Quiet when it is much. */

import { useEffect } from 'react'
import { toast } from 'sonner'
import type { Change, Project } from '../../sdk/types'
import { onClock } from '../calendar/clock'
import { isVisible } from '../calendar/visible'
import { currentMessages } from '../i18n/messages'
import { common } from '../messages'
import { peopleOf } from '../people/people'
import { useView } from '../view'
import { useOpenProjects } from '../workspace'
import { messages } from './messages'

const FOLD_MS = 1500
const MOST = 3
/** What is there when one comes is no news. */
const SETTLE_MS = 3000

interface News {
  readonly text: string
  readonly by: string
  readonly show: () => void
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
  if (news.length <= MOST)
    for (const { text: told, show } of news)
      toast(told, { action: { label: text.show, onClick: show } })
  else toast(text.many(news.length, [...new Set(news.map(({ by }) => by))].join(', ')))
})

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
  const endComing = project.presence.onComing(({ joined }) => {
    if (!isSettled()) return
    for (const { user } of joined) {
      const text = currentMessages(messages).joined(user.name)
      fold.add({ text, by: user.name, show: () => useView.getState().set({}) })
    }
  })
  return () => {
    endChanges()
    endComing()
  }
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
  const shown = onClock(when, useView.getState().zone)
  if (!event.recurrence && !isVisible(shown.start, shown.end)) return
  const name =
    peopleOf(project.presence.getSnapshot()).find(({ user }) => user.id === by)?.user.name ??
    (by || text.somebody)
  const show = () => useView.getState().open({ project: project.id, event: id, recurrenceId: null })
  fold.add({ text: words(name, event.title || currentMessages(common).untitled), by: name, show })
}
