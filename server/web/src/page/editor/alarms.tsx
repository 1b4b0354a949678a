/** The reminders of an event: as many as one likes, each once. */

import { Plus } from 'lucide-react'
import { type FormEvent, useEffect, useId, useRef, useState } from 'react'
import { newId } from '../../sdk/model/ids'
import type { Alarm } from '../../sdk/types'
import { useMessages } from '../i18n/messages'
import { useView } from '../view'
import { messages } from './messages'
import { alarmWords, PRESETS, secondsOf, UNITS, type Unit } from './reminders'
import { RemoveButton } from './remove-button'

interface Props {
  value: ReadonlyMap<string, Alarm>
  disabled: boolean
  onChange(patch: Record<string, Alarm | null>): void
}

export function Alarms({ value, disabled, onChange }: Props) {
  const text = useMessages(messages)
  const language = useView((view) => view.language)
  const choice = useRef<HTMLSelectElement>(null)
  const sorted = [...value].sort(([, one], [, other]) => one.before - other.before)
  const remove = (id: string) => {
    onChange({ [id]: null })
    choice.current?.focus()
  }
  return (
    <section className="editor-field">
      <h3>{text.alarms}</h3>
      <ul className="editor-rows">
        {sorted.map(([id, { before }]) => {
          const words = alarmWords(before, language)
          return (
            <li key={id}>
              <span className="editor-grow">{words}</span>
              {!disabled && (
                <RemoveButton label={text.removeNamed(words)} onClick={() => remove(id)} />
              )}
            </li>
          )
        })}
      </ul>
      {!disabled && (
        <Adding
          choice={choice}
          held={sorted.map(([, { before }]) => before)}
          onAdd={(before) => onChange({ [newId()]: { before, action: 'display' } })}
        />
      )}
    </section>
  )
}

interface AddingProps {
  held: readonly number[]
  onAdd(before: number): void
}

function Adding({
  choice,
  held,
  onAdd,
}: AddingProps & { choice: React.RefObject<HTMLSelectElement | null> }) {
  const text = useMessages(messages)
  const language = useView((view) => view.language)
  const [isCustom, setCustom] = useState(false)
  const choose = (chosen: string) => {
    setCustom(chosen === 'custom')
    if (chosen && chosen !== 'custom') onAdd(Number(chosen))
  }
  return (
    <>
      <select
        ref={choice}
        value={isCustom ? 'custom' : ''}
        aria-label={text.addAlarm}
        onChange={({ target }) => choose(target.value)}
      >
        <option value="">{text.addAlarm}</option>
        {PRESETS.filter((seconds) => !held.includes(seconds)).map((seconds) => (
          <option key={seconds} value={seconds}>
            {alarmWords(seconds, language)}
          </option>
        ))}
        <option value="custom">{text.otherAlarm}</option>
      </select>
      {isCustom && <Custom held={held} onAdd={onAdd} />}
    </>
  )
}

/** So many minutes, hours, days or weeks before. */
function Custom({ held, onAdd }: AddingProps) {
  const text = useMessages(messages)
  const id = useId()
  const input = useRef<HTMLInputElement>(null)
  const [amount, setAmount] = useState('')
  const [unit, setUnit] = useState<Unit>('minutes')
  const [error, setError] = useState('')
  useEffect(() => input.current?.focus(), [])
  const add = (event: FormEvent) => {
    event.preventDefault()
    const seconds = secondsOf(amount, unit)
    const isHeld = seconds !== null && held.includes(seconds)
    setError(seconds === null ? text.badAmount : isHeld ? text.heldAlarm : '')
    input.current?.focus()
    if (seconds === null || isHeld) return
    onAdd(seconds)
    setAmount('')
  }
  return (
    <form className="editor-add" onSubmit={add} noValidate>
      <input
        ref={input}
        type="number"
        inputMode="numeric"
        min={1}
        max={9999}
        value={amount}
        aria-label={text.amount}
        aria-invalid={error !== ''}
        aria-describedby={error ? id : undefined}
        onChange={({ target }) => {
          setAmount(target.value)
          setError('')
        }}
      />
      <select
        value={unit}
        aria-label={text.unit}
        onChange={({ target }) => {
          setUnit(target.value as Unit)
          setError('')
        }}
      >
        {(Object.keys(UNITS) as Unit[]).map((one) => (
          <option key={one} value={one}>
            {text[one]}
          </option>
        ))}
      </select>
      <button type="submit" className="button">
        <Plus size={16} aria-hidden />
        {text.add}
      </button>
      {error && (
        <p className="error" id={id} role="alert">
          {error}
        </p>
      )}
    </form>
  )
}
