/** The edits that wait for the server, and how far they have come on their way. */

import { useReadable } from '../../sdk/react'
import type { Project, SavedSnapshot } from '../../sdk/types'
import { useMessages } from '../i18n/messages'
import { common } from '../messages'
import { useOpenProjects } from '../workspace'
import { messages } from './messages'

/** Fewer than that are gone before anybody has read it. */
const LEAST = 3
const LISTED = 3

export function Progress() {
  const projects = useOpenProjects()
  return (
    <>
      {projects.map((project) => (
        <ProjectProgress key={project.id} project={project} />
      ))}
    </>
  )
}

function ProjectProgress({ project }: { project: Project }) {
  const text = useMessages(messages)
  const words = useMessages(common)
  const saved = useReadable(project.saved)
  const isConnected = useReadable(project.connection, ({ state }) => state === 'connected')
  const { upload, pendingCount, pending } = saved
  if (!upload && (pendingCount < LEAST || isConnected)) return null
  const title = upload
    ? text.uploading(Math.max(upload.edits, pendingCount))
    : text.waiting(pendingCount)
  const titles = titlesOf(project, pending, words.untitled)
  return (
    <aside className="progress" aria-label={title}>
      <p>
        <strong>{title}</strong>
        {upload && <span>{percentOf(upload)} %</span>}
      </p>
      {upload && <progress max={100} value={percentOf(upload)} aria-label={title} />}
      <ul>
        {titles.map((one) => (
          <li key={one}>{one}</li>
        ))}
      </ul>
    </aside>
  )
}

function percentOf({ sentBytes, totalBytes }: NonNullable<SavedSnapshot['upload']>): number {
  return Math.floor((100 * sentBytes) / Math.max(1, totalBytes))
}

function titlesOf(
  { calendar }: Project,
  pending: SavedSnapshot['pending'],
  untitled: string,
): string[] {
  const ids = new Set(pending.flatMap(({ events }) => events))
  const titles = [...ids].map((id) => calendar.event(id)?.title || untitled)
  return [...new Set(titles)].slice(0, LISTED)
}
