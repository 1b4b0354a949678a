/** The people of an event, and its reminders. */

import { Plus, X } from 'lucide-react'
import { type FormEvent, useId, useState } from 'react'
import type { Alarm, Attendee } from '../../sdk/types'
import { type Language, useMessages } from '../i18n/messages'
import { useView } from '../view'
import { messages } from './messages'

const STATUS = ['needs-action', 'accepted', 'tentative', 'declined'] as const
const ADDRESS = /^[^\s@]+@[^\s@]+\.[^\s@]+$/
const PRESETS = [0, 300, 600, 900, 1800, 3600, 7200, 86_400, 172_800, 604_800] as const

type Patch<T> = Record<string, T | null>

export function Attendees({
  value,
  disabled,
  onChange,
}: {
  value: ReadonlyMap<string, Attendee>
  disabled: boolean
  onChange(patch: Patch<Attendee>): void
}) {
  const text = useMessages(messages)
  const [address, setAddress] = useState('')
  const [isBad, setBad] = useState(false)
  const id = useId()
  const add = (event: FormEvent) => {
    event.preventDefault()
    const trimmed = address.trim().replace(/^mailto:/i, '')
    setBad(!ADDRESS.test(trimmed))
    if (!ADDRESS.test(trimmed)) return
    onChange({ [trimmed]: { status: 'needs-action', role: 'req-participant' } })
    setAddress('')
  }
  return (
    <section className="editor-field">
      <h3>{text.attendees}</h3>
      <ul className="editor-rows">
        {[...value].map(([who, attendee]) => (
          <li key={who}>
            <span className="editor-grow" title={who}>
              {attendee.name || who}
            </span>
            <select
              aria-label={`${attendee.name || who}, ${text.status}`}
              value={attendee.status ?? 'needs-action'}
              disabled={disabled}
              onChange={({ target }) => onChange({ [who]: { ...attendee, status: target.value } })}
            >
              {STATUS.map((status) => (
                <option key={status} value={status}>
                  {text[status]}
                </option>
              ))}
            </select>
            {!disabled && (
              <RemoveButton
                label={text.removeNamed(attendee.name || who)}
                onClick={() => onChange({ [who]: null })}
              />
            )}
          </li>
        ))}
      </ul>
      {!disabled && (
        <form className="editor-add" onSubmit={add}>
          <label htmlFor={id} className="hidden">
            {text.addAttendee}
          </label>
          <input
            id={id}
            type="email"
            inputMode="email"
            value={address}
            placeholder={text.addAttendee}
            aria-invalid={isBad}
            onChange={({ target }) => {
              setAddress(target.value)
              setBad(false)
            }}
          />
          <button type="submit" className="button">
            <Plus size={16} aria-hidden />
            {text.add}
          </button>
        </form>
      )}
      {isBad && (
        <p className="error" role="alert">
          {text.badAddress}
        </p>
      )}
    </section>
  )
}

export function Alarms({
  value,
  disabled,
  onChange,
}: {
  value: ReadonlyMap<string, Alarm>
  disabled: boolean
  onChange(patch: Patch<Alarm>): void
}) {
  const text = useMessages(messages)
  const language = useView((view) => view.language)
  const add = (seconds: string) => {
    if (seconds) onChange({ [crypto.randomUUID()]: { before: Number(seconds), action: 'display' } })
  }
  return (
    <section className="editor-field">
      <h3>{text.alarms}</h3>
      <ul className="editor-rows">
        {[...value].map(([id, alarm]) => {
          const words = alarmWords(alarm.before, language)
          return (
            <li key={id}>
              <span className="editor-grow">{words}</span>
              {!disabled && (
                <RemoveButton
                  label={text.removeNamed(words)}
                  onClick={() => onChange({ [id]: null })}
                />
              )}
            </li>
          )
        })}
      </ul>
      {!disabled && (
        <select value="" aria-label={text.addAlarm} onChange={({ target }) => add(target.value)}>
          <option value="">{text.addAlarm}</option>
          {PRESETS.map((seconds) => (
            <option key={seconds} value={seconds}>
              {alarmWords(seconds, language)}
            </option>
          ))}
        </select>
      )}
    </section>
  )
}

function RemoveButton({ label, onClick }: { label: string; onClick(): void }) {
  return (
    <button type="button" className="icon-button icon-small" aria-label={label} onClick={onClick}>
      <X size={16} aria-hidden />
    </button>
  )
}

const UNITS = [
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const

/** "10 minutes before", in the largest unit that divides it. */
export function alarmWords(before: number, language: Language): string {
  if (before === 0) return language === 'ko' ? '시작할 때' : 'when it starts'
  const size = Math.abs(before)
  const [unit, seconds] = UNITS.find(([, each]) => size % each === 0) ?? ['second', 1]
  const amount = new Intl.NumberFormat(language, {
    style: 'unit',
    unit,
    unitDisplay: 'long',
  }).format(size / seconds)
  if (language === 'ko') return `${amount} ${before > 0 ? '전' : '후'}`
  return `${amount} ${before > 0 ? 'before' : 'after'}`
}
