/** The calendar itself: month, week, day and list, with everybody else in it. */

import FullCalendar, {
  type CalendarRef,
  type DateSpanApi,
  type DayHeaderInfo,
  type EventApi,
} from '@fullcalendar/react'
import dayGrid from '@fullcalendar/react/daygrid'
import interaction from '@fullcalendar/react/interaction'
import list from '@fullcalendar/react/list'
import korean from '@fullcalendar/react/locales/ko'
import theme from '@fullcalendar/react/themes/breezy'
import timeGrid from '@fullcalendar/react/timegrid'
import '@fullcalendar/react/skeleton.css'
import '@fullcalendar/react/themes/breezy/theme.css'
import './calendar.css'
import { Plus } from 'lucide-react'
import { useEffect, useRef } from 'react'
import { wallOf } from '../../sdk/model/zone'
import type { When } from '../../sdk/types'
import { useMessages } from '../i18n/messages'
import { firstDayOf, useView, type ViewKind } from '../view'
import { useOpenProjects, workspace } from '../workspace'
import { begin, move, selectionOf } from './actions'
import { fromClock } from './clock'
import { type Drawn, useDrawn } from './drawn'
import { Item } from './item'
import { useKeys } from './keys'
import { messages } from './messages'
import { Pointers, usePointer } from './pointers'
import { hasSwiped, useSwipe } from './swipe'
import { useVisible } from './visible'

const VIEWS: Record<ViewKind, string> = {
  month: 'dayGridMonth',
  week: 'timeGridWeek',
  day: 'timeGridDay',
  list: 'listMonth',
}
const PLUGINS = [dayGrid, timeGrid, list, interaction, theme]
const LOCALES = [korean]
const VIEW_OPTIONS = { timeGridWeek: { dayHeaderContent: DayHead } }
const DRAG_MS = 50
const MARGIN_PX = 10

export function CalendarGrid() {
  const text = useMessages(messages)
  const { kind, date, zone, language, drawer, panel } = useView()
  const calendar = useRef<CalendarRef>(null)
  const root = useRef<HTMLDivElement>(null)
  const events = useDrawn()
  useShown(calendar, kind, date)
  useSeek(calendar, root, kind, events)
  useShowing()
  useKeys(root)
  useSwipe(root)
  usePointer(root)
  return (
    <div className="calendar" ref={root} role="region" aria-label={text.calendar}>
      <FullCalendar
        ref={calendar}
        plugins={PLUGINS}
        initialView={VIEWS[kind]}
        initialDate={date}
        timeZone="UTC"
        now={() => new Date(wallOf(Date.now(), zone)).toISOString().slice(0, 19)}
        nowIndicator
        locales={LOCALES}
        locale={language}
        firstDay={firstDayOf(language)}
        headerToolbar={false}
        height="100%"
        expandRows
        events={events}
        eventContent={(info) => <Item {...info} />}
        eventClass="calendar-event"
        eventDisplay="block"
        eventInteractive
        eventMinHeight={20}
        slotMinHeight={30}
        eventShortHeight={46}
        eventResizableFromStart
        eventTimeFormat={{
          hour: 'numeric',
          minute: '2-digit',
          meridiem: 'short',
          omitZeroMinute: language === 'en',
        }}
        displayEventEnd={kind === 'list'}
        dayMaxEvents
        moreLinkClass="calendar-more"
        fixedWeekCount={false}
        moreLinkClick={() => {
          setTimeout(keepInside)
          return 'popover'
        }}
        popoverClass="calendar-popover"
        views={VIEW_OPTIONS}
        scrollTime="08:00:00"
        slotDuration="00:30:00"
        snapDuration="00:15:00"
        allDayMaintainDuration
        forceEventDuration
        selectable
        selectMirror
        selectMinDistance={4}
        unselectAuto
        longPressDelay={400}
        navLinks={kind === 'month'}
        navLinkDayClick={(day) =>
          useView.getState().set({ kind: 'day', date: day.toISOString().slice(0, 10) })
        }
        noEventsContent={text.noEvents}
        datesSet={({ start, end, view }) => {
          const dateOf = (day: Date) => day.toISOString().slice(0, 10)
          const title = { start: dateOf(view.currentStart), end: dateOf(view.currentEnd) }
          useVisible.setState({
            kind: useView.getState().kind,
            start: dateOf(start),
            end: dateOf(end),
            title,
          })
        }}
        select={({ start, end, allDay, view }) => {
          const isMonth = view.type === 'dayGridMonth'
          if (isMonth && end.getTime() - start.getTime() <= 86_400_000) return // a click is no drag
          begin(fromClock(null, start, end, allDay, zone))
          calendar.current?.getApi().unselect()
        }}
        dateClick={({ date: day, allDay, jsEvent, view }) => {
          if (hasSwiped()) return
          const at = day.toISOString().slice(0, 10)
          const isTap = !(jsEvent instanceof MouseEvent)
          useView.getState().set({ selection: null, date: at })
          if (isTap && view.type === 'dayGridMonth') return useView.getState().set({ kind: 'day' })
          if (isTap || jsEvent.detail > 1)
            begin(allDay ? undefined : fromClock(null, day, null, false, zone))
        }}
        eventClick={({ event, jsEvent }) => {
          jsEvent.preventDefault()
          const { project, instance, ghost } = event.extendedProps as Drawn
          if (!ghost) useView.getState().open(selectionOf(project, instance))
        }}
        eventAllow={(span, event) => {
          showDrag(span, event)
          return true
        }}
        eventDragStart={beginDrag}
        eventResizeStart={beginDrag}
        eventDragStop={endDrag}
        eventResizeStop={endDrag}
        eventDrop={({ event, revert }) => void drop(event, revert)}
        eventResize={({ event, revert }) => void drop(event, revert)}
      />
      <Pointers root={root} />
      {!drawer && !panel && (
        <button
          type="button"
          className="calendar-add"
          aria-label={text.newEvent}
          onClick={() => begin()}
        >
          <Plus size={24} aria-hidden />
        </button>
      )}
    </div>
  )
}

