/** What takes place within a span of time, out of all events; only what has changed is read again. */

import type { CalendarEvent, Instance, Override, When } from '../types'
import { fieldIn } from './event'
import { Held } from './held'
import { Budget, LOOKS, STARTS } from './moments'
import { Series } from './series'
import { DAY_MS, formatLocal } from './wall'
import { instantsOf, type Span, spanOf, startingAt, whenOf } from './when'

/** These are not drawn anew while nothing in them changes. */
const REMEMBERED_SPANS = 64
const MOST_INSTANCES = 20_000
const ALL_LOOKS = 6 * LOOKS
/** No zone is further from UTC than that. */
const ZONE_MARGIN_MS = DAY_MS

/** An event that takes place, and the span of local time in which it can. */
interface Entry {
  readonly event: CalendarEvent
  readonly span: Span
  readonly begins: number
  readonly ends: number
  readonly series: Series | null
  /** Instances with a time of their own, by recurrence id. */
  readonly moved: readonly {
    readonly id: string
    readonly span: Span
    readonly override: Override
  }[]
}

/** What was drawn for one span. */
interface Drawn {
  readonly from: number
  readonly to: number
  readonly zone: string
  readonly byEvent: Map<string, readonly Instance[]>
  all: readonly Instance[]
  isStale: boolean
}

/** The events of a calendar by time. */
export class Timeline {
  readonly #entries = new Map<string, Entry>()
  readonly #drawn = new Map<string, Drawn>()
  readonly #held = new Held(isSame)

  /** The event is there, or has changed; null: it is gone. */
  put(id: string, event: CalendarEvent | null): void {
    const before = this.#entries.get(id)
    const entry = event && entryOf(event)
    if (entry) this.#entries.set(id, entry)
    else this.#entries.delete(id)
    for (const drawn of this.#drawn.values()) {
      if (!concerns(before, drawn) && !concerns(entry, drawn)) continue
      drawn.byEvent.delete(id)
      drawn.isStale = true
    }
  }

  /** What takes place from `from` to before `to`, instants, by start. Who holds the array is given
   * the same one until it changes, however many other spans are asked for. */
  range(from: number, to: number, zone: string): readonly Instance[] {
    const name = `${from} ${to} ${zone}`
    const drawn = this.#recall(name, from, to, zone)
    if (drawn.isStale) {
      drawn.all = this.#held.give(name, this.#draw(drawn))
      drawn.isStale = false
    }
    return drawn.all
  }

  /** The instance with that recurrence id; the event itself for null. */
  instance(id: string, recurrenceId: string | null, zone: string): Instance | undefined {
    const entry = this.#entries.get(id)
    if (!entry) return undefined
    if (recurrenceId === null || !entry.series)
      return instanceOf(entry, null, entry.span, undefined, zone)
    const start = entry.series.startOf(recurrenceId)
    const override = entry.event.overrides.get(recurrenceId)
    if (start === null || override?.cancelled) return undefined
    const own = override?.when && spanOf(override.when)
    return instanceOf(entry, recurrenceId, own ?? startingAt(entry.span, start), override, zone)
  }

  #recall(name: string, from: number, to: number, zone: string): Drawn {
    const fresh = { from, to, zone, byEvent: new Map(), all: [], isStale: true }
    const drawn = this.#drawn.get(name) ?? fresh
    this.#drawn.delete(name)
    this.#drawn.set(name, drawn)
    for (const oldest of this.#drawn.keys()) {
      if (this.#drawn.size <= REMEMBERED_SPANS) break
      this.#drawn.delete(oldest)
    }
    return drawn
  }

  #draw(drawn: Drawn): Instance[] {
    const found: Instance[] = []
    let looks = ALL_LOOKS
    for (const [id, entry] of this.#entries) {
      if (!concerns(entry, drawn)) continue
      let instances = drawn.byEvent.get(id)
      if (!instances) {
        const budget = new Budget(Math.min(LOOKS, looks), STARTS)
        const most = budget.looks
        instances = instancesOf(entry, drawn, budget)
        looks -= most - Math.max(budget.looks, 0)
        drawn.byEvent.set(id, instances)
      }
      for (const instance of instances) if (found.length < MOST_INSTANCES) found.push(instance)
    }
    return found.sort(byTime)
  }
}

function entryOf(event: CalendarEvent): Entry | null {
  const span = event.when && !event.deleted ? spanOf(event.when) : null
  if (!span) return null
  const plain = { event, span, begins: span.start, ends: span.end, series: null, moved: [] }
  return event.recurrence ? seriesEntry(plain, new Series(span, event.recurrence)) : plain
}

function seriesEntry(plain: Entry, series: Series): Entry {
  const { event, span } = plain
  const moved = [...event.overrides].flatMap(([id, override]) => {
    const own = override.when && spanOf(override.when)
    const exists = !override.cancelled && series.startOf(id) !== null
    return own && exists ? [{ id, span: own, override }] : []
  })
  const last = series.last
  const ends = last === null ? Number.POSITIVE_INFINITY : last + (span.end - span.start)
  return {
    ...plain,
    series,
    moved,
    begins: Math.min(span.start, ...moved.map((one) => one.span.start)),
    ends: Math.max(ends, ...moved.map((one) => one.span.end)),
  }
}

function concerns(entry: Entry | null | undefined, { from, to }: Drawn): boolean {
  return !!entry && entry.begins < to + ZONE_MARGIN_MS && entry.ends >= from - ZONE_MARGIN_MS
}

function instancesOf(entry: Entry, drawn: Drawn, budget: Budget): Instance[] {
  const { event, span, series, moved } = entry
  if (!series) return within([instanceOf(entry, null, span, undefined, drawn.zone)], drawn)
  const lo = drawn.from - ZONE_MARGIN_MS - (span.end - span.start)
  const found = moved.map((one) => instanceOf(entry, one.id, one.span, one.override, drawn.zone))
  for (const start of series.starts(lo, drawn.to + ZONE_MARGIN_MS, budget)) {
    const id = formatLocal(start, span.allDay)
    const override = event.overrides.get(id)
    if (override?.cancelled || override?.when) continue
    found.push(instanceOf(entry, id, startingAt(span, start), override, drawn.zone))
  }
  return within(found, drawn)
}

function within(instances: readonly Instance[], { from, to }: Drawn): Instance[] {
  return instances.filter(({ start, end }) => start < to && (end > from || start >= from))
}

function instanceOf(
  { event }: Entry,
  recurrenceId: string | null,
  span: Span,
  override: Override | undefined,
  zone: string,
): Instance {
  const [start, end] = instantsOf(span, zone)
  const when: When = whenOf(span)
  return {
    key: recurrenceId === null ? event.id : `${event.id}/${recurrenceId}`,
    event,
    recurrenceId,
    when,
    start,
    end,
    allDay: span.allDay,
    title: fieldIn(event, override, 'title') as string,
    location: fieldIn(event, override, 'location') as string,
    color: fieldIn(event, override, 'color') as string,
    status: fieldIn(event, override, 'status') as string,
  }
}

function byTime(one: Instance, other: Instance): number {
  return one.start - other.start || one.end - other.end || (one.key < other.key ? -1 : 1)
}

/** Events are made anew when they change: the same instance of the same one is the same in a zone. */
function isSame(one: Instance, other: Instance): boolean {
  return one.event === other.event && one.recurrenceId === other.recurrenceId
}
