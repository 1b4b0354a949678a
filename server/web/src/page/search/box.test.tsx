// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from '@testing-library/react'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import * as Y from 'yjs'
import { openCalendar } from '../../sdk/model/calendar'
import type { Project } from '../../sdk/types'
import { useVisible } from '../calendar/visible'
import { useView } from '../view'
import { SearchBox } from './box'

const world = vi.hoisted(() => ({ open: [] as Project[] }))
vi.mock('../workspace', () => ({
  useOpenProjects: () => world.open,
  projectColor: () => '#2952cc',
  workspace: { getSnapshot: () => world },
}))

const openProject = (id: string) =>
  ({ id, calendar: openCalendar(new Y.Doc(), { id: 'ann' }) }) as unknown as Project
const on = (date: string) => ({
  start: `${date}T23:00:00`,
  end: `${date}T23:30:00`,
  tz: 'America/New_York',
})
const box = () => screen.getByRole<HTMLInputElement>('combobox')
const type = (value: string) => fireEvent.change(box(), { target: { value } })

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 2, 10), toFake: ['Date'] })
  world.open = [openProject('team'), openProject('home')]
  useView.getState().set({ language: 'en', zone: 'Asia/Seoul', search: '' })
  const [team, home] = world.open.map(({ calendar }) => calendar)
  for (let day = 0; day < 60; day++) {
    const date = new Date(Date.UTC(2026, 3, 1 + day)).toISOString().slice(0, 10)
    team?.create({ title: `Planning ${day}`, when: on(date) })
  }
  home?.create({ title: 'Planning at home', when: on('2026-03-11') })
  render(<SearchBox />)
})
afterEach(() => {
  cleanup()
  vi.useRealTimers()
})

it('finds the nearest of all calendars, and says how many more there are', () => {
  type('planning')
  const options = screen.getAllByRole('option')
  expect(options).toHaveLength(50)
  expect(options[0]?.textContent).toContain('Planning at home')
  expect(options[1]?.textContent).toContain('Planning 0')
  expect(screen.getByText('The nearest 50 of 61. Add a word to see fewer.')).toBeTruthy()
  type('planning home')
  expect(screen.getAllByRole('option')).toHaveLength(1)
  expect(screen.queryByText(/nearest/)).toBeNull()
})

it('goes to where an event is on the clock of the page', () => {
  type('at home')
  fireEvent.keyDown(box(), { key: 'Enter' })
  expect(useView.getState().date).toBe('2026-03-12')
  expect(useVisible.getState().sought).toEqual({ date: '2026-03-12', time: '12:00:00' })
  expect(useView.getState().panel?.kind).toBe('event')
})

it('leaves Enter to an input method that is composing', () => {
  useView.getState().set({ panel: null })
  type('at home')
  fireEvent.keyDown(box(), { key: 'Enter', isComposing: true })
  expect(useView.getState().panel).toBeNull()
})
