// @vitest-environment jsdom
import { beforeEach, expect, it, vi } from 'vitest'

/** As after a reload: nothing is in memory. */
const load = async () => {
  vi.resetModules()
  return import('./met')
}

beforeEach(() => localStorage.clear())

it('knows those who were here after a reload, each user those they have met', async () => {
  const { meet } = await load()
  meet('ann', { id: 'bob', name: 'Bob' })
  meet('ann', { id: 'ann', name: 'Ann' })
  const { metName } = await load()
  expect(metName('ann', 'bob')).toBe('Bob')
  expect(metName('eve', 'bob')).toBe('')
  expect(metName('ann', 'constructor')).toBe('')
})

it('forgets who has not been here for long', async () => {
  const { meet, metName } = await load()
  for (let at = 0; at < 501; at++) {
    meet('ann', { id: `u${at}`, name: `User ${at}` })
    if (at === 100) meet('ann', { id: 'u0', name: 'Zero' })
  }
  expect(metName('ann', 'u0')).toBe('Zero')
  expect(metName('ann', 'u1')).toBe('')
  expect(metName('ann', 'u500')).toBe('User 500')
})

it('starts anew when what was kept cannot be read', async () => {
  localStorage.setItem('crdt-calendar/met/ann', '{"half')
  const { meet, metName } = await load()
  meet('ann', { id: 'bob', name: 'Bob' })
  expect(metName('ann', 'bob')).toBe('Bob')
})
