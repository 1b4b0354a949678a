/** The other tabs of the same user with the same project: they hear of edits without a server. */

import * as Y from 'yjs'

interface Word {
  readonly update: Uint8Array
  /** Whether the tab that wrote it is connected, and will send it itself. */
  readonly isSent: boolean
}

export class Tabs {
  readonly #channel: BroadcastChannel | null

  /** `onUpdate` is told of an update of another tab that nobody has sent to the server. */
  constructor(name: string, doc: Y.Doc, onUpdate: (update: Uint8Array) => void) {
    this.#channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel(name)
    if (!this.#channel) return
    this.#channel.onmessage = ({ data }: MessageEvent<Word>) => {
      Y.applyUpdate(doc, data.update, this)
      if (!data.isSent) onUpdate(data.update)
    }
  }

  tell(update: Uint8Array, isSent: boolean): void {
    this.#channel?.postMessage({ update, isSent } satisfies Word)
  }

  close(): void {
    this.#channel?.close()
  }
}
