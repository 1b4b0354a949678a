/** Who is here, which projects there are, and those of them that are open. */

import type { Project, Readable } from '../sdk/types'

/** A project as the server lists it for this user. */
export interface ProjectEntry {
  readonly id: string
  readonly name: string
  readonly role: 'viewer' | 'editor' | 'owner'
}

export interface Session {
  readonly user: { readonly id: string; readonly name: string; readonly color: string }
  readonly projects: readonly ProjectEntry[]
  /** Seconds since the epoch; null: never. */
  readonly expires: number | null
}

export interface WorkspaceSnapshot {
  /** null: nobody is signed in, now or at the last visit. */
  readonly session: Session | null
  /** Why there is none, or why it no longer counts. */
  readonly problem: string | null
  /** The open projects, in the order in which they are shown. */
  readonly open: readonly Project[]
}

export interface Workspace extends Readable<WorkspaceSnapshot> {
  /** Open what is shown, close what is not. */
  show(projects: readonly string[]): void
  /** Take a new token, as it was typed or pasted (the whole URL is fine too). */
  signIn(token: string): Promise<void>
  signOut(): Promise<void>
}
