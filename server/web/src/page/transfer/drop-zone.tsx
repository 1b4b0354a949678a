/** Files may be dropped anywhere; imports show how far they are. */

import { type DragEvent, type ReactNode, useState } from 'react'
import { targetOf } from '../calendar/actions'
import { useMessages } from '../i18n/messages'
import { Dialog } from '../shell/dialog'
import { nameOf } from '../workspace'
import { importFiles, messages, useTransfers } from './transfer'

export function DropZone({ children }: { children: ReactNode }) {
  const text = useMessages(messages)
  const { jobs, problems } = useTransfers()
  const [depth, setDepth] = useState(0)
  const hasFiles = ({ dataTransfer }: DragEvent) => dataTransfer.types.includes('Files')
  const drop = (event: DragEvent) => {
    if (!hasFiles(event)) return
    event.preventDefault()
    setDepth(0)
    void importFiles([...event.dataTransfer.files])
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: by keyboard files are chosen in the menu
    <div
      className="drop-zone"
      onDragEnter={(event) => hasFiles(event) && setDepth((held) => held + 1)}
      onDragLeave={(event) => hasFiles(event) && setDepth((held) => Math.max(0, held - 1))}
      onDragOver={(event) => hasFiles(event) && event.preventDefault()}
      onDrop={drop}
    >
      {children}
      {depth > 0 && <div className="drop-here">{text.drop(nameOf(targetOf() ?? ''))}</div>}
      {jobs.length > 0 && (
        <aside className="progress" aria-label={text.importing('')}>
          {jobs.map(({ id, file, done, total }) => (
            <div key={id}>
              <p>
                <strong>{text.importing(file)}</strong>
                <span>{total ? `${done} / ${total}` : ''}</span>
              </p>
              <progress
                max={total || 1}
                value={total ? done : undefined}
                aria-label={text.importing(file)}
              />
            </div>
          ))}
        </aside>
      )}
      {problems.length > 0 && (
        <Dialog title={text.title} onClose={() => useTransfers.setState({ problems: [] })}>
          <ul className="problems">
            {problems.map((problem) => (
              <li key={problem}>{problem}</li>
            ))}
          </ul>
        </Dialog>
      )}
    </div>
  )
}
