/** How an event repeats, to be read and changed without knowing RFC 5545. */

import { useId } from 'react'
import { parseLocal } from '../../sdk/model/wall'
import type { Recurrence } from '../../sdk/types'
import { defineMessages, useMessages } from '../i18n/messages'
import { useView } from '../view'
import { messages as common } from './messages'
import {
  formatRule,
  parseRule,
  recurrenceWords,
  ruleOf,
  SHAPES,
  type Shape,
  shapeOf,
  untilDate,
  WEEKDAYS,
  weekdayName,
} from './recurrence-words'

const messages = defineMessages(
  {
    never: 'Does not repeat',
    daily: 'Every day',
    weekly: 'Every week',
    monthlyDay: 'Every month, same day',
    monthlyNth: 'Every month, same weekday',
    yearly: 'Every year',
    custom: 'As it is',
    every: 'Every',
    units: 'days,weeks,months,months,years',
    on: 'On',
    ends: 'Ends',
    endNever: 'never',
    endOn: 'on',
    endAfter: 'after',
    times: 'times',
    extra: (n: number) => `and on ${n} further dates`,
  },
  {
    never: '반복 안 함',
    daily: '매일',
    weekly: '매주',
    monthlyDay: '매월 같은 날',
    monthlyNth: '매월 같은 요일',
    yearly: '매년',
    custom: '현재 규칙 유지',
    every: '간격',
    units: '일,주,개월,개월,년',
    on: '요일',
    ends: '종료',
    endNever: '없음',
    endOn: '날짜',
    endAfter: '횟수',
    times: '회',
    extra: (n: number) => `그 밖의 날짜 ${n}개`,
  },
)

type Rule = NonNullable<ReturnType<typeof parseRule>>

interface Props {
  value: Recurrence | null
  start: string
  disabled: boolean
  onChange(value: Recurrence | null): void
}

export function RecurrenceEditor({ value, start, disabled, onChange }: Props) {
  const text = useMessages(messages)
  const words = useMessages(common)
  const language = useView((view) => view.language)
  const id = useId()
  const rule = value?.rrule ? parseRule(value.rrule) : null
  const shape = rule && shapeOf(rule)
  const write = (next: Rule) => onChange({ ...value, rrule: formatRule(next) })
  const choose = (chosen: string) => {
    if (chosen === 'never') onChange(null)
    else if (chosen !== 'custom') write(ruleOf(chosen as Shape, start, rule))
  }
  return (
    <div className="editor-field">
      <label htmlFor={id}>{words.repeat}</label>
      <select
        id={id}
        value={value ? (shape ?? 'custom') : 'never'}
        disabled={disabled}
        onChange={({ target }) => choose(target.value)}
      >
        <option value="never">{text.never}</option>
        {SHAPES.map((one) => (
          <option key={one} value={one}>
            {text[one]}
          </option>
        ))}
        {value && !shape && <option value="custom">{text.custom}</option>}
      </select>
      {value?.rrule && (
        <p className="editor-words">
          {recurrenceWords(value.rrule, start, language)}
          {value.rdate && `, ${text.extra(value.rdate.length)}`}
        </p>
      )}
      {rule && shape && !disabled && (
        <Details rule={rule} shape={shape} start={start} write={write} />
      )}
    </div>
  )
}

function Details({
  rule,
  shape,
  start,
  write,
}: {
  rule: Rule
  shape: Shape
  start: string
  write(rule: Rule): void
}) {
  const text = useMessages(messages)
  const end = rule.count !== null ? 'after' : rule.until ? 'on' : 'never'
  const until = (date: string) => {
    const local = parseLocal(date)
    if (local)
      write({ ...rule, count: null, until: { wall: local.wall, isDate: true, utc: false } })
  }
  const setEnd = (kind: string) => {
    if (kind === 'never') write({ ...rule, count: null, until: null })
    else if (kind === 'after') write({ ...rule, count: 10, until: null })
    else until(start.slice(0, 10))
  }
  const positive = (value: string) => Math.max(1, Math.min(999, Number(value) || 1))
  return (
    <div className="recurrence">
      <label className="recurrence-row">
        {text.every}
        <input
          type="number"
          min={1}
          max={999}
          value={rule.interval}
          onChange={({ target }) => write({ ...rule, interval: positive(target.value) })}
        />
        <span>{text.units.split(',')[SHAPES.indexOf(shape)]}</span>
      </label>
      {shape === 'weekly' && <Weekdays rule={rule} write={write} />}
      <label className="recurrence-row">
        {text.ends}
        <select value={end} onChange={({ target }) => setEnd(target.value)}>
          <option value="never">{text.endNever}</option>
          <option value="on">{text.endOn}</option>
          <option value="after">{text.endAfter}</option>
        </select>
        {end === 'on' && (
          <input
            type="date"
            aria-label={text.endOn}
            value={untilDate(rule)}
            onChange={({ target }) => until(target.value)}
          />
        )}
        {end === 'after' && (
          <input
            type="number"
            min={1}
            max={999}
            aria-label={text.times}
            value={rule.count ?? 1}
            onChange={({ target }) => write({ ...rule, count: positive(target.value) })}
          />
        )}
        {end === 'after' && <span>{text.times}</span>}
      </label>
    </div>
  )
}

function Weekdays({ rule, write }: { rule: Rule; write(rule: Rule): void }) {
  const text = useMessages(messages)
  const language = useView((view) => view.language)
  const chosen = new Set(rule.byDay.map(([, day]) => day))
  const toggle = (day: number) => {
    const next = chosen.has(day) ? [...chosen].filter((one) => one !== day) : [...chosen, day]
    if (next.length) write({ ...rule, byDay: next.sort().map((one) => [0, one] as const) })
  }
  return (
    <fieldset className="recurrence-days">
      <legend className="hidden">{text.on}</legend>
      {WEEKDAYS.map((name, day) => (
        <button
          key={name}
          type="button"
          aria-pressed={chosen.has(day)}
          aria-label={weekdayName(day, language)}
          onClick={() => toggle(day)}
        >
          {weekdayName(day, language, 'narrow')}
        </button>
      ))}
    </fieldset>
  )
}
