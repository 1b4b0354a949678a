/** The frame of the side panel: a title, a way out, and the focus where it belongs. */

import { X } from 'lucide-react'
import { type ReactNode, useEffect, useId, useRef } from 'react'
import { useMessages } from '../i18n/messages'
import { common } from '../messages'
import { useView } from '../view'

interface Props {
  title: ReactNode
  children: ReactNode
  actions?: ReactNode
}

export function PanelFrame({ title, children, actions }: Props) {
  const text = useMessages(common)
  const set = useView((view) => view.set)
  const panel = useRef<HTMLElement>(null)
  const id = useId()
  useEffect(() => {
    const before = document.activeElement
    if (!panel.current?.contains(before)) panel.current?.focus()
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus()
      setTimeout(focusSelected, 50) // when what has been saved is drawn
    }
  }, [])
  const key = (event: React.KeyboardEvent) => {
    if (event.key !== 'Escape' || event.defaultPrevented) return
    event.preventDefault()
    set({ panel: null })
  }
  return (
    <aside className="panel" ref={panel} tabIndex={-1} aria-labelledby={id} onKeyDown={key}>
      <header className="panel-head">
        <h2 id={id}>{title}</h2>
        {actions}
        <button
          type="button"
          className="icon-button"
          aria-label={text.close}
          onClick={() => set({ panel: null })}
        >
          <X size={20} aria-hidden />
        </button>
      </header>
      <div className="panel-body">{children}</div>
    </aside>
  )
}

/** The focus would be nowhere: let it be on the event that the panel was about. */
function focusSelected(): void {
  if (document.activeElement !== document.body) return
  document.querySelector('.event-selected')?.closest<HTMLElement>('[tabindex]')?.focus()
}
