/** A small month: any date is two keys away; where others look is marked. */

import { ChevronLeft, ChevronRight } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { dayOf, formatLocal, parseLocal, weekdayOf } from '../../sdk/model/wall'
import { stepped } from '../calendar/range'
import { useVisible } from '../calendar/visible'
import { useMessages } from '../i18n/messages'
import { useEveryone } from '../people/people'
import { firstDayOf, today, useView } from '../view'
import { messages } from './messages'

const DAY_MS = 86_400_000

/** The weeks of the month of a date, as dates; weeks begin on `firstDay` (0: Sunday). */
export function weeksOf(date: string, firstDay: number): string[][] {
  const first = parseLocal(`${date.slice(0, 7)}-01`)?.wall ?? 0
  const before = (weekdayOf(dayOf(first)) + 1 - firstDay + 7) % 7
  const days = Array.from({ length: 42 }, (_, at) =>
    formatLocal(first + (at - before) * DAY_MS, true),
  )
  const weeks = Array.from({ length: 6 }, (_, at) => days.slice(at * 7, at * 7 + 7))
  return weeks.filter(
    (week, at) => at < 4 || week.some((day) => day.slice(0, 7) === date.slice(0, 7)),
  )
}

const KEYS: Readonly<Record<string, number>> = {
  ArrowLeft: -1,
  ArrowRight: 1,
  ArrowUp: -7,
  ArrowDown: 7,
}

export function MiniMonth() {
  const text = useMessages(messages)
  const { date, zone, language, set } = useView()
  const [month, setMonth] = useState(date)
  const grid = useRef<HTMLTableElement>(null)
  useEffect(() => setMonth(date), [date])
  const firstDay = firstDayOf(language)
  const weeks = weeksOf(month, firstDay)
  const format = (options: Intl.DateTimeFormatOptions, day: string) =>
    new Intl.DateTimeFormat(language, { ...options, timeZone: 'UTC' }).format(
      parseLocal(day)?.wall ?? 0,
    )
  const walk = (event: React.KeyboardEvent) => {
    const by = KEYS[event.key]
    if (!by) return
    event.preventDefault()
    event.stopPropagation()
    set({ date: formatLocal((parseLocal(date)?.wall ?? 0) + by * DAY_MS, true) })
    requestAnimationFrame(() => grid.current?.querySelector<HTMLElement>('[tabindex="0"]')?.focus())
  }
  const now = today(zone)
  return (
    <div className="mini">
      <div className="mini-head">
        <span className="mini-title">{format({ year: 'numeric', month: 'long' }, month)}</span>
        <button
          type="button"
          className="icon-button icon-small"
          aria-label={text.previousMonth}
          onClick={() => setMonth(stepped('month', month, -1))}
        >
          <ChevronLeft size={16} aria-hidden />
        </button>
        <button
          type="button"
          className="icon-button icon-small"
          aria-label={text.nextMonth}
          onClick={() => setMonth(stepped('month', month, 1))}
        >
          <ChevronRight size={16} aria-hidden />
        </button>
      </div>
      <table
        ref={grid}
        role="grid"
        aria-label={format({ year: 'numeric', month: 'long' }, month)}
        onKeyDown={walk}
      >
        <thead>
          <tr>
            {weeks[0]?.map((day) => (
              <th key={day} scope="col" abbr={format({ weekday: 'long' }, day)}>
                {format({ weekday: 'narrow' }, day)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {weeks.map((week) => (
            <tr key={week[0]}>
              {week.map((day) => (
                <td key={day}>
                  <button
                    type="button"
                    className={[
                      'mini-day',
                      day === now && 'mini-today',
                      day === date && 'mini-chosen',
                      day.slice(0, 7) !== month.slice(0, 7) && 'mini-other',
                    ]
                      .filter(Boolean)
                      .join(' ')}
                    tabIndex={
                      day === date || (!weeks.flat().includes(date) && day === weeks[1]?.[0])
                        ? 0
                        : -1
                    }
                    aria-current={day === now ? 'date' : undefined}
                    aria-pressed={day === date}
                    aria-label={format({ dateStyle: 'full' }, day)}
                    onClick={() => set({ date: day, drawer: false })}
                  >
                    {Number(day.slice(8))}
                  </button>
                </td>
              ))}
              <Lookers week={week} />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** Who else looks at that week, but not at the same range as this window. */
function Lookers({ week }: { week: string[] }) {
  const text = useMessages(messages)
  const own = useVisible((visible) => visible.start)
  const there = useEveryone()
    .filter(
      ({ view }) =>
        view && view.start !== own && view.start <= (week[6] ?? '') && view.end > (week[0] ?? ''),
    )
    .slice(0, 3)
  return (
    <td className="mini-lookers">
      {there.map(({ user }) => (
        <span key={user.id} style={{ background: user.color }} title={text.looking(user.name)} />
      ))}
    </td>
  )
}
