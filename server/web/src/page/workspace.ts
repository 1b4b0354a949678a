/** Who is here, which projects there are, and those of them that are open. */

import { colorOf } from '../sdk/presence'
import { openProject } from '../sdk/project'
import { isShallowEqual, useReadable } from '../sdk/react'
import { type Project, type Readable, TokenRefused } from '../sdk/types'

/** A project as the server lists it for this user. */
export interface ProjectEntry {
  readonly id: string
  readonly name: string
  /** A line-up board is no calendar. */
  readonly kind?: 'calendar' | 'lineup'
  readonly role: 'viewer' | 'editor' | 'owner'
}

export interface Session {
  readonly user: { readonly id: string; readonly name: string; readonly color: string }
  readonly projects: readonly ProjectEntry[]
  /** Seconds since the epoch; null: never. */
  readonly expires: number | null
  readonly renewable: boolean
}

/** Why there is no session, or why it no longer counts. */
export type Problem = 'nobody' | 'refused' | 'ended' | 'unreachable'

export interface WorkspaceSnapshot {
  /** null: nobody is signed in, now or at the last visit. */
  readonly session: Session | null
  readonly problem: Problem | null
  /** The open projects, in the order in which they are shown. */
  readonly open: readonly Project[]
}

type Fetch = (path: string, init?: RequestInit) => Promise<Response>
type Open = typeof openProject

const REMEMBERED = 'crdt-calendar/session'
const SESSION = '/api/v1/session'
const RENEW_SHARE = 0.8
const LONGEST_TIMER_MS = 24 * 3600 * 1000

