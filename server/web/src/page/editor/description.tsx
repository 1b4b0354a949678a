/** The description: several people write in it at once and see each other's carets. Plain text. */

import Quill from 'quill'
import QuillCursors from 'quill-cursors'
import 'quill/dist/quill.core.css'
import { useEffect, useRef } from 'react'
import { QuillBinding } from 'y-quill'
import type * as Y from 'yjs'
import type { Project } from '../../sdk/types'

Quill.register('modules/cursors', QuillCursors)

const TYPING_MS = 2000

interface Props {
  project: Project
  event: string
  text: Y.Text
  label: string
  disabled: boolean
}

export default function Description({ project, event, text, label, disabled }: Props) {
  const place = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const host = place.current
    if (!host) return
    const element = host.appendChild(document.createElement('div'))
    const { history } = project.calendar
    const quill = new Quill(element, {
      formats: [],
      modules: { cursors: true, toolbar: false, history: { maxStack: 0 } },
    })
    const binding = new QuillBinding(text, quill, project.presence.awareness)
    history.manager.addTrackedOrigin(binding)
    quill.enable(!disabled)
    quill.root.setAttribute('aria-label', label)
    quill.root.setAttribute('role', 'textbox')
    quill.root.setAttribute('aria-multiline', 'true')
    let timer: ReturnType<typeof setTimeout> | undefined
    quill.on('text-change', (_delta, _old, source) => {
      if (source !== 'user') return
      project.presence.show({ typing: event })
      clearTimeout(timer)
      timer = setTimeout(() => project.presence.show({ typing: null }), TYPING_MS)
    })
    const rest = () => {
      clearTimeout(timer)
      project.presence.show({ typing: null })
    }
    quill.root.addEventListener('blur', rest)
    const key = (pressed: KeyboardEvent) => {
      if (!(pressed.ctrlKey || pressed.metaKey) || pressed.key.toLowerCase() !== 'z') return
      pressed.preventDefault()
      pressed.stopPropagation()
      if (pressed.shiftKey) history.redo()
      else history.undo()
    }
    host.addEventListener('keydown', key, true)
    return () => {
      clearTimeout(timer)
      host.removeEventListener('keydown', key, true)
      binding.destroy()
      project.presence.awareness.setLocalStateField('cursor', null)
      project.presence.show({ typing: null })
      element.remove()
    }
  }, [project, event, text, label, disabled])
  return <div className="description" ref={place} />
}
