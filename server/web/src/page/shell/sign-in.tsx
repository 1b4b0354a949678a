/** Who are you: when nobody is signed in, or no longer. */

import { type FormEvent, useState } from 'react'
import { useMessages } from '../i18n/messages'
import { type Problem, workspace } from '../workspace'
import { messages } from './messages'

interface Props {
  problem: Problem
  /** Go on with what is on this machine. */
  onSkip?: (() => void) | undefined
}

export function SignIn({ problem, onSkip }: Props) {
  const text = useMessages(messages)
  const [token, setToken] = useState('')
  const [error, setError] = useState('')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    workspace
      .signIn(token)
      .catch((reason: unknown) =>
        setError(reason instanceof Error ? reason.message : String(reason)),
      )
  }
  const why = {
    nobody: text.paste,
    refused: text.refused,
    ended: text.ended,
    unreachable: text.unreachable,
  }[problem]
  return (
    <main className="sign-in">
      <form onSubmit={submit} className="sign-in-card">
        <img src="/assets/icon.svg" alt="" width="48" height="48" />
        <h1>{text.welcome}</h1>
        <p role={problem === 'nobody' ? undefined : 'alert'}>{why}</p>
        <label>
          {text.pasteLabel}
          <input
            value={token}
            onChange={({ target }) => setToken(target.value)}
            autoComplete="off"
            spellCheck={false}
            aria-invalid={!!error}
            aria-describedby="sign-in-error"
            required
          />
        </label>
        <p id="sign-in-error" className="error" role="alert">
          {error}
        </p>
        <button type="submit" className="button button-primary">
          {text.signIn}
        </button>
        {problem === 'unreachable' && (
          <button type="button" className="button" onClick={() => void workspace.start()}>
            {text.tryAgain}
          </button>
        )}
        {onSkip && (
          <button type="button" className="button button-quiet" onClick={onSkip}>
            {text.continueOffline}
          </button>
        )}
        <p className="hint">
          {text.whereToken} <code>crdt-calendar token --user ann --project team --role editor</code>
        </p>
      </form>
    </main>
  )
}
