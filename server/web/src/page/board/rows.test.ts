import { describe, expect, it } from 'vitest'
import type { LineupRow } from '../../sdk/types'
import { detailsOf, editorsOf, numberFrom, rowsOf, type Shown } from './rows'

const row = (name: string, gbsNumber: number | null, others = {}): LineupRow => ({
  id: name,
  name,
  gbsNumber,
  memos: [],
  others,
})
const rows = [row('김서연', 2), row('Lee', null), row('Kim', 10), row('Park', 2)]
const all: Shown = { words: '', onlyLeft: false, column: 'name', isDescending: false }
const names = (shown: Partial<Shown>) => rowsOf(rows, { ...all, ...shown }).map(({ name }) => name)

describe('the rows that are shown', () => {
  it('are found by name and group', () => {
    expect(names({ words: 'ki' })).toEqual(['Kim'])
    expect(names({ words: ' 서연 ' })).toEqual(['김서연'])
    expect(names({ words: '2' })).toEqual(['김서연', 'Park'])
    expect(names({ onlyLeft: true })).toEqual(['Lee'])
  })

  it('are sorted by group with those in none last, either way', () => {
    expect(names({ column: 'group' })).toEqual(['김서연', 'Park', 'Kim', 'Lee'])
    expect(names({ column: 'group', isDescending: true })).toEqual(['Kim', '김서연', 'Park', 'Lee'])
    expect(names({ isDescending: true })).toEqual(['Park', 'Kim', 'Lee', '김서연'])
    expect(rows[0]?.name).toBe('김서연')
  })

  it('say a little of what else is known', () => {
    const others = {
      grade: 3,
      tags: ['a'],
      univ: '1부',
      empty: '',
      leader: true,
      more: 'x',
      y: 'y',
    }
    expect(detailsOf(row('Kim', 1, others))).toBe('3 · 1부 · x')
  })
})

it('a group is a whole number from 0 on, in whatever digits', () => {
  expect(['', ' 12 ', '１２', '0'].map(numberFrom)).toEqual([null, 12, 12, 0])
  for (const text of ['x', '-1', '1.5', '1e3', '9'.repeat(20)])
    expect(numberFrom(text)).toBeUndefined()
})

it('who edits a row is told once a person, whatever they show', () => {
  const user = (id: string) => ({ id, name: id.toUpperCase(), color: '#b3261e' })
  const person = (clientId: number, id: string, lineup: unknown) =>
    [clientId, { clientId, user: user(id), lineup }] as const
  const others = new Map([
    person(1, 'bob', { id: '7' }),
    person(2, 'bob', { id: '7' }),
    person(3, 'eve', { id: 7 }),
    person(4, 'ann', { id: '7' }),
    person(5, 'joe', null),
  ]) as never
  const told = editorsOf({ others, self: { user: user('ann') } })
  expect(JSON.parse(told)).toEqual({ '7': [user('bob')] })
})
