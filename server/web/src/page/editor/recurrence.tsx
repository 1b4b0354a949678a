/** How an event repeats, to be read and changed without knowing RFC 5545. */

import { useId, useState } from 'react'
import type { Recurrence, When } from '../../sdk/types'
import { defineMessages, useMessages } from '../i18n/messages'
import { firstDayOf, useView } from '../view'
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
import { tenthDayOf, untilEndOf } from './until'

const messages = defineMessages(
  {
    never: 'Does not repeat',
    daily: 'Every day',
    weekdays: 'Every weekday',
    weekly: 'Every week',
    monthlyDay: 'Every month, same day',
    monthlyNth: 'Every month, same weekday',
    yearly: 'Every year',
    custom: 'As it is',
    every: 'Every',
    days: 'days',
    weeks: 'weeks',
    months: 'months',
    years: 'years',
    on: 'On',
    ends: 'Ends',
    endNever: 'never',
    endOn: 'on',
    endAfter: 'after',
    times: 'times',
    endsEarly: 'The last day is before the first event.',
    extra: (n: number) => `and on ${n} further dates`,
  },
  {
    never: '반복 안 함',
    daily: '매일',
    weekdays: '평일마다',
    weekly: '매주',
    monthlyDay: '매월 같은 날',
    monthlyNth: '매월 같은 요일',
    yearly: '매년',
    custom: '현재 규칙 유지',
    every: '간격',
    days: '일',
    weeks: '주',
    months: '개월',
    years: '년',
    on: '요일',
    ends: '종료',
    endNever: '없음',
    endOn: '날짜',
    endAfter: '횟수',
    times: '회',
    endsEarly: '마지막 날이 첫 일정보다 앞섭니다.',
    extra: (n: number) => `그 밖의 날짜 ${n}개`,
  },
)

const UNITS = {
  daily: 'days',
  weekdays: 'weeks',
  weekly: 'weeks',
  monthlyDay: 'months',
  monthlyNth: 'months',
  yearly: 'years',
} as const

type Rule = NonNullable<ReturnType<typeof parseRule>>

interface Props {
  value: Recurrence | null
  /** When the series begins, or would. */
  first: When
  disabled: boolean
  /** Why it is disabled. */
  hint: string
  onChange(value: Recurrence | null): void
}

export function RecurrenceEditor({ value, first, disabled, hint, onChange }: Props) {
  const text = useMessages(messages)
  const words = useMessages(common)
  const language = useView((view) => view.language)
  const id = useId()
  const rule = value?.rrule ? parseRule(value.rrule) : null
  const shape = rule && shapeOf(rule)
  const write = (next: Rule) => onChange({ ...value, rrule: formatRule(next) })
  const choose = (chosen: string) => {
    if (chosen === 'never') onChange(null)
    else if (chosen !== 'custom') write(ruleOf(chosen as Shape, first.start, rule))
  }
  return (
    <div className="editor-field">
      <label htmlFor={id}>{words.repeat}</label>
      <select
        id={id}
        value={value ? (shape ?? 'custom') : 'never'}
        disabled={disabled}
        aria-describedby={hint ? `${id}-hint` : undefined}
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
          {recurrenceWords(value.rrule, first.start, language, first.tz)}
          {value.rdate && `, ${text.extra(value.rdate.length)}`}
        </p>
      )}
      {hint && (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {rule && shape && !disabled && (
        <Details rule={asWeekly(rule, shape)} shape={shape} first={first} write={write} />
      )}
    </div>
  )
}

/** Every weekday may have been said as every day from Monday to Friday. */
function asWeekly(rule: Rule, shape: Shape): Rule {
  return shape === 'weekdays' ? { ...rule, freq: 'WEEKLY' } : rule
}

function Details({
  rule,
  shape,
  first,
  write,
}: {
  rule: Rule
  shape: Shape
  first: When
  write(rule: Rule): void
}) {
  const text = useMessages(messages)
  const id = useId()
  const end = rule.count !== null ? 'after' : rule.until ? 'on' : 'never'
  const until = (date: string) => {
    const bound = untilEndOf(date, first)
    if (bound) write({ ...rule, count: null, until: bound })
  }
  const setEnd = (kind: string) => {
    if (kind === 'never') write({ ...rule, count: null, until: null })
    else if (kind === 'after') write({ ...rule, count: 10, until: null })
    else until(tenthDayOf(rule, first))
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
        <span>{text[UNITS[shape]]}</span>
      </label>
      {UNITS[shape] === 'weeks' && <Weekdays rule={rule} write={write} />}
      <div className="recurrence-row">
        <label htmlFor={id}>{text.ends}</label>
        <select id={id} value={end} onChange={({ target }) => setEnd(target.value)}>
          <option value="never">{text.endNever}</option>
          <option value="on">{text.endOn}</option>
          <option value="after">{text.endAfter}</option>
        </select>
        {end === 'on' && (
          <LastDay
            value={untilDate(rule, first)}
            least={first.start.slice(0, 10)}
            onChange={until}
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
      </div>
    </div>
  )
}

function LastDay({
  value,
  least,
  onChange,
}: {
  value: string
  least: string
  onChange(date: string): void
}) {
  const text = useMessages(messages)
  const id = useId()
  /** What is in the field while it is no last day: a year that is being typed is 0002 first. */
  const [typed, setTyped] = useState<string | null>(null)
  const isEarly = typed !== null && typed >= '1000' && typed < least
  const change = (date: string) => {
    setTyped(date < least ? date : null)
    if (date >= least) onChange(date)
  }
  return (
    <>
      <input
        type="date"
        aria-label={text.endOn}
        aria-invalid={isEarly}
        aria-describedby={isEarly ? id : undefined}
        value={typed ?? value}
        onChange={({ target }) => change(target.value)}
        onBlur={() => !isEarly && setTyped(null)}
      />
      {isEarly && (
        <p className="error" id={id} role="alert">
          {text.endsEarly}
        </p>
      )}
    </>
  )
}

function Weekdays({ rule, write }: { rule: Rule; write(rule: Rule): void }) {
  const text = useMessages(messages)
  const language = useView((view) => view.language)
  const chosen = new Set(rule.byDay.map(([, day]) => day))
  /** As the weeks of the calendar begin; 0 is Monday here. */
  const first = (firstDayOf(language) + 6) % 7
  const toggle = (day: number) => {
    const next = chosen.has(day) ? [...chosen].filter((one) => one !== day) : [...chosen, day]
    if (next.length) write({ ...rule, byDay: next.sort().map((one) => [0, one] as const) })
  }
  return (
    <fieldset className="recurrence-days">
      <legend className="hidden">{text.on}</legend>
      {WEEKDAYS.map((_, at) => (first + at) % 7).map((day) => (
        <button
          key={day}
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
