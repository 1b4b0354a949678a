/** The memos of a row: small papers, written on in place. */

import { Check, Plus, Trash2 } from 'lucide-react'
import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import type { Lineup, LineupMemo, LineupRow } from '../../sdk/types'
import { useMessages } from '../i18n/messages'
import { common } from '../messages'
import { useView } from '../view'
import { messages } from './messages'

export const COLOURS = ['', '#d9a406', '#2f9e58', '#2f7fd1', '#8a5bd6', '#d1495b'] as const

interface Props {
  row: LineupRow
  board: Lineup
  disabled: boolean
  onEditing(isEditing: boolean): void
}

export function Memos({ row, board, disabled, onEditing }: Props) {
  const text = useMessages(messages)
  /** The id of the memo that is written on; '' for a new one. */
  const [open, setOpen] = useState<string | null>(null)
  const begin = (id: string) => {
    setOpen(id)
    onEditing(true)
  }
  const end = () => {
    setOpen(null)
    onEditing(false)
  }
  const form = (memo?: LineupMemo) => (
    <MemoForm
      key={memo?.id ?? 'new'}
      memo={memo}
      onSave={(written) => {
        board.writeMemo(row.id, written, memo?.id)
        end()
      }}
      onRemove={() => {
        if (memo) board.removeMemo(row.id, memo.id)
        end()
      }}
      onCancel={end}
    />
  )
  return (
    <div className="memos">
      {row.memos.map((memo) =>
        open === memo.id ? (
          form(memo)
        ) : (
          <Paper key={memo.id} memo={memo} {...{ disabled, begin }} />
        ),
      )}
      {open === '' && form()}
      {!disabled && open === null && (
        <button
          type="button"
          className="memo-add"
          aria-label={text.addMemoTo(row.name || text.noName)}
          onClick={() => begin('')}
        >
          <Plus size={14} aria-hidden />
          {text.addMemo}
        </button>
      )}
    </div>
  )
}

interface PaperProps {
  memo: LineupMemo
  disabled: boolean
  begin(id: string): void
}

function Paper({ memo, disabled, begin }: PaperProps) {
  const text = useMessages(messages)
  const language = useView((view) => view.language)
  const at = Date.parse(memo.at)
  const when = Number.isNaN(at)
    ? ''
    : new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(at)
  return (
    <button
      type="button"
      className="memo"
      style={inkOf(memo.color)}
      disabled={disabled}
      aria-label={disabled ? memo.text : text.editMemo(memo.text)}
      title={memo.by ? text.wroteIt(memo.by, when) : undefined}
      onClick={() => begin(memo.id)}
    >
      {memo.text}
    </button>
  )
}

interface FormProps {
  memo: LineupMemo | undefined
  onSave(memo: { text: string; color: string }): void
  onRemove(): void
  onCancel(): void
}

function MemoForm({ memo, onSave, onRemove, onCancel }: FormProps) {
  const text = useMessages(messages)
  const words = useMessages(common)
  const names = text.colours.split(',')
  const [written, setWritten] = useState(memo?.text ?? '')
  const [color, setColor] = useState(memo?.color ?? COLOURS[1])
  const area = useRef<HTMLTextAreaElement>(null)
  useEffect(() => area.current?.focus(), [])
  const save = () => {
    if (written.trim()) onSave({ text: written.trim(), color })
    else onCancel()
  }
  const press = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return
    if (event.key === 'Escape') onCancel()
    else if (event.key === 'Enter' && !event.shiftKey && event.target === area.current) save()
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keys are those of the field within
    <div className="memo-form" style={inkOf(color)} onKeyDown={press}>
      <textarea
        ref={area}
        rows={2}
        value={written}
        aria-label={text.memoText}
        onChange={({ target }) => setWritten(target.value)}
      />
      <div className="memo-tools">
        <span className="memo-colours" role="radiogroup" aria-label={text.colour}>
          {COLOURS.map((one, at) => (
            <button
              key={one}
              type="button"
              role="radio"
              aria-checked={color === one}
              aria-label={names[at]}
              title={names[at]}
              className="memo-colour"
              style={{ background: one || 'var(--line-strong)' }}
              onClick={() => setColor(one)}
            />
          ))}
        </span>
        {memo && (
          <button
            type="button"
            className="icon-button icon-small"
            aria-label={words.remove}
            title={words.remove}
            onClick={onRemove}
          >
            <Trash2 size={15} aria-hidden />
          </button>
        )}
        <button
          type="button"
          className="icon-button icon-small"
          aria-label={words.save}
          title={words.save}
          onClick={save}
        >
          <Check size={16} aria-hidden />
        </button>
      </div>
    </div>
  )
}

/** Any text may be there; only what is surely a colour is used as one. */
function inkOf(color: string): React.CSSProperties {
  const ink = /^(#[0-9a-f]{3,8}|[a-z]{3,20})$/i.test(color) ? color : 'var(--line-strong)'
  return { '--ink': ink } as React.CSSProperties
}