/** The head of a day of a week: FullCalendar leaves the date out of a narrow one. */
function DayHead({ date, isToday, isNarrow }: DayHeaderInfo) {
  const { language } = useView.getState()
  const weekday = new Intl.DateTimeFormat(language, {
    weekday: 'short',
    timeZone: 'UTC',
  }).format(date)
  const kinds = [
    'calendar-head',
    isToday && 'calendar-head-today',
    isNarrow && 'calendar-head-narrow',
  ]
  return (
    <span className={kinds.filter(Boolean).join(' ')}>
      {weekday} <strong>{date.getUTCDate()}</strong>
    </span>
  )
}

/** Bring what has been asked for into sight: a day of the list, or a time of the day. */
function useSeek(
  calendar: React.RefObject<CalendarRef | null>,
  root: React.RefObject<HTMLElement | null>,
  kind: ViewKind,
  events: readonly unknown[],
): void {
  const sought = useVisible((visible) => visible.sought)
  const done = useRef<readonly unknown[]>([])
  useEffect(() => {
    const isDone = done.current[0] === kind && done.current[1] === sought
    if (isDone || !events.length) return
    // After the grid has been drawn, and has gone to where it begins.
    const timer = setTimeout(() => {
      done.current = [kind, sought]
      if (kind === 'list') seekDay(root.current, useView.getState().date)
      else if (sought.time) calendar.current?.getApi().scrollToTime(anHourBefore(sought.time))
    }, 50)
    return () => clearTimeout(timer)
  }, [calendar, root, kind, events, sought])
}

/** FullCalendar lets the events of a day hang out of the page at the bottom. */
function keepInside(): void {
  const popover = document.querySelector<HTMLElement>('.calendar-popover')
  const { top = 0, bottom = 0 } = popover?.getBoundingClientRect() ?? {}
  const over = bottom + MARGIN_PX - window.innerHeight
  if (popover && over > 0) popover.style.top = `${Math.max(MARGIN_PX, top - over)}px`
}

function seekDay(root: HTMLElement | null, date: string): void {
  const days = [...(root?.querySelectorAll<HTMLElement>('[data-date]') ?? [])]
  days.find(({ dataset }) => (dataset.date ?? '') >= date)?.scrollIntoView({ block: 'start' })
}

function anHourBefore(time: string): string {
  return `${String(Math.max(0, Number(time.slice(0, 2)) - 1)).padStart(2, '0')}${time.slice(2)}`
}

/** Show the view and the date that the page says. */
function useShown(
  calendar: React.RefObject<CalendarRef | null>,
  kind: ViewKind,
  date: string,
): void {
  useEffect(() => {
    const api = calendar.current?.getApi()
    if (!api) return
    // Not while React renders: FullCalendar renders synchronously.
    queueMicrotask(() => {
      if (api.view.type !== VIEWS[kind]) api.changeView(VIEWS[kind], date)
      else api.gotoDate(date)
    })
  }, [calendar, kind, date])
}

/** Show others what is on screen here, and what is selected. */
function useShowing(): void {
  const projects = useOpenProjects()
  const { kind, start, end } = useVisible()
  const selection = useView((view) => view.selection)
  useEffect(() => {
    if (!start) return
    for (const { presence } of projects) presence.show({ view: { kind, start, end } })
  }, [projects, kind, start, end])
  useEffect(() => {
    for (const { id, presence } of projects) {
      const isHere = selection?.project === id
      presence.show({
        selected:
          isHere && selection
            ? { event: selection.event, recurrenceId: selection.recurrenceId }
            : null,
      })
    }
  }, [projects, selection])
}

let dragShownAt = 0
let isDragging = false
let dragged: Drawn | null = null

function beginDrag(): void {
  isDragging = true
}

/** FullCalendar asks whether an event may go where it is dragged: so we know where that is. */
function showDrag(span: DateSpanApi, event: EventApi | null): void {
  const drawn = event?.extendedProps as Drawn | undefined
  // It asks once more when the event has been dropped.
  if (!isDragging || !drawn?.instance || Date.now() - dragShownAt < DRAG_MS) return
  dragShownAt = Date.now()
  dragged = drawn
  const { instance, project } = drawn
  const when: When = fromClock(
    instance.when,
    span.start,
    span.end,
    span.allDay,
    useView.getState().zone,
  )
  presenceOf(project)?.show({
    dragging: { event: instance.event.id, recurrenceId: instance.recurrenceId, when },
  })
}

function endDrag(): void {
  isDragging = false
  if (dragged) presenceOf(dragged.project)?.show({ dragging: null })
  dragged = null
  dragShownAt = 0
}

function presenceOf(project: string) {
  return workspace.getSnapshot().open.find(({ id }) => id === project)?.presence
}

async function drop(event: EventApi, revert: () => void): Promise<void> {
  const { project, instance } = event.extendedProps as Drawn
  const { start, end, allDay } = event
  if (!start) return
  const when = fromClock(instance.when, start, end, allDay, useView.getState().zone)
  if (!(await move(project, instance, when))) revert()
}
