/** How it is going: connected or not, saved or not, and why. */

import { CloudOff, CloudUpload, RefreshCw, TriangleAlert, Wifi } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useReadable } from '../../sdk/react'
import type { ConnectionSnapshot, ConnectionState, Project } from '../../sdk/types'
import { useMessages } from '../i18n/messages'
import { Popover } from '../shell/popover'
import { useView } from '../view'
import { nameOf, useOpenProjects } from '../workspace'
import { messages } from './messages'
import { savedTogether, useTogether, worstOf } from './overall'

const RECONNECTING_MS = 1000
const ICONS: Record<ConnectionState, typeof Wifi> = {
  connecting: RefreshCw,
  connected: Wifi,
  reconnecting: RefreshCw,
  offline: CloudOff,
  error: TriangleAlert,
}

/** The worst state of all projects; a connection that is back within a second was never away. */
export function useShownState(): ConnectionState {
  const state = useTogether((projects) =>
    worstOf(projects.map(({ connection }) => connection.getSnapshot().state)),
  )
  const [shown, setShown] = useState(state)
  useEffect(() => {
    if (state !== 'reconnecting') {
      setShown(state)
      return
    }
    const timer = setTimeout(() => setShown(state), RECONNECTING_MS)
    return () => clearTimeout(timer)
  }, [state])
  return shown
}

export function ConnectionBadge() {
  const text = useMessages(messages)
  const projects = useOpenProjects()
  const state = useShownState()
  const saved = useTogether((all) => JSON.stringify(savedTogether(all)))
  const { state: saving, count, diskError } = JSON.parse(saved) as ReturnType<typeof savedTogether>
  const Icon = ICONS[state]
  const words =
    saving === 'server' ? text.saved : saving === 'here' ? text.here(count) : text.unsaved
  if (!projects.length) return null
  // A name has to begin as what is seen does (WCAG 2.5.3).
  const seen = saving === 'server' ? text[state] : `${text[state]} ${count}`
  const button = (
    <>
      <Icon size={16} aria-hidden className={/ing$/.test(state) ? 'spin' : ''} />
      <span className="badge-text" role="status" data-state={state} data-saved={saving}>
        {text[state]}
      </span>
      {saving !== 'server' && (
        <span className={`badge-pending badge-${saving}`}>
          <CloudUpload size={14} aria-hidden />
          {count}
        </span>
      )}
    </>
  )
  return (
    <Popover
      label={`${text.connection}: ${seen}. ${words}`}
      className={`badge badge-${state}`}
      button={button}
    >
      <div className="connection">
        <p className={`connection-saved connection-${saving}`}>{words}</p>
        {diskError && (
          <p className="error">
            {text.disk} {diskError}
          </p>
        )}
        {state === 'offline' && <p className="hint">{text.offlineHint}</p>}
        {projects.map((project) => (
          <Details key={project.id} project={project} />
        ))}
      </div>
    </Popover>
  )
}

function Details({ project }: { project: Project }) {
  const text = useMessages(messages)
  const language = useView((view) => view.language)
  const connection = useReadable(project.connection)
  const pending = useReadable(project.saved, ({ pendingCount }) => pendingCount)
  const { state, latencyMs, lastSyncAt, attempts, retryAt, transport, refusal, readOnly } =
    connection
  const seconds = useSecondsUntil(retryAt)
  const row = (name: string, value: string | number) => (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
  return (
    <section className="connection-project" aria-label={nameOf(project.id)}>
      <h3>
        <span className={`dot dot-${state}`} />
        {nameOf(project.id)}
        <small>{text[state]}</small>
      </h3>
      {refusal && <p className="error">{reasonIn(text, refusal)}</p>}
      {readOnly && <p className="error">{text.viewer}</p>}
      <dl>
        {transport && row(text.way, text[transport])}
        {latencyMs !== null && row(text.latency, `${Math.round(latencyMs)} ms`)}
        {row(
          text.lastSync,
          lastSyncAt
            ? new Intl.DateTimeFormat(language, { timeStyle: 'medium' }).format(lastSyncAt)
            : text.never,
        )}
        {attempts > 0 && row(text.attempts, attempts)}
        {retryAt !== null && row(text.nextTry, text.in(seconds))}
        {row(text.pending, pending ?? 0)}
      </dl>
      {state !== 'connected' && (
        <button type="button" className="button" onClick={() => project.connection.retry()}>
          {text.retry}
        </button>
      )}
    </section>
  )
}

/** Why the server refuses, in words. */
export function reasonIn(
  text: (typeof messages)['en'],
  refusal: NonNullable<ConnectionSnapshot['refusal']>,
): string {
  const words =
    { 1008: text.r1008, 1009: text.r1009, 4401: text.r4401, 4403: text.r4403, 4404: text.r4404 }[
      refusal.code
    ] ?? text.rOther
  return refusal.reason ? `${words} (${refusal.reason})` : words
}

function useSecondsUntil(at: number | null): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    if (at === null) return
    const timer = setInterval(() => setNow(Date.now()), 500)
    return () => clearInterval(timer)
  }, [at])
  return Math.max(0, Math.ceil(((at ?? now) - now) / 1000))
}
