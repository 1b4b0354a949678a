/** Everything that is needed now and then. */

import { EllipsisVertical } from 'lucide-react'
import { useState } from 'react'
import { toast } from 'sonner'
import { targetOf } from '../calendar/actions'
import { useShortcuts } from '../calendar/shortcuts'
import { LANGUAGES, type Language, useMessages } from '../i18n/messages'
import { StrategyChoice } from '../status/strategy'
import { chooseFiles, exportCalendar } from '../transfer/transfer'
import { type Theme, useView, ZONE } from '../view'
import { useWorkspace, workspace } from '../workspace'
import { Dialog } from './dialog'
import { messages } from './messages'
import { Popover } from './popover'

const THEMES: readonly Theme[] = ['system', 'light', 'dark']
const NAMES: Record<Language, string> = { en: 'English', ko: '한국어' }
const ZONES = ['UTC', ...(Intl.supportedValuesOf?.('timeZone') ?? [])]

/** `isCalendar`: with what concerns calendars only. */
export function Menu({ isCalendar = true }: { isCalendar?: boolean }) {
  const text = useMessages(messages)
  const { language, theme, zone, ownZone, set } = useView()
  const session = useWorkspace(({ session: found }) => found)
  const [isConnecting, setConnecting] = useState(false)
  return (
    <>
      <Popover label={text.menu} button={<EllipsisVertical size={20} aria-hidden />}>
        {(close) => {
          const item = (label: string, act: () => void) => (
            <button
              type="button"
              className="menu-item"
              onClick={() => {
                close()
                act()
              }}
            >
              {label}
            </button>
          )
          return (
            <div className="menu">
              {session && <p className="menu-who">{text.signedInAs(session.user.name)}</p>}
              <label>
                {text.language}
                <select
                  value={language}
                  onChange={({ target }) => set({ language: target.value as Language })}
                >
                  {LANGUAGES.map((one) => (
                    <option key={one} value={one}>
                      {NAMES[one]}
                    </option>
                  ))}
                </select>
              </label>
              <label>
                {text.theme}
                <select
                  value={theme}
                  onChange={({ target }) => set({ theme: target.value as Theme })}
                >
                  {THEMES.map((one) => (
                    <option key={one} value={one}>
                      {text[one]}
                    </option>
                  ))}
                </select>
              </label>
              <label>
                {text.zone}
                <select
                  value={ownZone ?? ''}
                  onChange={({ target: { value } }) =>
                    set({ ownZone: value || null, zone: value || ZONE })
                  }
                >
                  <option value="">{text.ownZone(ZONE)}</option>
                  {[...new Set([zone, ...ZONES])].map((one) => (
                    <option key={one}>{one}</option>
                  ))}
                </select>
              </label>
              <hr />
              {isCalendar && (
                <>
                  <StrategyChoice />
                  {item(text.import, chooseFiles)}
                  {item(text.export, () => exportCalendar(targetOf()))}
                  {item(text.bin, () => set({ panel: { kind: 'bin' } }))}
                  {item(text.shortcuts, () => useShortcuts.setState({ open: true }))}
                  {item(text.connect, () => setConnecting(true))}
                  <hr />
                </>
              )}
              {item(text.signOut, () => void signOut(text.unsentKept))}
            </div>
          )
        }}
      </Popover>
      {isConnecting && (
        <Dialog title={text.connect} onClose={() => setConnecting(false)}>
          <p>{text.connectText}</p>
          <pre>{codeFor(targetOf() ?? 'demo')}</pre>
        </Dialog>
      )}
    </>
  )
}

async function signOut(unsentKept: string): Promise<void> {
  const isUnsent = workspace
    .getSnapshot()
    .open.some(({ saved }) => saved.getSnapshot().pendingCount)
  await workspace.signOut()
  if (isUnsent) toast(unsentKept, { duration: 10_000 })
}

function codeFor(project: string): string {
  const place = location.origin.replace(/^http/, 'ws')
  return `import * as Y from 'yjs'
import { WebsocketProvider } from 'y-websocket'

const doc = new Y.Doc()
new WebsocketProvider('${place}/yjs', '${project}', doc, {
  params: { token: 'YOUR TOKEN' }
})
doc.getMap('events').observeDeep(() =>
  console.log(doc.getMap('events').toJSON()))`
}
