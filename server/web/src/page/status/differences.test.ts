import { describe, expect, it } from 'vitest'
import { piecesOf } from './differences'

/** With what is its own in brackets. */
const marked = (text: string, against: string) =>
  piecesOf(text, against)
    .map(({ text: piece, isOwn }) => (isOwn ? `[${piece}]` : piece))
    .join('')

describe('what of a text is not in another one', () => {
  it.each([
    ['Lunch', 'Lunch', 'Lunch'],
    ['Lunch', 'Dinner', '[Lunch]'],
    ['Lunch in Room 4', 'Lunch at Mario’s', 'Lunch [in Room 4]'],
    ['Lunch', 'Lunch at Mario’s', 'Lunch'],
    ['Team lunch on Monday', 'Big team lunch on Friday', '[Team] lunch on [Monday]'],
    ['a b c d', 'a x c y', 'a [b] c [d]'],
    ['점심 산책', '저녁 산책', '[점심] 산책'],
    ['12:00 – 1:00 PM', '12:30 – 1:00 PM', '[12:00] – 1:00 PM'],
    ['', 'Lunch', ''],
    ['Lunch', '', '[Lunch]'],
    ['two  spaces', 'two spaces', 'two  spaces'],
    ['👩‍👩‍👧 home', '👩‍👩‍👦 home', '[👩‍👩‍👧] home'],
  ])('%s, against %s', (text, against, expected) => {
    expect(marked(text, against)).toBe(expected)
  })

  it('says all of the text, whatever the other one is', () => {
    const long = 'word '.repeat(3000)
    for (const text of [long, 'a b  c\nd', ' '])
      expect(
        piecesOf(text, long.slice(5))
          .map((piece) => piece.text)
          .join(''),
      ).toBe(text)
  })

  it('takes no time for long ones', () => {
    const before = performance.now()
    piecesOf('some words '.repeat(50_000), 'other words '.repeat(50_000))
    expect(performance.now() - before).toBeLessThan(500)
  })
})
