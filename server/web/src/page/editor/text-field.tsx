/** A line of text that several people may have open: it is written as one types, and never over others' words. */

import { type ReactNode, useEffect, useId, useRef, useState } from 'react'
import { useMessages } from '../i18n/messages'
import { messages } from './messages'

const WRITE_MS = 300

interface Props {
  label: string
  value: string
  disabled: boolean
  type?: 'text' | 'url'
  className?: string
  placeholder?: string
  autoFocus?: boolean
  /** Who else is in this field. */
  people?: ReactNode
  onChange(value: string): void
  onEnter?: (() => void) | undefined
}

export function TextField({
  label,
  value,
  disabled,
  type = 'text',
  className = '',
  placeholder,
  autoFocus = false,
  people,
  onChange,
  onEnter,
}: Props) {
  const text = useMessages(messages)
  const id = useId()
  const input = useRef<HTMLInputElement>(null)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const [typed, setTyped] = useState(value)
  /** What was there when we last wrote, or looked. */
  const base = useRef(value)
  const [theirs, setTheirs] = useState<string | null>(null)
  useEffect(() => {
    if (value === base.current) return
    base.current = value
    const isBusy = document.activeElement === input.current && typed !== value
    setTheirs(isBusy ? value : null)
    if (!isBusy) setTyped(value)
  }, [value, typed])
  useEffect(() => {
    if (autoFocus) input.current?.focus()
  }, [autoFocus])
  const write = (next: string) => {
    clearTimeout(timer.current)
    if (next === base.current) return
    base.current = next
    onChange(next)
  }
  const change = (next: string) => {
    setTyped(next)
    clearTimeout(timer.current)
    timer.current = setTimeout(() => write(next), WRITE_MS)
  }
  const take = () => {
    clearTimeout(timer.current)
    setTyped(theirs ?? '')
    setTheirs(null)
  }
  return (
    <div className={`editor-field ${className}`}>
      <label htmlFor={id}>
        {label}
        {people}
      </label>
      <input
        id={id}
        ref={input}
        type={type}
        value={typed}
        disabled={disabled}
        placeholder={placeholder}
        autoComplete="off"
        onChange={({ target }) => change(target.value)}
        onBlur={() => {
          setTheirs(null)
          write(typed)
        }}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.nativeEvent.isComposing) return
          write(typed)
          onEnter?.()
        }}
      />
      {theirs !== null && (
        <p className="editor-theirs" role="status">
          {text.theirs(theirs)}{' '}
          <button type="button" onMouseDown={(event) => event.preventDefault()} onClick={take}>
            {text.takeTheirs}
          </button>
        </p>
      )}
    </div>
  )
}
