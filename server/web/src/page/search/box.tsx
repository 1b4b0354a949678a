/** Search over all open calendars: a combobox with a list of events below it. */

import { Search } from 'lucide-react'
import { useDeferredValue, useId, useMemo, useState } from 'react'
import { spanOf } from '../../sdk/model/when'
import type { CalendarEvent, Project } from '../../sdk/types'
import { onClock } from '../calendar/clock'
import { cssColor } from '../calendar/item'
import { goTo } from '../calendar/range'
import { defineMessages, useMessages } from '../i18n/messages'
import { common } from '../messages'
import { useView } from '../view'
import { projectColor, useOpenProjects } from '../workspace'

const messages = defineMessages(
  {
    search: 'Search events',
    none: 'Nothing found',
    found: (n: number) => (n === 1 ? '1 event found' : `${n} events found`),
    nearest: (shown: number, n: number) => `The nearest ${shown} of ${n}. Add a word to see fewer.`,
  },
  {
    search: '일정 검색',
    none: '찾은 일정이 없습니다',
    found: (n: number) => `일정 ${n}개 찾음`,
    nearest: (shown: number, n: number) =>
      `찾은 ${n}개 중 가까운 ${shown}개입니다. 단어를 더 입력해 보세요.`,
  },
)

const MOST = 50
const YEAR_MS = 366 * 86_400_000

interface Found {
  project: Project
  event: CalendarEvent
}

export function SearchBox() {
  const text = useMessages(messages)
  const { search, set } = useView()
  const projects = useOpenProjects()
  const words = useDeferredValue(search)
  const [at, setAt] = useState(0)
  const [isOpen, setOpen] = useState(false)
  const id = useId()
  const all = useMemo(() => find(projects, words), [projects, words])
  const found = all.slice(0, MOST)
  const isShown = isOpen && words.trim() !== ''
  const choose = (one: Found | undefined) => {
    if (!one) return
    const start = nearestStart(one)
    set({ search: '' })
    if (start) goTo(shownStart(one, start))
    useView.getState().open({
      project: one.project.id,
      event: one.event.id,
      recurrenceId: one.event.recurrence ? start : null,
    })
    setOpen(false)
  }
  const key = (event: React.KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return // the key is that of an input method
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (by) {
      const next = (at + by + found.length) % Math.max(1, found.length)
      setAt(next)
      document.getElementById(`${id}-${next}`)?.scrollIntoView({ block: 'nearest' })
    } // Who types fast is ahead of what is shown.
    else if (event.key === 'Enter') choose((words === search ? found : find(projects, search))[at])
    else if (event.key === 'Escape' && search) set({ search: '' })
    else return
    event.preventDefault()
  }
  return (
    <search className="search">
      <Search size={16} aria-hidden />
      <input
        className="search-input"
        type="search"
        value={search}
        placeholder={text.search}
        aria-label={text.search}
        role="combobox"
        aria-expanded={isShown}
        aria-controls={id}
        aria-activedescendant={isShown && found[at] ? `${id}-${at}` : undefined}
        autoComplete="off"
        onChange={({ target }) => {
          set({ search: target.value })
          setAt(0)
          setOpen(true)
        }}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={key}
      />
      {isShown && (
        <div className="search-results">
          <p role="status" className={found.length ? 'hidden' : 'hint'}>
            {all.length ? text.found(all.length) : text.none}
          </p>
          <ul id={id} role="listbox" aria-label={text.search}>
            {found.map((one, index) => (
              // biome-ignore lint/a11y/useKeyWithClickEvents: by keyboard it is chosen in the box
              <li
                key={`${one.project.id} ${one.event.id}`}
                id={`${id}-${index}`}
                role="option"
                aria-selected={index === at}
                onMouseDown={(event) => event.preventDefault()}
                onClick={() => choose(one)}
              >
                <Result found={one} words={words} />
              </li>
            ))}
          </ul>
          {all.length > found.length && (
            <p className="hint search-more">{text.nearest(found.length, all.length)}</p>
          )}
        </div>
      )}
    </search>
  )
}

function Result({ found: { project, event }, words }: { found: Found; words: string }) {
  const language = useView((view) => view.language)
  const names = useMessages(common)
  const start = event.when?.start
  const date =
    start &&
    new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeZone: 'UTC' }).format(
      Date.parse(`${start.slice(0, 10)}T00:00:00Z`),
    )
  return (
    <>
      <span
        className="swatch-dot"
        style={{ background: cssColor(event.color || projectColor(project.id)) }}
      />
      <span className="search-title">
        <Marked text={event.title || names.untitled} words={words} />
        {event.location && (
          <small>
            <Marked text={event.location} words={words} />
          </small>
        )}
      </span>
      <small>{date}</small>
    </>
  )
}

function Marked({ text, words }: { text: string; words: string }) {
  const wanted = words
    .trim()
    .split(/\s+/)
    .map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  const parts = text.split(new RegExp(`(${wanted.join('|')})`, 'i'))
  // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one text do not move
  return <>{parts.map((part, at) => (at % 2 ? <mark key={at}>{part}</mark> : part))}</>
}

/** When the event takes place next; of a series that is over, when it began. */
function nearestStart({ project, event }: Found): string | null {
  if (!event.recurrence) return event.when?.start ?? null
  const now = Date.now()
  const soon = project.calendar.range(now, now + YEAR_MS, useView.getState().zone)
  return (
    soon.find((instance) => instance.event === event)?.recurrenceId ?? event.when?.start ?? null
  )
}

/** Where on the page that is: on its clock, not on that of the event. */
function shownStart({ project, event }: Found, start: string): string {
  const { zone } = useView.getState()
  const recurrenceId = event.recurrence ? start : null
  const when = project.calendar.instance(event.id, recurrenceId, zone)?.when ?? event.when
  return when ? onClock(when, zone).start : start
}

/** The nearest first, whichever calendar they are in. */
function find(projects: readonly Project[], words: string): Found[] {
  if (!words.trim()) return []
  const now = Date.now()
  const distance = ({ event }: Found) =>
    Math.abs(((event.when && spanOf(event.when))?.start ?? 0) - now)
  const found = projects.flatMap((project) =>
    project.calendar
      .search(words, now, Number.POSITIVE_INFINITY)
      .map((event) => ({ project, event })),
  )
  return projects.length > 1 ? found.sort((one, other) => distance(one) - distance(other)) : found
}
