/** A way to the server, as a contract: messages in order, both ways, until it closes. */

export interface Transport {
  send(message: Uint8Array): void
  /** Let go; `onClose` is not called after that. */
  close(): void
  /** What has been given to `send` and has not left this machine. */
  readonly bufferedBytes: number
}

export interface TransportEvents {
  onMessage(message: Uint8Array): void
  /** It ended by itself. `code` as of WebSocket, with those of docs/protocol.md; 1006: no word. */
  onClose(code: number, reason: string): void
}

export interface TransportTarget {
  /** http(s) URL of the server, without a slash at the end. */
  readonly server: string
  readonly project: string
  /** Whose edits they are: another user's cookie will not do. */
  readonly user: string
  /** null: the cookie will do. */
  readonly token: string | null
}

/** Whose cookie it has to be. */
export function userQuery({ token, user }: TransportTarget): string {
  return token === null ? `?user=${encodeURIComponent(user)}` : ''
}

/** Opens a way; it may be sent to at once. */
export type OpenTransport = (target: TransportTarget, events: TransportEvents) => Transport

/** The close code for "nothing was said": the line is dead, or was never there. */
export const NO_WORD = 1006
