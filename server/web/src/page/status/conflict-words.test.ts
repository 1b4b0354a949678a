// @vitest-environment jsdom
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { openCalendar } from '../../sdk/model/calendar'
import type { Project } from '../../sdk/types'
import { fieldName, inOrder, linesOf, momentWords, valueNow } from './conflict-words'

const EN = { language: 'en', zone: 'Asia/Seoul' } as const
const KO = { language: 'ko', zone: 'Asia/Seoul' } as const
const SEOUL = { start: '2026-03-02T14:00:00', end: '2026-03-02T15:30:00', tz: 'Asia/Seoul' }
const BERLIN = {
  ...SEOUL,
  start: '2026-03-02T06:00:00',
  end: '2026-03-02T07:30:00',
  tz: 'Europe/Berlin',
}

const calendar = openCalendar(new Y.Doc(), { id: 'ann' })
const project = { calendar } as unknown as Project
const id = calendar.create({
  title: 'Lunch',
  when: SEOUL,
  description: 'Bring coffee.',
  attendees: { 'bob@x.org': { name: 'Bob', status: 'accepted' } },
  alarms: { a1: { before: 600, action: 'display' } },
})
const event = calendar.event(id)

/** Spaces of any width as spaces, labels before a colon. */
const said = (field: string, value: unknown, reader: typeof EN | typeof KO = EN) =>
  linesOf(field, value, event, reader).map(({ label, text }) =>
    (label ? `${label}: ${text}` : text).replace(/\s/g, ' '),
  )

describe('a value in words', () => {
  it.each([
    ['title', 'Dinner', ['Dinner']],
    ['title', null, ['(empty)']],
    ['title', '', ['(empty)']],
    ['status', 'tentative', ['Tentative']],
    ['status', 'postponed', ['postponed']],
    ['when', SEOUL, ['Mon, Mar 2, 2026, 2:00 – 3:30 PM']],
    ['when', { start: '2026-03-02', end: '2026-03-03', tz: null }, ['Mon, Mar 2, 2026']],
    [
      'when',
      { start: '2026-03-02', end: '2026-03-05', tz: null },
      ['Mon, Mar 2 – Wed, Mar 4, 2026'],
    ],
    [
      'when',
      { ...SEOUL, end: '2026-03-03T01:00:00' },
      ['Mon, Mar 2, 2026, 2:00 PM – Tue, Mar 3, 2026, 1:00 AM'],
    ],
    ['when', 'noon', ['(empty)']],
    ['recurrence', { rrule: 'FREQ=WEEKLY;BYDAY=MO,FR' }, ['Every week on Monday and Friday']],
    [
      'recurrence',
      { rrule: 'FREQ=DAILY;COUNT=3', rdate: ['2026-04-01T14:00:00'] },
      ['Every day, 3 times', 'And on: Apr 1, 2026'],
    ],
    ['recurrence', null, ['Does not repeat']],
    [
      'attendee/bob@x.org',
      { name: 'Bob', role: 'chair' },
      ['Bob', 'role: chair', 'answer: not answered'],
    ],
    ['attendee/bob@x.org', null, ['Not invited']],
    ['alarm/a1', { before: 600, action: 'display' }, ['10 minutes before']],
    ['override/2026-03-09T14:00:00', { cancelled: true }, ['Does not take place']],
    [
      'override/2026-03-09T14:00:00',
      { title: 'Own', location: null },
      ['Title: Own', 'Location: (empty)'],
    ],
    ['override/2026-03-09T14:00:00', null, ['Like the rest of the series']],
    ['ics/priority', [{ value: '1' }, { value: '2' }], ['1, 2']],
    ['x-mood', { good: true }, ['{"good":true}']],
  ])('%s: %j', (field, value, expected) => {
    expect(said(field, value)).toEqual(expected)
  })

  it('says a time in the zone of the reader, and in its own', () => {
    expect(said('when', BERLIN)).toEqual([
      'Mon, Mar 2, 2026, 2:00 – 3:30 PM',
      'Europe/Berlin: Mon, Mar 2, 2026, 6:00 – 7:30 AM',
    ])
    expect(said('when', { ...SEOUL, tz: null })[1]).toBe('Time zone: wherever one is')
  })

  it('shows a colour beside its name', () => {
    expect(linesOf('color', 'tomato', event, EN)).toEqual([
      { label: '', text: 'tomato', color: 'tomato' },
    ])
  })

  it('speaks Korean', () => {
    // Whether 오후 or PM is a matter of the platform.
    expect(said('when', SEOUL, KO)[0]).toMatch(/^2026년 3월 2일 \(월\) (오후|PM) 2:00 ?~ ?3:30$/)
    expect(said('recurrence', { rrule: 'FREQ=WEEKLY;BYDAY=MO' }, KO)).toEqual(['매주 월요일'])
    expect(said('alarm/a1', { before: 600, action: 'display' }, KO)).toEqual(['10분 전'])
  })
})

describe('a field', () => {
  it.each([
    ['title', 'Title', '제목'],
    ['when', 'Time', '시간'],
    ['location', 'Location', '장소'],
    ['attendee/bob@x.org', 'Invitation of Bob', 'Bob 님 초대'],
    ['attendee/eve@x.org', 'Invitation of eve@x.org', 'eve@x.org 님 초대'],
    ['alarm/a1', 'Reminder', '알림'],
    ['override/2026-03-09T14:00:00', 'Event on Mar 9, 2026', '2026. 3. 9. 일정'],
    ['ics/priority', 'PRIORITY', 'PRIORITY'],
    ['x-mood', 'x-mood', 'x-mood'],
  ])('%s is %s, %s', (field, english, korean) => {
    expect([fieldName(field, event, EN), fieldName(field, event, KO)]).toEqual([english, korean])
  })

  it.each([
    ['title', 'Lunch'],
    ['location', null],
    ['when', SEOUL],
    ['description', 'Bring coffee.'],
    ['attendee/bob@x.org', { name: 'Bob', status: 'accepted' }],
    ['attendee/eve@x.org', null],
    ['alarm/a1', { before: 600, action: 'display' }],
    ['override/2026-03-09T14:00:00', null],
  ])('%s has its value of now', (field, value) => {
    expect(event && valueNow(project, event, field)).toEqual(value)
  })

  it('has its place', () => {
    expect(inOrder(['x', 'location', 'alarm/a', 'title'])).toEqual([
      'title',
      'location',
      'x',
      'alarm/a',
    ])
  })
})

it('an instant is said by the clock of the reader, to the second', () => {
  expect(momentWords('2026-03-02T05:00:07Z', EN).replace(/\s/g, ' ')).toBe(
    'Mar 2, 2026, 2:00:07 PM',
  )
  expect(momentWords('', EN)).toBe('')
})
