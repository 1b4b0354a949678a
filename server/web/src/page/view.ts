/** What this window shows: the state of the view, and nothing of the calendar itself. */

import { create } from 'zustand'
import { persist } from 'zustand/middleware'
import { isZone } from '../sdk/model/zone'
import type { EventPatch } from '../sdk/types'
import type { Language } from './i18n/messages'

export type ViewKind = 'month' | 'week' | 'day' | 'list'
export type Theme = 'system' | 'light' | 'dark'

/** An event, or one instance of it, in one of the projects shown. */
export interface Selection {
  project: string
  event: string
  recurrenceId: string | null
}

/** What else belongs to a draft that was put aside and is taken up again; each time another. */
export interface Aside {
  readonly at: number
  readonly description: string
}

/** What the side panel shows. */
export type Panel =
  | { kind: 'event'; selection: Selection }
  /** An event that is not there yet: made on save, or thrown away. */
  | { kind: 'draft'; project: string; fields: EventPatch; aside?: Aside }
  | { kind: 'bin' }
  | null

interface ViewState {
  kind: ViewKind
  /** A day within what is shown, as a date. */
  date: string
  /** The zone in which times are shown, IANA. */
  zone: string
  /** The one that was chosen; null: that of the machine, wherever it is. */
  ownZone: string | null
  language: Language
  theme: Theme
  /** Ids of the projects shown, in the order in which they were. */
  shown: string[]
  /** The line-up board that is shown instead of the calendars. */
  board: string | null
  /** The project in which new events are made. */
  target: string | null
  selection: Selection | null
  panel: Panel
  search: string
  /** The drawer with the projects, on a small screen. */
  drawer: boolean
  set(patch: Partial<Omit<ViewState, 'set'>>): void
  select(selection: Selection | null): void
  open(selection: Selection): void
}

/** Today in the zone, as a date. */
export function today(zone: string): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone: zone }).format(new Date())
}

/** The first day of a week, 0 is Sunday: by the country that the browser is set to. */
export function firstDayOf(language: string): number {
  const own = navigator.languages?.find((tag) => tag.startsWith(language)) ?? language
  const locale = new Intl.Locale(own) as Intl.Locale & WeekInfo
  return (locale.getWeekInfo?.() ?? locale.weekInfo ?? { firstDay: 7 }).firstDay % 7
}

/** Not in TypeScript's library yet; a property in some browsers, a function in others. */
interface WeekInfo {
  getWeekInfo?(): { firstDay: number }
  weekInfo?: { firstDay: number }
}

/** The zone of the machine. */
export const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC'

export const useView = create<ViewState>()(
  persist(
    (set) => ({
      kind: window.matchMedia?.('(max-width: 640px)').matches ? 'list' : 'month',
      date: today(ZONE),
      zone: ZONE,
      ownZone: null,
      language: navigator.language.toLowerCase().startsWith('ko') ? 'ko' : 'en',
      theme: 'system',
      shown: [],
      board: null,
      target: null,
      selection: null,
      panel: null,
      search: '',
      drawer: false,
      set: (patch) => set(patch),
      select: (selection) => set({ selection }),
      open: (selection) => set({ selection, panel: { kind: 'event', selection } }),
    }),
    {
      name: 'crdt-calendar/view',
      merge: (held, current) => {
        const { ownZone = null, ...rest } = (held ?? {}) as Partial<ViewState>
        const zone = ownZone !== null && isZone(ownZone) ? ownZone : ZONE
        return { ...current, ...rest, ownZone, zone, date: today(zone) }
      },
      partialize: ({ kind, ownZone, language, theme, shown, board, target }) => ({
        kind,
        ownZone,
        language,
        theme,
        shown,
        board,
        target,
      }),
    },
  ),
)
