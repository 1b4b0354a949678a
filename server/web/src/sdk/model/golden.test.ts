/** The same instances as the server's model, case by case. */

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import type { When } from '../types'
import { openCalendar } from './calendar'

interface Case {
  event: Record<string, unknown>
  from: string
  to: string
  zone: string
  instances: [string, string, number, number][]
}

interface Edit {
  event: Record<string, unknown>
  when?: When
  split?: string
  events: Record<string, unknown>[]
}

const PATH = new URL('../../../../../tests/model/golden/recurrence.json', import.meta.url)
const golden: { cases: Case[]; edits: Edit[] } = JSON.parse(readFileSync(PATH, 'utf8'))

function open(event: Record<string, unknown>) {
  const doc = new Y.Doc()
  doc.getMap('events').set('e', new Y.Map(Object.entries(event)))
  return openCalendar(doc, { id: 'u' })
}

describe('the instances of a series', () => {
  it.each(golden.cases)('$event.recurrence.rrule from $event.when.start', (one) => {
    const calendar = open(one.event)
    const found = calendar.range(Date.parse(one.from), Date.parse(one.to), one.zone)
    const told = found.map(({ recurrenceId, title, start, end }) => [
      recurrenceId ?? '',
      title,
      start,
      end,
    ])
    const byText = (a: unknown, b: unknown) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)
    expect(told.sort(byText)).toEqual([...one.instances].sort(byText))
  })
})

describe('an edit of a series', () => {
  it.each(golden.edits)('$event.recurrence.rrule, $when.start $split', (edit) => {
    const calendar = open(edit.event)
    if (edit.split)
      calendar.write('e', { title: 'y' }, { recurrenceId: edit.split, scope: 'following' })
    else calendar.write('e', { when: edit.when as When })
    const events = Object.values(calendar.doc.getMap('events').toJSON()) as Record<
      string,
      unknown
    >[]
    const told = events.map((event) =>
      Object.fromEntries(
        Object.entries(event).filter(([key]) => /^(title|when|recurrence|override\/.*)$/.test(key)),
      ),
    )
    expect(told.sort(byTitle)).toEqual([...edit.events].sort(byTitle))
  })
})

function byTitle(one: Record<string, unknown>, other: Record<string, unknown>): number {
  return String(one.title) < String(other.title) ? -1 : 1
}