export class Workspace implements Readable<WorkspaceSnapshot> {
  readonly #fetch: Fetch
  readonly #open: Open
  readonly #listeners = new Set<() => void>()
  readonly #projects = new Map<string, Project>()
  #wanted: readonly string[] = []
  #snapshot: WorkspaceSnapshot = { session: null, problem: null, open: [] }
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(send: Fetch = (path, init) => fetch(path, init), open: Open = openProject) {
    this.#fetch = send
    this.#open = open
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  getSnapshot = (): WorkspaceSnapshot => this.#snapshot

  /** Begin with who was here last, and find out who is. */
  async start(): Promise<void> {
    this.#take(remembered())
    const isRefused = globalThis.location?.hash === '#refused'
    if (isRefused) history.replaceState(null, '', './')
    await this.refresh()
    if (isRefused) this.#set({ problem: 'refused' })
  }

  /** Ask the server who we are. */
  async refresh(): Promise<void> {
    try {
      const answer = await this.#fetch(SESSION)
      if (answer.ok) await this.#accept(answer)
      else if (answer.status === 401)
        this.#set({ problem: this.#snapshot.session ? 'ended' : 'nobody' })
      else this.#unreachable()
    } catch {
      this.#unreachable()
    }
  }

  /** Open what is to be shown, close what is not. */
  show(projects: readonly string[]): void {
    this.#wanted = projects
    const { session } = this.#snapshot
    const known = new Set(session?.projects.map(({ id }) => id))
    const open = projects.filter((id) => known.has(id))
    for (const [id, project] of this.#projects) if (!open.includes(id)) this.#close(id, project)
    for (const id of open) {
      if (this.#projects.has(id) || !session) continue
      const token = (refused: boolean) => this.#token(refused)
      this.#projects.set(id, this.#open({ project: id, user: session.user, token }))
    }
    const now = open.flatMap((id) => this.#projects.get(id) ?? [])
    if (!isShallowEqual(now, this.#snapshot.open)) this.#set({ open: now })
  }

  /** Take a new token, as it was typed or pasted; the whole URL is fine too. Throws why it is none. */
  async signIn(text: string): Promise<void> {
    const token = /[?&]token=([^&#\s]+)/.exec(text)?.[1] ?? text.trim()
    const body = JSON.stringify({ token: decodeURIComponent(token) })
    const answer = await this.#fetch(SESSION, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
    if (!answer.ok) throw new Error(await reasonOf(answer))
    await this.#accept(answer)
    for (const project of this.#projects.values()) project.connection.retry()
  }

  /** Forget who is here. Edits that have not been sent stay on this machine for their author. */
  async signOut(): Promise<void> {
    await this.#fetch(SESSION, { method: 'DELETE' }).catch(() => undefined)
    localStorage.removeItem(REMEMBERED)
    this.#take(null)
    this.#set({ problem: 'nobody' })
  }

  // How

  /** The cookie is the token; when it was refused, try to get a better one. */
  async #token(refused: boolean): Promise<null> {
    if (!refused) return null
    const renewed = await this.#fetch(`${SESSION}/renew`, { method: 'POST' })
    const answer = renewed.ok ? renewed : await this.#fetch(SESSION)
    if (answer.ok) {
      await this.#accept(answer)
      return null
    }
    if (answer.status >= 500) throw new Error(await reasonOf(answer))
    this.#set({ problem: 'ended' })
    throw new TokenRefused(await reasonOf(answer))
  }

  async #accept(answer: Response): Promise<void> {
    const told = (await answer.json()) as Omit<Session, 'user'> & {
      user: { id: string; name: string }
    }
    const session = { ...told, user: { ...told.user, color: colorOf(told.user.id) } }
    localStorage.setItem(REMEMBERED, JSON.stringify(session))
    this.#take(session)
    this.#set({ problem: null })
    this.#planRenewal(session)
  }

  /** Somebody else's documents are never carried over. */
  #take(session: Session | null): void {
    const isSame = session?.user.id === this.#snapshot.session?.user.id
    if (!isSame) for (const [id, project] of this.#projects) this.#close(id, project)
    this.#set({ session, open: isSame ? this.#snapshot.open : [] })
    this.show(this.#wanted)
  }

  #planRenewal({ expires, renewable }: Session): void {
    clearTimeout(this.#timer)
    if (expires === null || !renewable) return
    const wait = Math.max(1000, (expires * 1000 - Date.now()) * RENEW_SHARE)
    this.#timer = setTimeout(() => this.#renew(), Math.min(wait, LONGEST_TIMER_MS))
  }

  async #renew(): Promise<void> {
    const answer = await this.#fetch(`${SESSION}/renew`, { method: 'POST' }).catch(() => null)
    if (answer?.ok) await this.#accept(answer)
    else this.#timer = setTimeout(() => this.#renew(), 60_000)
  }

  #unreachable(): void {
    this.#set({ problem: this.#snapshot.session ? null : 'unreachable' })
  }

  #close(id: string, project: Project): void {
    this.#projects.delete(id)
    void project.close()
  }

  #set(patch: Partial<WorkspaceSnapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...patch }
    for (const listener of [...this.#listeners]) listener()
  }
}

function remembered(): Session | null {
  try {
    return JSON.parse(localStorage.getItem(REMEMBERED) ?? 'null') as Session | null
  } catch {
    return null
  }
}

async function reasonOf(answer: Response): Promise<string> {
  const problem = (await answer.json().catch(() => ({}))) as { detail?: string }
  return problem.detail ?? `${answer.status} ${answer.statusText}`
}

export const workspace = new Workspace()

export function useWorkspace<S>(select: (snapshot: WorkspaceSnapshot) => S): S {
  return useReadable(workspace, select, isShallowEqual) as S
}

export function useOpenProject(id: string | null | undefined): Project | undefined {
  return useWorkspace(({ open }) => open.find((project) => project.id === id))
}

/** The projects that are open. */
export function useOpenProjects(): readonly Project[] {
  return useWorkspace(({ open }) => open)
}

/** What the server lists of a project. */
export function useEntry(id: string | null | undefined): ProjectEntry | undefined {
  return useWorkspace(({ session }) => session?.projects.find((entry) => entry.id === id))
}

/** Whether the user of this page may edit that project. */
export function mayEdit(id: string): boolean {
  const { session, open } = workspace.getSnapshot()
  const role = session?.projects.find((entry) => entry.id === id)?.role
  const project = open.find((one) => one.id === id)
  return role !== undefined && role !== 'viewer' && !project?.connection.getSnapshot().readOnly
}

/** What a project is called: by its calendar, or by the server's list, or by its id. */
export function nameOf(id: string): string {
  const { session, open } = workspace.getSnapshot()
  const calendar = open.find((one) => one.id === id)?.calendar.getSnapshot().properties.name
  return calendar || session?.projects.find((entry) => entry.id === id)?.name || id
}

/** The colour of a project: its calendar's own, or one by its id. */
export function projectColor(id: string): string {
  const color = workspace
    .getSnapshot()
    .open.find((one) => one.id === id)
    ?.calendar.getSnapshot().properties.color
  return color || colorOf(`project ${id}`)
}

/** Whether a project is a line-up board. */
export function isBoard({ kind }: ProjectEntry): boolean {
  return kind === 'lineup'
}
