/** The fields of an event, of one that is there and of one that is to be made. */

import type { FocusEvent, ReactNode } from 'react'
import type { Alarm, Attendee, EventPatch, Recurrence, Scope, When } from '../../sdk/types'
import { useMessages } from '../i18n/messages'
import { Alarms } from './alarms'
import { Attendees } from './attendees'
import { hasLeft } from './leaving'
import { messages } from './messages'
import { RecurrenceEditor } from './recurrence'
import { Swatches } from './swatches'
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
  /** When the series begins. */
  first: When | null
}

interface Props {
  values: Values
  disabled: boolean
  /** How much of a series is shown and written; null for all there is. */
  scope?: Scope | null
  /** A new event: its title has the focus, Enter makes it. */
  onEnter?: (() => void) | undefined
  /** Between when and the rest: the description. */
  children?: ReactNode
  /** Who else has the focus in a field. */
  peopleAt(field: string): ReactNode
  /** A field has the focus, or none has it any more. */
  onFocus(field?: string): void
  write(patch: EventPatch): void
}

export function EventForm({
  values,
  disabled,
  scope = null,
  onEnter,
  children,
  peopleAt,
  onFocus,
  write,
}: Props) {
  const text = useMessages(messages)
  const at = (field: string) => ({
    onFocus: () => onFocus(field),
    onBlur: (event: FocusEvent) => hasLeft(event) && onFocus(),
  })
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
      {values.first && (
        <div {...at('recurrence')}>
          <RecurrenceEditor
            value={values.recurrence}
            first={values.first}
            disabled={disabled || scope === 'this'}
            hint={scope === 'this' && !disabled ? text.ofSeries : ''}
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
