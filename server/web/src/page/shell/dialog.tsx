/** A modal dialog: the browser's own, which keeps the focus inside and closes on Escape. */

import { X } from 'lucide-react'
import { type ReactNode, useEffect, useId, useRef } from 'react'
import { useMessages } from '../i18n/messages'
import { common } from '../messages'

interface Props {
  title: string
  children: ReactNode
  onClose(): void
}

export function Dialog({ title, children, onClose }: Props) {
  const text = useMessages(common)
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const before = document.activeElement
    dialog.current?.showModal()
    return () => {
      if (before instanceof HTMLElement) before.focus()
    }
  }, [])
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={id}
      onClose={onClose}
      onClick={({ target }) => target === dialog.current && onClose()}
      // Escape is the browser's: the calendar would take it, and the dialog stay.
      onKeyDown={(event) => event.key === 'Escape' && event.stopPropagation()}
    >
      <div className="dialog-body">
        <header>
          <h2 id={id}>{title}</h2>
          <button type="button" className="icon-button" onClick={onClose} aria-label={text.close}>
            <X size={18} aria-hidden />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  )
}
