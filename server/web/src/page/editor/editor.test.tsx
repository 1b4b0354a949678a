// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from '@testing-library/react'
import { useState } from 'react'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { COLORS } from '../../sdk/presence'
import type { Alarm, Attendee, When } from '../../sdk/types'
import { useView } from '../view'
import { Alarms } from './alarms'
import { Attendees } from './attendees'
import { RecurrenceEditor } from './recurrence'
import { Swatches } from './swatches'
import { WhenField } from './when-field'

beforeEach(() => useView.getState().set({ language: 'en', zone: 'Asia/Seoul' }))
afterEach(cleanup)

const WHEN = { start: '2026-03-02T14:00:00', end: '2026-03-02T15:00:00', tz: 'Asia/Seoul' }
const field = (label: string) => screen.getByLabelText<HTMLInputElement>(label)
const type = (label: string, value: string) => fireEvent.change(field(label), { target: { value } })
const press = (name: string) => fireEvent.click(screen.getByRole('button', { name }))

describe('when', () => {
  const written: When[] = []
  function Field() {
    const [value, setValue] = useState<When>(WHEN)
    const write = (when: When) => {
      written.push(when)
      setValue(when)
    }
    return <WhenField value={value} disabled={false} onChange={write} />
  }
  beforeEach(() => {
    written.length = 0
    render(<Field />)
  })

  it('an end before the start stays as it was typed, and is said to be wrong', () => {
    type('Ends, time', '11:00')
    expect(field('Ends, time').value).toBe('11:00')
    expect(field('Ends, time').getAttribute('aria-invalid')).toBe('true')
    const alert = screen.getByRole('alert')
    expect(field('Ends, time').getAttribute('aria-describedby')).toBe(alert.id)
    expect(written).toEqual([])
    type('Ends, time', '16:00')
    expect(screen.queryByRole('alert')).toBeNull()
    expect(written).toEqual([{ ...WHEN, end: '2026-03-02T16:00:00' }])
  })

  it('is written when the start is moved before it', () => {
    type('Ends, time', '11:00')
    type('Starts, time', '12:00')
    expect(screen.getByRole('alert')).toBeTruthy()
    type('Starts, time', '10:00')
    expect(screen.queryByRole('alert')).toBeNull()
    expect(written.at(-1)).toEqual({
      start: '2026-03-02T10:00:00',
      end: '2026-03-02T11:00:00',
      tz: 'Asia/Seoul',
    })
  })

  it('a year that is being typed is left alone until it is one', () => {
    type('Starts, date', '0002-03-02')
    expect(field('Starts, date').value).toBe('0002-03-02')
    expect(written).toEqual([])
    fireEvent.blur(field('Starts, date'))
    expect(field('Starts, date').value).toBe('2026-03-02')
  })
})

describe('people', () => {
  function People() {
    const [value, setValue] = useState<ReadonlyMap<string, Attendee>>(
      new Map([['bob@x.org', { name: 'Bob', role: 'delegate-of-ann' }]]),
    )
    const change = (patch: Record<string, Attendee | null>) =>
      setValue(new Map(Object.entries({ ...Object.fromEntries(value), ...patch }) as never))
    return <Attendees value={value} disabled={false} onChange={change} />
  }
  beforeEach(() => void render(<People />))

  it.each([
    ['BOB@x.org', 'bob@x.org is already there.'],
    ['nobody', 'That is no e-mail address.'],
  ])('%s is refused', (address, words) => {
    type('Add by e-mail', address)
    press('Add')
    expect(screen.getByRole('alert').textContent).toBe(words)
    expect(field('Add by e-mail').getAttribute('aria-describedby')).toBe(
      screen.getByRole('alert').id,
    )
    expect(field('Add by e-mail').value).toBe(address)
    expect(document.activeElement).toBe(field('Add by e-mail'))
    expect(screen.getAllByRole('listitem')).toHaveLength(1)
  })

  it('have a role', () => {
    type('Add by e-mail', 'mailto:ann@x.org')
    press('Add')
    expect(field('ann@x.org, role').value).toBe('req-participant')
    type('ann@x.org, role', 'chair')
    expect(field('ann@x.org, role').value).toBe('chair')
    expect(field('Bob, role').value).toBe('delegate-of-ann')
  })
})

