/** Of a series: this event, this and following, or all. */

import { create } from 'zustand'
import type { Scope } from '../../sdk/types'
import { useMessages } from '../i18n/messages'
import { Dialog } from '../shell/dialog'
import { messages } from './messages'

export const SCOPES: readonly Scope[] = ['this', 'following', 'all']

interface Question {
  kind: 'move' | 'remove'
  answer(scope: Scope | null): void
}

const useQuestion = create<{ question: Question | null }>()(() => ({ question: null }))

/** Ask which events of a series are meant; null when it is called off. */
export function askScope(kind: Question['kind']): Promise<Scope | null> {
  useQuestion.getState().question?.answer(null)
  return new Promise((resolve) => {
    const answer = (scope: Scope | null) => {
      useQuestion.setState({ question: null })
      resolve(scope)
    }
    useQuestion.setState({ question: { kind, answer } })
  })
}

export function ScopeDialog() {
  const text = useMessages(messages)
  const { question } = useQuestion()
  if (!question) return null
  return (
    <Dialog
      title={question.kind === 'move' ? text.askMove : text.askRemove}
      onClose={() => question.answer(null)}
    >
      <div className="scope-choices">
        {SCOPES.map((scope) => (
          <button
            key={scope}
            type="button"
            className="button"
            onClick={() => question.answer(scope)}
          >
            {text[scope]}
          </button>
        ))}
      </div>
    </Dialog>
  )
}
