/** One row of the board. */

import { CloudUpload, X } from 'lucide-react'
import { memo as remembered } from 'react'
import { toast } from 'sonner'
import { useReadable } from '../../sdk/react'
import type { Lineup, LineupRow, Project } from '../../sdk/types'
import { currentMessages, useMessages } from '../i18n/messages'
import { common } from '../messages'
import { Cell } from './cell'
import { Memos } from './memos'
import { messages } from './messages'
import { detailsOf, type Editor, numberFrom } from './rows'

interface Props {
  row: LineupRow
  board: Lineup
  project: Project
  disabled: boolean
  editors: readonly Editor[] | undefined
}

export const Row = remembered(
  RowContent,
  (one, other) =>
    one.row === other.row &&
    one.disabled === other.disabled &&
    JSON.stringify(one.editors) === JSON.stringify(other.editors),
)

function RowContent({ row, board, project, disabled, editors }: Props) {
  const text = useMessages(messages)
  const name = row.name || text.noName
  const details = detailsOf(row)
  const show = (isEditing: boolean) =>
    project.presence.show({ lineup: isEditing ? { id: row.id } : null })
  const color = editors?.[0]?.color
  return (
    <tr
      data-lineup={row.id}
      className={color ? 'board-row board-busy' : 'board-row'}
      style={color ? ({ '--who': color } as React.CSSProperties) : undefined}
    >
      <th scope="row" className="board-person">
        <Cell
          value={row.name}
          label={text.nameOf(name)}
          className="board-name"
          disabled={disabled}
          placeholder={text.noName}
          onEditing={show}
          onCommit={(typed) => board.write(row.id, { name: typed.trim() })}
        />
        {(details || editors) && (
          <span className="board-below">
            {details && <small className="board-details">{details}</small>}
            {editors && <Editors editors={editors} />}
          </span>
        )}
      </th>
      <td className="board-group">
        <Cell
          value={row.gbsNumber === null ? '' : String(row.gbsNumber)}
          label={text.groupOf(name)}
          className="board-number"
          disabled={disabled}
          placeholder={text.noGroup}
          inputMode="numeric"
          problem={(typed) => (numberFrom(typed) === undefined ? text.notNumber : '')}
          onEditing={show}
          onCommit={(typed) => board.write(row.id, { gbsNumber: numberFrom(typed) ?? null })}
        />
      </td>
      <td className="board-memos">
        <Memos row={row} board={board} disabled={disabled} onEditing={show} />
      </td>
      <td className="board-end">
        <Pending project={project} id={row.id} />
        {!disabled && (
          <button
            type="button"
            className="icon-button icon-small board-remove"
            aria-label={text.remove(name)}
            title={text.remove(name)}
            onClick={() => remove(board, row, name)}
          >
            <X size={16} aria-hidden />
          </button>
        )}
      </td>
    </tr>
  )
}

function Editors({ editors }: { editors: readonly Editor[] }) {
  const text = useMessages(messages)
  const names = editors.map(({ name }) => name).join(', ')
  return (
    <span className="board-editors" role="status">
      <span className="dot" aria-hidden />
      {text.isEditing(names)}
    </span>
  )
}

/** Shown while an edit of the row is not on the server's disk. */
function Pending({ project, id }: { project: Project; id: string }) {
  const state = useReadable(project.saved, () => project.saved.of(id))
  if (!state || state === 'server') return null
  return (
    <CloudUpload
      size={14}
      className={`board-pending badge-${state}`}
      aria-hidden
      data-row={state}
    />
  )
}

function remove(board: Lineup, row: LineupRow, name: string): void {
  const text = currentMessages(messages)
  board.remove(row.id)
  toast(text.removed(name), {
    action: { label: currentMessages(common).undo, onClick: () => board.restore(row.id) },
  })
}
