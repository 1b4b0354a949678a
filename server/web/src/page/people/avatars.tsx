/** The people who are here: five of them, and how many more. */

import type { Person, Project } from '../../sdk/types'
import { rangeTitle } from '../calendar/range'
import { defineMessages, useMessages } from '../i18n/messages'
import { Popover } from '../shell/popover'
import { useView, type ViewKind } from '../view'
import { useEveryone } from './people'

const SHOWN = 5

const messages = defineMessages(
  {
    people: (n: number) => (n === 1 ? '1 other person is here' : `${n} other people are here`),
    at: (range: string) => `looking at ${range}`,
    goThere: (name: string) => `Show what ${name} is looking at`,
  },
  {
    people: (n: number) => `다른 사람 ${n}명이 함께 보고 있습니다`,
    at: (range: string) => `${range} 보는 중`,
    goThere: (name: string) => `${name} 님이 보는 곳으로 이동`,
  },
)

export function Avatars({ only }: { only?: Project | undefined }) {
  const text = useMessages(messages)
  const people = useEveryone(only)
  if (!people.length) return null
  const more = people.length - SHOWN
  const button = (
    <span className="avatars">
      {people.slice(0, SHOWN).map((person) => (
        <Avatar key={person.user.id} person={person} />
      ))}
      {more > 0 && <span className="avatar avatar-more">+{more}</span>}
    </span>
  )
  return (
    <Popover label={text.people(people.length)} className="avatars-button" button={button}>
      {(close) => (
        <ul className="people">
          {people.map((person) => (
            <li key={person.user.id}>
              <PersonRow person={person} close={close} />
            </li>
          ))}
        </ul>
      )}
    </Popover>
  )
}

export function Avatar({ person: { user } }: { person: Pick<Person, 'user'> }) {
  return (
    <span
      className="avatar"
      style={{ background: user.color }}
      title={user.name}
      data-user={user.id}
    >
      {[...user.name][0]?.toUpperCase()}
    </span>
  )
}

function PersonRow({ person, close }: { person: Person; close: () => void }) {
  const text = useMessages(messages)
  const { language, set } = useView()
  const { user, view } = person
  const go = () => {
    // The range of a month begins before it does; the middle is surely within.
    if (view) set({ kind: view.kind as ViewKind, date: middleOf(view.start, view.end) })
    close()
  }
  return (
    <button
      type="button"
      className="person"
      onClick={go}
      disabled={!view}
      aria-label={text.goThere(user.name)}
    >
      <Avatar person={person} />
      <span>
        <strong>{user.name}</strong>
        {view && <small>{text.at(titleOf(view, language))}</small>}
      </span>
    </button>
  )
}

function titleOf(view: NonNullable<Person['view']>, language: string): string {
  const kind = view.kind as ViewKind
  const start = kind === 'month' ? middleOf(view.start, view.end) : view.start
  return rangeTitle(kind, start, view.end, language)
}

function middleOf(start: string, end: string): string {
  const middle = (Date.parse(start) + Date.parse(end)) / 2
  return new Date(Number.isNaN(middle) ? Date.now() : middle).toISOString().slice(0, 10)
}
