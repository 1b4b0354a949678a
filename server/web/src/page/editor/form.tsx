/** The fields of an event, of one that is there and of one that is to be made. */

import type { ReactNode } from 'react'
import { COLORS } from '../../sdk/presence'
import type { Alarm, Attendee, EventPatch, Recurrence, When } from '../../sdk/types'
import { useMessages } from '../i18n/messages'
import { Alarms, Attendees } from './families'
import { messages } from './messages'
import { RecurrenceEditor } from './recurrence'
import { TextField } from './text-field'
import { WhenField } from './when-field'

export interface Values {
  title: string
  when: When | null
  location: string
  url: string
  color: string
  status: string
  visibility: string
  recurrence: Recurrence | null
  attendees: ReadonlyMap<string, Attendee>
  alarms: ReadonlyMap<string, Alarm>
}

interface Props {
  values: Values
  disabled: boolean
  /** A new event: its title has the focus, Enter makes it. */
  onEnter?: (() => void) | undefined
  /** Between when and the rest: the description. */
  children?: ReactNode
  /** Who else has the focus in a field. */
  peopleAt(field: string): ReactNode
  onFocus(field: string): void
  write(patch: EventPatch): void
}

export function EventForm({
  values,
  disabled,
  onEnter,
  children,
  peopleAt,
  onFocus,
  write,
}: Props) {
  const text = useMessages(messages)
  const at = (field: string) => ({ onFocusCapture: () => onFocus(field) })
  return (
    <div className="editor">
      <div {...at('title')}>
        <TextField
          className="editor-title"
          label={text.title}
          value={values.title}
          disabled={disabled}
          placeholder={text.addTitle}
          autoFocus={!!onEnter}
          people={peopleAt('title')}
          onChange={(title) => write({ title })}
          onEnter={onEnter}
        />
      </div>
      {values.when && (
        <div {...at('when')}>
          <WhenField value={values.when} disabled={disabled} onChange={(when) => write({ when })} />
        </div>
      )}
      {values.when && (
        <div {...at('recurrence')}>
          <RecurrenceEditor
            value={values.recurrence}
            start={values.when.start}
            disabled={disabled}
            onChange={(recurrence) => write({ recurrence })}
          />
        </div>
      )}
      <div {...at('location')}>
        <TextField
          label={text.location}
          value={values.location}
          disabled={disabled}
          people={peopleAt('location')}
          onChange={(location) => write({ location })}
        />
      </div>
      <div {...at('description')}>{children}</div>
      <div {...at('attendees')}>
        <Attendees
          value={values.attendees}
          disabled={disabled}
          onChange={(attendees) => write({ attendees })}
        />
      </div>
      <div {...at('alarms')}>
        <Alarms
          value={values.alarms}
          disabled={disabled}
          onChange={(alarms) => write({ alarms })}
        />
      </div>
      <div {...at('color')}>
        <Swatches value={values.color} disabled={disabled} onChange={(color) => write({ color })} />
      </div>
      <div {...at('url')}>
        <TextField
          label={text.url}
          type="url"
          value={values.url}
          disabled={disabled}
          people={peopleAt('url')}
          onChange={(url) => write({ url })}
        />
      </div>
      <div className="editor-pair">
        <Choice
          label={text.status}
          value={values.status}
          options={['confirmed', 'tentative', 'cancelled']}
          disabled={disabled}
          onChange={(status) =>
            write({ status: (status || null) as EventPatch['status'] & string })
          }
        />
        <Choice
          label={text.visibility}
          value={values.visibility}
          options={['public', 'private', 'confidential']}
          disabled={disabled}
          onChange={(visibility) =>
            write({ visibility: (visibility || null) as EventPatch['visibility'] & string })
          }
        />
      </div>
    </div>
  )
}

type Word = 'confirmed' | 'tentative' | 'cancelled' | 'public' | 'private' | 'confidential'

function Choice({
  label,
  value,
  options,
  disabled,
  onChange,
}: {
  label: string
  value: string
  options: readonly Word[]
  disabled: boolean
  onChange(value: string): void
}) {
  const text = useMessages(messages)
  return (
    <label className="editor-field">
      {label}
      <select value={value} disabled={disabled} onChange={({ target }) => onChange(target.value)}>
        <option value="">{text.unset}</option>
        {options.map((option) => (
          <option key={option} value={option}>
            {text[option]}
          </option>
        ))}
      </select>
    </label>
  )
}

function Swatches({
  value,
  disabled,
  onChange,
}: {
  value: string
  disabled: boolean
  onChange(color: string): void
}) {
  const text = useMessages(messages)
  const colors = ['', ...COLORS, ...(value && !COLORS.includes(value as never) ? [value] : [])]
  return (
    <fieldset className="editor-field swatches" disabled={disabled}>
      <legend>{text.color}</legend>
      {colors.map((color) => (
        <button
          key={color}
          type="button"
          className="swatch"
          style={{ background: color || 'var(--line-strong)' }}
          aria-pressed={value === color}
          aria-label={color || text.ofCalendar}
          title={color || text.ofCalendar}
          onClick={() => onChange(color)}
        />
      ))}
    </fieldset>
  )
}
