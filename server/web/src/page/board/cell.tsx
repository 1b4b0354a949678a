/** A cell that is edited in place. What others write meanwhile shows as soon as one is done with it. */

import { type KeyboardEvent, useId, useState } from 'react'

interface Props {
  value: string
  label: string
  className: string
  disabled: boolean
  placeholder?: string
  inputMode?: 'numeric' | 'text'
  /** Why a text cannot be taken; '' when it can. */
  problem?: (text: string) => string
  onEditing(isEditing: boolean): void
  onCommit(text: string): void
}

export function Cell(props: Props) {
  const { value, label, className, disabled, placeholder, inputMode = 'text', onEditing } = props
  const [draft, setDraft] = useState<string | null>(null)
  const id = useId()
  const problem = draft === null ? '' : (props.problem?.(draft) ?? '')
  const commit = (): boolean => {
    if (problem) return false
    if (draft !== null && draft !== value) props.onCommit(draft)
    setDraft(null)
    return true
  }
  const press = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.nativeEvent.isComposing) return
    const by = { Enter: 1, ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (event.key === 'Escape') {
      setDraft(null)
      event.currentTarget.select()
    } else if (by && commit()) walk(event.currentTarget, event.shiftKey ? -by : by)
    else if (!by) return
    event.preventDefault()
    event.stopPropagation()
  }
  return (
    <>
      <input
        className={`board-input ${className}`}
        value={draft ?? value}
        aria-label={label}
        aria-invalid={problem !== ''}
        aria-describedby={problem ? id : undefined}
        disabled={disabled}
        placeholder={placeholder}
        inputMode={inputMode}
        autoComplete="off"
        data-cell={className}
        onFocus={(event) => {
          event.currentTarget.select()
          onEditing(true)
        }}
        onChange={({ target }) => setDraft(target.value)}
        onBlur={() => {
          if (!commit()) setDraft(null)
          onEditing(false)
        }}
        onKeyDown={press}
      />
      {problem && (
        <span id={id} className="board-problem error" role="alert">
          {problem}
        </span>
      )}
    </>
  )
}

/** The same cell of the next row, or the one before. */
function walk(from: HTMLInputElement, by: number): void {
  const all = [
    ...(from
      .closest('table')
      ?.querySelectorAll<HTMLInputElement>(`[data-cell="${from.dataset.cell}"]`) ?? []),
  ]
  const next = all[all.indexOf(from) + by]
  if (next) next.focus()
  else from.select()
}
