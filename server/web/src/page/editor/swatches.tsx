/** The colour of an event, to choose by sight or by name. */

import { COLORS } from '../../sdk/presence'
import { defineMessages, useMessages } from '../i18n/messages'
import { messages as common } from './messages'

/** The names are those of `COLORS`, in their order. */
const messages = defineMessages(
  {
    names: 'red,orange,mustard,olive,green,teal,sky blue,blue,indigo,purple,magenta,brown',
    other: (value: string) => `another colour, ${value}`,
  },
  {
    names: '빨강,주황,겨자색,올리브색,초록,청록,하늘색,파랑,남색,보라,자홍,갈색',
    other: (value: string) => `다른 색, ${value}`,
  },
)

interface Props {
  value: string
  disabled: boolean
  onChange(color: string): void
}

export function Swatches({ value, disabled, onChange }: Props) {
  const words = useMessages(common)
  const text = useMessages(messages)
  const names = text.names.split(',')
  const nameOf = (color: string) =>
    color ? (names[COLORS.indexOf(color as never)] ?? text.other(color)) : words.ofCalendar
  const colors = ['', ...COLORS, ...(value && !COLORS.includes(value as never) ? [value] : [])]
  return (
    <fieldset className="editor-field swatches" disabled={disabled}>
      <legend>{words.color}</legend>
      {colors.map((color) => (
        <button
          key={color}
          type="button"
          className="swatch"
          style={{ background: color || 'var(--line-strong)' }}
          aria-pressed={value === color}
          aria-label={nameOf(color)}
          title={nameOf(color)}
          onClick={() => onChange(color)}
        />
      ))}
    </fieldset>
  )
}
