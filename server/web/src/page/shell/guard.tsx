/** When something on the page breaks: say so. What was written is on this machine's disk already. */

import { Component, type ReactNode } from 'react'
import { currentMessages } from '../i18n/messages'
import { messages } from './messages'

export class Guard extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null }

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error }
  }

  override render(): ReactNode {
    const { error } = this.state
    if (!error) return this.props.children
    const text = currentMessages(messages)
    return (
      <main className="sign-in">
        <div className="sign-in-card" role="alert">
          <h1>{text.failed}</h1>
          <pre>{error.message}</pre>
          <button type="button" className="button button-primary" onClick={() => location.reload()}>
            {text.reload}
          </button>
        </div>
      </main>
    )
  }
}
