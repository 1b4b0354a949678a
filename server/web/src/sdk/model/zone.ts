/** Time zones: local time to instant and back, by what the browser knows of zones (Intl). */

import { DAY_MS, dayOf } from './wall'

const QUARTER_MS = 900_000
const MOST_CACHED = 20_000

/** The offsets of one zone, in milliseconds east of UTC. */
class Zone {
  readonly #format: Intl.DateTimeFormat
  readonly #quarters = new Map<number, number>()
  readonly #days = new Map<number, number | null>()

  constructor(name: string) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  }

  offset(instant: number): number {
    const day = dayOf(instant)
    let whole = this.#days.get(day)
    if (whole === undefined) {
      const first = this.#look(day * DAY_MS)
      whole = first === this.#look((day + 1) * DAY_MS) ? first : null
      if (this.#days.size > MOST_CACHED) this.#days.clear()
      this.#days.set(day, whole)
    }
    return whole ?? this.#offsetWithinDay(instant)
  }

  /** Clocks change on whole quarters of an hour. */
  #offsetWithinDay(instant: number): number {
    const quarter = Math.floor(instant / QUARTER_MS)
    let offset = this.#quarters.get(quarter)
    if (offset === undefined) {
      offset = this.#look(quarter * QUARTER_MS)
      if (this.#quarters.size > MOST_CACHED) this.#quarters.clear()
      this.#quarters.set(quarter, offset)
    }
    return offset
  }

  #look(instant: number): number {
    const parts: Record<string, string> = {}
    for (const { type, value } of this.#format.formatToParts(instant)) parts[type] = value
    const year = parts.era === 'BC' ? 1 - Number(parts.year) : Number(parts.year)
    const wall = new Date(0)
    wall.setUTCFullYear(year, Number(parts.month) - 1, Number(parts.day))
    wall.setUTCHours(Number(parts.hour), Number(parts.minute), Number(parts.second))
    return wall.getTime() - Math.floor(instant / 1000) * 1000
  }
}

const ZONES = new Map<string, Zone | null>()

function zoneOf(name: string): Zone | null {
  let zone = ZONES.get(name)
  if (zone === undefined) {
    try {
      // Intl also takes offsets such as +09:00 for names; the document's contract does not.
      zone = /^[A-Za-z]/.test(name) ? new Zone(name) : null
    } catch {
      zone = null
    }
    ZONES.set(name, zone)
  }
  return zone
}

/** Whether that is the name of a time zone. */
export function isZone(name: unknown): name is string {
  return typeof name === 'string' && zoneOf(name) !== null
}

/** The clock on the wall of `zone` at an instant; UTC's for a zone nobody knows. */
export function wallOf(instant: number, zone: string): number {
  return instant + (zoneOf(zone)?.offset(instant) ?? 0)
}

/**
 * The instant of a local time.
 *
 * RFC 5545 section 3.3.5: a local time that occurs twice "refers to the first occurrence"; one that
 * does not occur "is interpreted using the UTC offset before the gap".
 */
export function instantOf(wall: number, zone: string): number {
  const found = zoneOf(zone)
  if (!found) return wall
  const before = wall - found.offset(wall - DAY_MS)
  const after = wall - found.offset(wall + DAY_MS)
  if (before === after) return before
  const real = [before, after].filter((instant) => instant + found.offset(instant) === wall)
  return real.length ? Math.min(...real) : before
}
