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
  /** What was typed and is not written yet; null: nothing. */
  const unwritten = useRef<string | null>(null)
  const latest = useRef(onChange)
  latest.current = onChange
  const [theirs, setTheirs] = useState<string | null>(null)
  useEffect(() => {
    if (value === base.current) return
    base.current = value
    const isBusy = unwritten.current !== null && unwritten.current !== value
    setTheirs(isBusy ? value : null)
    if (!isBusy) setTyped(value)
  }, [value])
  useEffect(() => {
    if (autoFocus) input.current?.focus()
  }, [autoFocus])
  const write = () => {
    clearTimeout(timer.current)
    const next = unwritten.current
    unwritten.current = null
    if (next === null || next === base.current) return
    base.current = next
    latest.current(next)
  }
  const flush = useRef(write)
  flush.current = write
  // Whoever closes the panel in the middle of a word has written that word.
  useEffect(() => () => flush.current(), [])
  const change = (next: string) => {
    setTyped(next)
    unwritten.current = next
    clearTimeout(timer.current)
    timer.current = setTimeout(() => flush.current(), WRITE_MS)
  }
  const take = () => {
    clearTimeout(timer.current)
    unwritten.current = null
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
          write()
        }}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.nativeEvent.isComposing) return
          write()
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
