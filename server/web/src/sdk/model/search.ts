/** Words in events: lower-cased texts, each made when first asked for and kept until it changes. */

import type { CalendarEvent } from '../types'
import { spanOf } from './when'

export class SearchIndex {
  readonly #texts = new WeakMap<CalendarEvent, string>()

  /** The events that contain all words, soonest to `near` (milliseconds) first. */
  find(
    words: string,
    events: Iterable<CalendarEvent>,
    describe: (id: string) => string,
    near: number,
    most: number,
  ): CalendarEvent[] {
    const wanted = words.toLocaleLowerCase().split(/\s+/).filter(Boolean)
    if (!wanted.length) return []
    const found = [...events].filter((event) => {
      const text = this.#textOf(event, describe)
      return wanted.every((word) => text.includes(word))
    })
    const distance = (event: CalendarEvent) => distanceTo(event, near)
    return found.sort((one, other) => distance(one) - distance(other)).slice(0, most)
  }

  #textOf(event: CalendarEvent, describe: (id: string) => string): string {
    let text = this.#texts.get(event)
    if (text === undefined) {
      const people = [...event.attendees].map(([address, { name }]) => `${address} ${name ?? ''}`)
      const changed = [...event.overrides.values()].map(
        (one) => `${one.title ?? ''} ${one.location ?? ''}`,
      )
      const parts = [event.title, event.location, describe(event.id), ...people, ...changed]
      text = parts.join('\n').toLocaleLowerCase()
      this.#texts.set(event, text)
    }
    return text
  }
}

function distanceTo(event: CalendarEvent, near: number): number {
  const span = event.when && spanOf(event.when)
  return span ? Math.abs(span.start - near) : Number.POSITIVE_INFINITY
}
