/** The list of keys. */

import { create } from 'zustand'
import { useMessages } from '../i18n/messages'
import { Dialog } from '../shell/dialog'
import { keys, messages } from './messages'

export const useShortcuts = create<{ open: boolean }>()(() => ({ open: false }))

const KEYS: readonly (readonly [keyof (typeof keys)['en'], readonly string[]])[] = [
  ['n', ['N']],
  ['t', ['T']],
  ['views', ['M', 'W', 'D', 'L']],
  ['jk', ['J', 'K']],
  ['arrows', ['←', '→']],
  ['enter', ['Enter']],
  ['alt', ['Alt ↑↓', 'Alt ←→']],
  ['del', ['Delete']],
  ['search', ['/']],
  ['undo', ['Ctrl Z', 'Ctrl Shift Z']],
  ['escape', ['Esc']],
  ['help', ['?']],
]

export function Shortcuts() {
  const isOpen = useShortcuts((state) => state.open)
  const text = useMessages(messages)
  const words = useMessages(keys)
  if (!isOpen) return null
  return (
    <Dialog title={text.shortcuts} onClose={() => useShortcuts.setState({ open: false })}>
      <dl className="calendar-keys">
        {KEYS.map(([name, caps]) => (
          <div key={name}>
            <dt>{words[name]}</dt>
            <dd>
              {caps.map((cap) => (
                <kbd key={cap}>{cap}</kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}
