/** A button with something that opens below it; Escape and a click elsewhere close it. */

import { type ReactNode, useEffect, useRef, useState } from 'react'

interface Props {
  label: string
  button: ReactNode
  className?: string
  align?: 'start' | 'end'
  children: ReactNode | ((close: () => void) => ReactNode)
}

export function Popover({
  label,
  button,
  className = 'icon-button',
  align = 'end',
  children,
}: Props) {
  const [isOpen, setOpen] = useState(false)
  const root = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (!isOpen) return
    const press = (event: PointerEvent) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false)
    }
    const key = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return
      event.preventDefault()
      setOpen(false)
      root.current?.querySelector('button')?.focus()
    }
    window.addEventListener('pointerdown', press)
    window.addEventListener('keydown', key, true)
    return () => {
      window.removeEventListener('pointerdown', press)
      window.removeEventListener('keydown', key, true)
    }
  }, [isOpen])
  const close = () => setOpen(false)
  return (
    <div className="popover" ref={root}>
      <button
        type="button"
        className={className}
        aria-label={label}
        title={label}
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        {button}
      </button>
      {isOpen && (
        <div className={`popover-panel popover-${align}`} role="dialog" aria-label={label}>
          {typeof children === 'function' ? children(close) : children}
        </div>
      )}
    </div>
  )
}
