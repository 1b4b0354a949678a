import { afterEach, expect, it, vi } from 'vitest'
import * as Y from 'yjs'
import { openCalendar } from './calendar'

afterEach(() => vi.unstubAllGlobals())

/** What a browser gives a page that came by plain HTTP. */
function insecure(fill: (bytes: Uint8Array) => Uint8Array) {
  vi.stubGlobal('crypto', { getRandomValues: fill })
}

it('makes events where there is no crypto.randomUUID', () => {
  insecure((bytes) => bytes.fill(0xff))
  const calendar = openCalendar(new Y.Doc(), { id: 'ann' })
  expect(calendar.create({ title: 'Lunch' })).toBe('ffffffff-ffff-4fff-bfff-ffffffffffff')
})

it('writes version and variant of RFC 9562 over whatever chance gives', () => {
  insecure((bytes) => bytes.fill(0))
  const calendar = openCalendar(new Y.Doc(), { id: 'ann' })
  expect(calendar.create({ title: 'Lunch' })).toBe('00000000-0000-4000-8000-000000000000')
})
