/** Which rows are shown, and in which order. */

import type { LineupRow, PresenceSnapshot } from '../../sdk/types'

export type Column = 'name' | 'group'

export interface Shown {
  readonly words: string
  /** Only those who are in no group. */
  readonly onlyLeft: boolean
  readonly column: Column
  readonly isDescending: boolean
}

export const MOST_DETAILS = 3

/** The rows to be shown. Who is in no group comes last, whichever way groups are sorted. */
export function rowsOf(rows: readonly LineupRow[], shown: Shown): readonly LineupRow[] {
  const words = shown.words.trim().toLocaleLowerCase().split(/\s+/).filter(Boolean)
  const kept = rows.filter(
    (row) =>
      (!shown.onlyLeft || row.gbsNumber === null) && words.every((word) => matches(row, word)),
  )
  const sign = shown.isDescending ? -1 : 1
  if (shown.column === 'name') return sign > 0 ? kept : kept.reverse()
  const group = ({ gbsNumber }: LineupRow) =>
    gbsNumber === null ? Number.POSITIVE_INFINITY : sign * gbsNumber
  return kept.sort((one, other) => {
    const [first, second] = [group(one), group(other)]
    return first === second ? 0 : first < second ? -1 : 1
  })
}

/** What a row says besides name and group: its plain words and numbers, shortly. */
export function detailsOf({ others }: LineupRow): string {
  const plain = Object.values(others).filter(
    (value) => (typeof value === 'string' && value !== '') || typeof value === 'number',
  )
  return plain.slice(0, MOST_DETAILS).join(' · ')
}

export interface Editor {
  readonly id: string
  readonly name: string
  readonly color: string
}

/** Who edits which row, as text that is the same as long as that is. */
export function editorsOf({ others, self }: PresenceSnapshot): string {
  const rows: Record<string, Editor[]> = {}
  for (const { user, lineup } of others.values()) {
    if (typeof lineup?.id !== 'string' || user.id === self.user.id) continue
    const here = rows[lineup.id] ?? []
    rows[lineup.id] = here
    if (!here.some(({ id }) => id === user.id)) here.push({ ...user })
  }
  return JSON.stringify(rows)
}

/** The number that somebody typed: null for nothing, undefined for what is no number of a group. */
export function numberFrom(text: string): number | null | undefined {
  const typed = text.trim().normalize('NFKC')
  if (!typed) return null
  const number = Number(typed)
  return /^\d+$/.test(typed) && Number.isSafeInteger(number) ? number : undefined
}

function matches({ name, gbsNumber }: LineupRow, word: string): boolean {
  return name.toLocaleLowerCase().includes(word) || String(gbsNumber ?? '') === word
}