describe('reminders', () => {
  function Reminders() {
    const [value, setValue] = useState<Record<string, Alarm | null>>({
      a: { before: 600, action: 'display' },
    })
    const held = Object.entries(value).filter(([, alarm]) => alarm) as [string, Alarm][]
    return (
      <Alarms
        value={new Map(held)}
        disabled={false}
        onChange={(patch) => setValue((now) => ({ ...now, ...patch }))}
      />
    )
  }
  const told = () => screen.queryAllByRole('listitem').map(({ textContent }) => textContent)
  beforeEach(() => void render(<Reminders />))

  it('are several, sorted, and each once', () => {
    expect(screen.queryByRole('option', { name: '10 minutes before' })).toBeNull()
    type('Add a reminder', '300')
    type('Add a reminder', 'custom')
    expect(document.activeElement).toBe(field('How long before'))
    type('How long before', '45')
    press('Add')
    expect(told()).toEqual(['5 minutes before', '10 minutes before', '45 minutes before'])
    type('How long before', '10')
    press('Add')
    expect(screen.getByRole('alert').textContent).toBe('There is such a reminder already.')
    type('unit', 'days')
    press('Add')
    expect(told()).toContain('10 days before')
    press('Remove 10 minutes before')
    expect(told()).not.toContain('10 minutes before')
  })

  it('are a whole number of something before', () => {
    type('Add a reminder', 'custom')
    press('Add')
    expect(screen.getByRole('alert').textContent).toContain('1 to 9999')
    expect(told()).toHaveLength(1)
  })
})

describe('the recurrence', () => {
  it('is disabled with a reason', () => {
    const recurrence = { rrule: 'FREQ=DAILY' }
    const rest = { value: recurrence, first: WHEN, onChange: () => undefined }
    render(<RecurrenceEditor {...rest} disabled hint="Applies to all." />)
    expect(field('Repeats').disabled).toBe(true)
    const hint = document.getElementById(field('Repeats').getAttribute('aria-describedby') ?? '')
    expect(hint?.textContent).toBe('Applies to all.')
  })

  it('has its days in the order of the calendar', () => {
    vi.spyOn(navigator, 'languages', 'get').mockReturnValue(['en-US'])
    const value = { rrule: 'FREQ=WEEKLY;BYDAY=MO' }
    const rest = { first: WHEN, hint: '', onChange: () => undefined }
    render(<RecurrenceEditor value={value} disabled={false} {...rest} />)
    const days = [...document.querySelectorAll('.recurrence-days button')]
    expect(days.map((day) => day.getAttribute('aria-label'))).toEqual([
      'Sunday',
      'Monday',
      'Tuesday',
      'Wednesday',
      'Thursday',
      'Friday',
      'Saturday',
    ])
    expect(days[1]?.getAttribute('aria-pressed')).toBe('true')
    vi.restoreAllMocks()
  })

  it('ends with the last day that was chosen, not before the first', () => {
    const written: (string | null | undefined)[] = []
    render(
      <RecurrenceEditor
        value={{ rrule: 'FREQ=DAILY;UNTIL=20260310T145959Z' }}
        first={WHEN}
        disabled={false}
        hint=""
        onChange={(recurrence) => written.push(recurrence?.rrule)}
      />,
    )
    expect(field('on').value).toBe('2026-03-10')
    type('on', '2026-03-01')
    expect(screen.getByRole('alert')).toBeTruthy()
    type('on', '2026-03-12')
    type('Repeats', 'weekdays')
    expect(written).toEqual([
      'FREQ=DAILY;UNTIL=20260312T145959Z',
      'FREQ=WEEKLY;UNTIL=20260310T145959Z;BYDAY=MO,TU,WE,TH,FR',
    ])
  })
})

it.each(['en', 'ko'] as const)('every colour has a name of its own in %s', (language) => {
  useView.getState().set({ language })
  render(<Swatches value="teal" disabled={false} onChange={() => undefined} />)
  const names = screen.getAllByRole('button').map((button) => button.getAttribute('aria-label'))
  expect(new Set(names).size).toBe(COLORS.length + 2)
  for (const name of names) expect(name).not.toMatch(/#|^$/)
  expect(names.at(-1)).toContain('teal')
})
