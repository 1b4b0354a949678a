/** When: dates and times, whole days, and the zone they are in. */

import { useId, useState } from 'react'
import { DAY_MS, formatLocal, parseLocal } from '../../sdk/model/wall'
import { instantsOf, type Span, spanOf, whenOf } from '../../sdk/model/when'
import { isZone } from '../../sdk/model/zone'
import type { When } from '../../sdk/types'
import { useMessages } from '../i18n/messages'
import { useView, ZONE } from '../view'
import { hasLeft } from './leaving'
import { messages } from './messages'

const HOUR_MS = 3_600_000
const ZONES = ['UTC', ...(Intl.supportedValuesOf?.('timeZone') ?? [])]

interface Props {
  value: When
  disabled: boolean
  onChange(value: When): void
}

export function WhenField({ value, disabled, onChange }: Props) {
  const text = useMessages(messages)
  const { zone, language } = useView()
  const error = useId()
  /** An end before the start, kept as it was typed until one of the two has been changed. */
  const [early, setEarly] = useState<number | null>(null)
  const span = spanOf(value)
  if (!span) return null
  const { start, end, allDay, tz } = span
  const least = allDay ? start + DAY_MS : start
  const isEarly = early !== null && early < least
  const write = (next: Span) => {
    setEarly(null)
    onChange(whenOf(next))
  }
  /** The end follows the start, but for one that has been waiting for it. */
  const setStart = (next: number) => {
    const isMended = isEarly && early >= next + least - start
    if (isMended || !isEarly) setEarly(null)
    onChange(whenOf({ ...span, start: next, end: isMended ? early : next + end - start }))
  }
  const setEnd = (next: number) => {
    if (next < least) setEarly(next)
    else write({ ...span, end: next })
  }
  const [from] = instantsOf(span, zone)
  const here = new Intl.DateTimeFormat(language, {
    dateStyle: 'medium',
    timeStyle: 'short',
    timeZone: zone,
  }).format(from)
  const inclusive = allDay ? DAY_MS : 0
  return (
    <fieldset className="editor-when" disabled={disabled}>
      <label className="switch">
        <input
          type="checkbox"
          checked={allDay}
          onChange={({ target }) => write(target.checked ? asDays(span) : asTimes(span, zone))}
        />
        {text.wholeDay}
      </label>
      <Moment label={text.starts} wall={start} hasTime={!allDay} onChange={setStart} />
      <Moment
        label={text.ends}
        wall={(isEarly ? early : end) - inclusive}
        hasTime={!allDay}
        error={isEarly ? error : undefined}
        onChange={(wall) => setEnd(wall + inclusive)}
      />
      {isEarly && (
        <p className="error" id={error} role="alert">
          {text.endsEarly}
        </p>
      )}
      {!allDay && (
        <ZoneField value={tz} onChange={(next) => onChange(whenOf({ ...span, tz: next }))} />
      )}
      {!allDay && tz !== null && tz !== zone && (
        <p className="editor-words">
          {zone === ZONE ? text.zoneHere(here) : text.zoneThere(here, zone)}
        </p>
      )}
    </fieldset>
  )
}

function asDays({ start, end }: Span): Span {
  const first = Math.floor(start / DAY_MS) * DAY_MS
  const days = Math.max(1, Math.ceil((end - first) / DAY_MS))
  return { start: first, end: first + days * DAY_MS, allDay: true, tz: null }
}

function asTimes({ start, end }: Span, tz: string): Span {
  return { start: start + 9 * HOUR_MS, end: end - DAY_MS + 10 * HOUR_MS, allDay: false, tz }
}

function Moment({
  label,
  wall,
  hasTime,
  error,
  onChange,
}: {
  label: string
  wall: number
  hasTime: boolean
  /** The id of what is wrong with it. */
  error?: string | undefined
  onChange(wall: number): void
}) {
  const text = useMessages(messages)
  const local = formatLocal(wall, false)
  /** What is in the fields while it is no moment yet: a year that is being typed is 0002 first. */
  const [typed, setTyped] = useState<readonly [date: string, time: string] | null>(null)
  const [date, time] = typed ?? [local.slice(0, 10), local.slice(11, 16)]
  const change = (nextDate: string, nextTime: string) => {
    const read = nextDate >= '1000' ? parseLocal(`${nextDate}T${nextTime.slice(0, 5)}:00`) : null
    setTyped(read ? null : [nextDate, nextTime])
    if (read) onChange(read.wall)
  }
  const state = { required: true, 'aria-invalid': !!error, 'aria-describedby': error }
  return (
    <div
      className="editor-moment"
      role="group"
      aria-label={label}
      onBlur={(event) => hasLeft(event) && setTyped(null)}
    >
      <span>{label}</span>
      <input
        type="date"
        aria-label={`${label}, ${text.date}`}
        value={date}
        onChange={({ target }) => change(target.value, time)}
        {...state}
      />
      {hasTime && (
        <input
          type="time"
          aria-label={`${label}, ${text.time}`}
          value={time}
          step={300}
          onChange={({ target }) => change(date, target.value)}
          {...state}
        />
      )}
    </div>
  )
}

function ZoneField({
  value,
  onChange,
}: {
  value: string | null
  onChange(zone: string | null): void
}) {
  const text = useMessages(messages)
  const id = useId()
  const [typed, setTyped] = useState<string | null>(null)
  const shown = typed ?? value ?? ''
  const isKnown = shown === '' || isZone(shown)
  const change = (next: string) => {
    setTyped(next)
    if (next === '' || isZone(next)) onChange(next || null)
  }
  return (
    <div className="editor-field editor-zone">
      <label htmlFor={id}>{text.zone}</label>
      <input
        id={id}
        list={`${id}-zones`}
        value={shown}
        placeholder={text.floating}
        aria-invalid={!isKnown}
        aria-describedby={isKnown ? undefined : `${id}-error`}
        onChange={({ target }) => change(target.value)}
        onBlur={() => setTyped(null)}
      />
      <datalist id={`${id}-zones`}>
        {ZONES.map((zone) => (
          <option key={zone} value={zone} />
        ))}
      </datalist>
      {!isKnown && (
        <p className="error" id={`${id}-error`} role="alert">
          {text.noZone}
        </p>
      )}
    </div>
  )
}
