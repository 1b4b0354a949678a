/** What of a text is not in another one, word by word. */

/** A run of words, and whether this text alone has it. */
export interface Piece {
  readonly text: string
  readonly isOwn: boolean
}

/** Longer texts are not compared: it would take too long, and nobody would see anything in it. */
const MOST_WORDS = 400
const WORDS = /\s+|\S+/g

/** A text in pieces, in order. Spaces between two words of its own are its own as well. */
export function piecesOf(text: string, against: string): Piece[] {
  const words = text.match(WORDS) ?? []
  const common = commonOf(words, against.match(WORDS) ?? [])
  const isOwn = words.map((_, at) => !common.has(at))
  const pieces: Piece[] = []
  for (const [at, word] of words.entries()) {
    const isBetween = !word.trim() && isOwn[at - 1] && isOwn[at + 1]
    const own = isBetween || (isOwn[at] === true && word.trim() !== '')
    const last = pieces.at(-1)
    if (last?.isOwn === own) pieces[pieces.length - 1] = { text: last.text + word, isOwn: own }
    else pieces.push({ text: word, isOwn: own })
  }
  return pieces
}

/** The places of a longest common subsequence among the words. */
function commonOf(words: readonly string[], others: readonly string[]): Set<number> {
  const common = new Set<number>()
  if (Math.max(words.length, others.length) > MOST_WORDS * 2) return common
  // How much is common from these two places on.
  const rest = words.map(() => new Uint16Array(others.length + 1))
  const from = (at: number, other: number) => rest[at]?.[other] ?? 0
  for (let at = words.length - 1; at >= 0; at -= 1)
    for (let other = others.length - 1; other >= 0; other -= 1)
      (rest[at] as Uint16Array)[other] =
        words[at] === others[other]
          ? from(at + 1, other + 1) + 1
          : Math.max(from(at + 1, other), from(at, other + 1))
  for (let at = 0, other = 0; at < words.length && other < others.length; ) {
    if (words[at] === others[other]) {
      common.add(at)
      at += 1
      other += 1
    } else if (from(at + 1, other) >= from(at, other + 1)) at += 1
    else other += 1
  }
  return common
}
