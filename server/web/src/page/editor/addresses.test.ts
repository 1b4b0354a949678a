import { expect, it } from 'vitest'
import { readAddress, sameAddress } from './addresses'

it.each([
  ['bob@example.org', 'bob@example.org'],
  ['  MAILTO:Bob.B+cal@Sub.Example.org ', 'Bob.B+cal@Sub.Example.org'],
  ["o'neil/x@example.co.kr", "o'neil/x@example.co.kr"],
  ['민아@회사.한국', '민아@회사.한국'],
])('%j is the address %s', (typed, address) => {
  expect(readAddress(typed)).toBe(address)
})

it.each([
  '',
  'bob',
  'bob@',
  '@example.org',
  'bob@example',
  'bob@@example.org',
  'a b@example.org',
  'bob@exa mple.org',
  'bob@example..org',
  '.bob@example.org',
  'b..b@example.org',
  'bob@-example.org',
  'bob@10.0.0.1',
  'bob@example.org, ann@example.org',
  'Bob <bob@example.org>',
  `bob@${'a'.repeat(64)}.org`,
  `${'b'.repeat(65)}@example.org`,
])('%j is no address', (typed) => {
  expect(readAddress(typed)).toBeNull()
})

it('addresses are the same whatever their case', () => {
  expect(sameAddress('BOB@example.ORG', ['ann@x.org', 'Bob@example.org'])).toBe('Bob@example.org')
  expect(sameAddress('bob@example.org', ['bobby@example.org'])).toBeUndefined()
})
