/** The people of an event: who, in which role, and what they have answered. */

import { Plus } from 'lucide-react'
import { type FormEvent, useId, useRef, useState } from 'react'
import type { Attendee } from '../../sdk/types'
import { useMessages } from '../i18n/messages'
import { readAddress, sameAddress } from './addresses'
import { messages } from './messages'
import { RemoveButton } from './remove-button'

const ROLES = ['req-participant', 'opt-participant', 'chair', 'non-participant'] as const
const STATUS = ['needs-action', 'accepted', 'tentative', 'declined'] as const

type Word = (typeof ROLES)[number] | (typeof STATUS)[number]

interface Props {
  value: ReadonlyMap<string, Attendee>
  disabled: boolean
  onChange(patch: Record<string, Attendee | null>): void
}

export function Attendees({ value, disabled, onChange }: Props) {
  const text = useMessages(messages)
  const input = useRef<HTMLInputElement>(null)
  const remove = (who: string) => {
    onChange({ [who]: null })
    input.current?.focus()
  }
  return (
    <section className="editor-field">
      <h3>{text.attendees}</h3>
      <ul className="editor-rows">
        {[...value].map(([who, attendee]) => (
          <Row
            key={who}
            who={who}
            attendee={attendee}
            disabled={disabled}
            onChange={(next) => onChange({ [who]: next })}
            onRemove={() => remove(who)}
          />
        ))}
      </ul>
      {!disabled && (
        <Adding
          input={input}
          held={value}
          onAdd={(who) => onChange({ [who]: { status: 'needs-action', role: 'req-participant' } })}
        />
      )}
    </section>
  )
}

function Row({
  who,
  attendee,
  disabled,
  onChange,
  onRemove,
}: {
  who: string
  attendee: Attendee
  disabled: boolean
  onChange(attendee: Attendee): void
  onRemove(): void
}) {
  const text = useMessages(messages)
  const name = attendee.name || who
  return (
    <li className="attendee">
      <span className="editor-grow" title={who}>
        {name}
      </span>
      <WordChoice
        label={`${name}, ${text.role}`}
        words={ROLES}
        value={attendee.role || 'req-participant'}
        disabled={disabled}
        onChange={(role) => onChange({ ...attendee, role })}
      />
      <WordChoice
        label={`${name}, ${text.answer}`}
        words={STATUS}
        value={attendee.status || 'needs-action'}
        disabled={disabled}
        onChange={(status) => onChange({ ...attendee, status })}
      />
      {!disabled && <RemoveButton label={text.removeNamed(name)} onClick={onRemove} />}
    </li>
  )
}

/** One of these words, or one of iCalendar that we have no name for. */
function WordChoice({
  label,
  words,
  value,
  disabled,
  onChange,
}: {
  label: string
  words: readonly Word[]
  value: string
  disabled: boolean
  onChange(value: string): void
}) {
  const text = useMessages(messages)
  return (
    <select
      aria-label={label}
      value={value}
      disabled={disabled}
      onChange={({ target }) => onChange(target.value)}
    >
      {words.map((word) => (
        <option key={word} value={word}>
          {text[word]}
        </option>
      ))}
      {!words.includes(value as Word) && <option value={value}>{value}</option>}
    </select>
  )
}

function Adding({
  input,
  held,
  onAdd,
}: {
  input: React.RefObject<HTMLInputElement | null>
  held: ReadonlyMap<string, Attendee>
  onAdd(address: string): void
}) {
  const text = useMessages(messages)
  const id = useId()
  const [typed, setTyped] = useState('')
  const [error, setError] = useState('')
  const add = (event: FormEvent) => {
    event.preventDefault()
    const address = readAddress(typed)
    const same = address && sameAddress(address, held.keys())
    const wrong = same ? text.heldAddress(same) : address ? '' : text.badAddress
    setError(wrong)
    input.current?.focus()
    if (wrong || !address) return
    onAdd(address)
    setTyped('')
  }
  return (
    <form className="editor-add" onSubmit={add} noValidate>
      <label htmlFor={id} className="hidden">
        {text.addAttendee}
      </label>
      <input
        id={id}
        ref={input}
        type="email"
        inputMode="email"
        autoComplete="off"
        value={typed}
        placeholder={text.addAttendee}
        aria-invalid={error !== ''}
        aria-describedby={error ? `${id}-error` : undefined}
        onChange={({ target }) => {
          setTyped(target.value)
          setError('')
        }}
      />
      <button type="submit" className="button">
        <Plus size={16} aria-hidden />
        {text.add}
      </button>
      {error && (
        <p className="error" id={`${id}-error`} role="alert">
          {error}
        </p>
      )}
    </form>
  )
}
