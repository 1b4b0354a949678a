/** When: dates and times, whole days, and the zone they are in. */

import { useId, useState } from 'react'
import { formatLocal, parseLocal } from '../../sdk/model/wall'
import { instantsOf, spanOf, whenOf } from '../../sdk/model/when'
import { isZone } from '../../sdk/model/zone'
import type { When } from '../../sdk/types'
import { useMessages } from '../i18n/messages'
import { useView } from '../view'
import { messages } from './messages'

const DAY_MS = 86_400_000
const ZONES = ['UTC', ...(Intl.supportedValuesOf?.('timeZone') ?? [])]

interface Props {
  value: When
  disabled: boolean
  onChange(value: When): void
}

export function WhenField({ value, disabled, onChange }: Props) {
  const text = useMessages(messages)
  const { zone, language } = useView()
  const span = spanOf(value)
  if (!span) return null
  const { start, end, allDay, tz } = span
  /** The end follows the start. */
  const setStart = (next: number) =>
    onChange(whenOf({ ...span, start: next, end: next + end - start }))
  const setEnd = (next: number) =>
    onChange(whenOf({ ...span, end: Math.max(next, allDay ? start + DAY_MS : start) }))
  const setWhole = (isWhole: boolean) => {
    const first = Math.floor(start / DAY_MS) * DAY_MS
    const days = Math.max(1, Math.ceil((end - first) / DAY_MS))
    if (isWhole)
      onChange(whenOf({ start: first, end: first + days * DAY_MS, allDay: true, tz: null }))
    else
      onChange(
        whenOf({
          start: first + 9 * 3_600_000,
          end: first + (days - 1) * DAY_MS + 10 * 3_600_000,
          allDay: false,
          tz: zone,
        }),
      )
  }
  const [from] = instantsOf(span, zone)
  const here = new Intl.DateTimeFormat(language, {
    dateStyle: 'medium',
    timeStyle: 'short',
    timeZone: zone,
  }).format(from)
  return (
    <fieldset className="editor-when" disabled={disabled}>
      <label className="switch">
        <input
          type="checkbox"
          checked={allDay}
          onChange={({ target }) => setWhole(target.checked)}
        />
        {text.wholeDay}
      </label>
      <Moment label={text.starts} wall={start} hasTime={!allDay} onChange={setStart} />
      <Moment
        label={text.ends}
        wall={allDay ? end - DAY_MS : end}
        hasTime={!allDay}
        onChange={(wall) => setEnd(allDay ? wall + DAY_MS : wall)}
      />
      {!allDay && (
        <ZoneField value={tz} onChange={(next) => onChange(whenOf({ ...span, tz: next }))} />
      )}
      {!allDay && tz !== null && tz !== zone && (
        <p className="editor-words">{text.zoneHere(here)}</p>
      )}
    </fieldset>
  )
}

function Moment({
  label,
  wall,
  hasTime,
  onChange,
}: {
  label: string
  wall: number
  hasTime: boolean
  onChange(wall: number): void
}) {
  const text = useMessages(messages)
  const local = formatLocal(wall, false)
  const write = (date: string, time: string) => {
    const read = parseLocal(`${date}T${time.slice(0, 5)}:00`)
    // A year that is being typed is 0002, 0020 and 0202 first.
    if (read && date >= '1000') onChange(read.wall)
  }
  return (
    <div className="editor-moment">
      <span>{label}</span>
      <input
        type="date"
        aria-label={`${label}, ${text.date}`}
        value={local.slice(0, 10)}
        onChange={({ target }) => write(target.value, local.slice(11))}
        required
      />
      {hasTime && (
        <input
          type="time"
          aria-label={`${label}, ${text.time}`}
          value={local.slice(11, 16)}
          step={300}
          onChange={({ target }) => write(local.slice(0, 10), target.value)}
          required
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
        onChange={({ target }) => change(target.value)}
        onBlur={() => setTyped(null)}
      />
      <datalist id={`${id}-zones`}>
        {ZONES.map((zone) => (
          <option key={zone} value={zone} />
        ))}
      </datalist>
      {!isKnown && <p className="error">{text.noZone}</p>}
    </div>
  )
}
