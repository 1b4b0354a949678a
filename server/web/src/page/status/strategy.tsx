/** How a calendar settles at first what two wrote at once: of the one that is worked in. */

import { useReadable } from '../../sdk/react'
import type { ConflictStrategy, Project } from '../../sdk/types'
import { targetOf } from '../calendar/actions'
import { useMessages } from '../i18n/messages'
import { mayEdit, nameOf, useOpenProject } from '../workspace'
import { messages } from './messages'

const STRATEGIES: readonly ConflictStrategy[] = [
  'last_write_wins',
  'first_write_wins',
  'manual',
  'merge',
]

export function StrategyChoice() {
  const project = useOpenProject(targetOf())
  return project && mayEdit(project.id) ? <Choice project={project} /> : null
}

function Choice({ project }: { project: Project }) {
  const text = useMessages(messages)
  const { conflictStrategy } = useReadable(project.calendar).properties
  const write = (strategy: ConflictStrategy) => {
    project.calendar.history.separate()
    project.calendar.writeProperties({ conflictStrategy: strategy })
  }
  return (
    <label className="conflict-strategy">
      {text.strategy(nameOf(project.id))}
      <select
        value={conflictStrategy}
        onChange={({ target }) => write(target.value as ConflictStrategy)}
      >
        {STRATEGIES.map((strategy) => (
          <option key={strategy} value={strategy}>
            {text[strategy]}
          </option>
        ))}
      </select>
    </label>
  )
}
