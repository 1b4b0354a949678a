/** The board as a table: found, sorted, edited in place. */

import { ArrowDown, ArrowUp, Plus, Search } from 'lucide-react'
import { type FormEvent, useDeferredValue, useMemo, useState } from 'react'
import { usePresence, useReadable } from '../../sdk/react'
import type { Project } from '../../sdk/types'
import { useMessages } from '../i18n/messages'
import { mayEdit, useEntry } from '../workspace'
import { messages } from './messages'
import { Row } from './row'
import { type Column, type Editor, editorsOf, rowsOf, type Shown } from './rows'
import { boardOf } from './store'

/** Rows are drawn by so many: a board of thousands is first of all searched. */
const PAGE = 400

export function BoardTable({ project }: { project: Project }) {
  const text = useMessages(messages)
  const board = boardOf(project)
  const { rows } = useReadable(board)
  const [shown, setShown] = useState<Shown>({
    words: '',
    onlyLeft: false,
    column: 'name',
    isDescending: false,
  })
  const [most, setMost] = useState(PAGE)
  const later = useDeferredValue(shown)
  const found = useMemo(() => rowsOf(rows, later), [rows, later])
  const busy = usePresence(project, editorsOf, Object.is)
  const editors = JSON.parse(busy) as Record<string, Editor[]>
  useEntry(project.id)
  useReadable(project.connection, ({ readOnly }) => readOnly)
  const disabled = !mayEdit(project.id)
  const left = rows.filter(({ gbsNumber }) => gbsNumber === null).length
  const sort = (column: Column) =>
    setShown({
      ...shown,
      column,
      isDescending: shown.column === column && !shown.isDescending,
    })
  return (
    <div className="board">
      <div className="board-tools">
        <label className="board-find">
          <Search size={16} aria-hidden />
          <input
            type="search"
            placeholder={text.find}
            aria-label={text.find}
            value={shown.words}
            onChange={({ target }) => setShown({ ...shown, words: target.value })}
          />
        </label>
        <label className="board-filter">
          <input
            type="checkbox"
            checked={shown.onlyLeft}
            onChange={({ target }) => setShown({ ...shown, onlyLeft: target.checked })}
          />
          {text.onlyLeft}
        </label>
        <p className="hint board-count" aria-live="polite">
          {text.count(rows.length, left)}
        </p>
      </div>
      <div className="board-sheet">
        <table>
          <thead>
            <tr>
              <Head column="name" shown={shown} onSort={sort} title={text.person} />
              <Head column="group" shown={shown} onSort={sort} title={text.group} />
              <th scope="col">{text.memos}</th>
              <th scope="col">
                <span className="hidden">{text.actions}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {found.slice(0, most).map((row) => (
              <Row key={row.id} editors={editors[row.id]} {...{ row, board, project, disabled }} />
            ))}
          </tbody>
        </table>
        {found.length > most && (
          <button type="button" className="button board-more" onClick={() => setMost(most + PAGE)}>
            {text.more(found.length - most)}
          </button>
        )}
        {!found.length && (
          <p className="hint board-none">{rows.length ? text.noneFound : text.none}</p>
        )}
        {!disabled && <AddPerson onAdd={(name) => board.create({ name })} />}
      </div>
      {!disabled && <p className="hint board-keys">{text.keys}</p>}
    </div>
  )
}

interface HeadProps {
  column: Column
  title: string
  shown: Shown
  onSort(column: Column): void
}

function Head({ column, title, shown, onSort }: HeadProps) {
  const text = useMessages(messages)
  const isSorted = shown.column === column
  const Arrow = shown.isDescending ? ArrowDown : ArrowUp
  const order = shown.isDescending ? 'descending' : 'ascending'
  return (
    <th scope="col" aria-sort={isSorted ? order : 'none'}>
      <button
        type="button"
        className="board-sort"
        title={text.sortBy(title)}
        onClick={() => onSort(column)}
      >
        {title}
        {isSorted && <Arrow size={14} aria-hidden />}
      </button>
    </th>
  )
}

function AddPerson({ onAdd }: { onAdd(name: string): void }) {
  const text = useMessages(messages)
  const [name, setName] = useState('')
  const add = (event: FormEvent) => {
    event.preventDefault()
    if (name.trim()) onAdd(name.trim())
    setName('')
  }
  return (
    <form className="board-add" onSubmit={add}>
      <input
        value={name}
        placeholder={text.addName}
        aria-label={text.addName}
        autoComplete="off"
        onChange={({ target }) => setName(target.value)}
      />
      <button type="submit" className="button" disabled={!name.trim()}>
        <Plus size={16} aria-hidden />
        {text.add}
      </button>
    </form>
  )
}
