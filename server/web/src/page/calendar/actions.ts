/** What can be done with events in the grid, by mouse and by keyboard alike. */

import { toast } from 'sonner'
import type { History, Instance, When } from '../../sdk/types'
import { askScope } from '../editor/scope'
import { currentMessages } from '../i18n/messages'
import { common } from '../messages'
import { type Selection, useView } from '../view'
import { mayEdit, workspace } from '../workspace'
import { nextHour } from './clock'
import { messages } from './messages'

function openProjectOf(id: string | null) {
  return workspace.getSnapshot().open.find((project) => project.id === id)
}

/** The selected instance, if it is there. */
export function instanceOf(selection: Selection | null): Instance | undefined {
  if (!selection) return undefined
  const calendar = openProjectOf(selection.project)?.calendar
  return calendar?.instance(selection.event, selection.recurrenceId, useView.getState().zone)
}

export function selectionOf(project: string, instance: Instance): Selection {
  return { project, event: instance.event.id, recurrenceId: instance.recurrenceId }
}

/** Give an event another time; of a series, ask of which part. Returns whether it was done. */
export async function move(project: string, instance: Instance, when: When): Promise<boolean> {
  const calendar = openProjectOf(project)?.calendar
  if (!calendar || !mayEdit(project)) return refuse()
  calendar.history.separate()
  const { recurrenceId } = instance
  if (recurrenceId === null) {
    calendar.write(instance.event.id, { when })
    return true
  }
  const scope = await askScope('move')
  const held = { project, event: instance.event.id, recurrenceId }
  if (!scope || !instanceOf(held)) return false // somebody else was quicker
  const id = calendar.write(instance.event.id, { when }, { recurrenceId, scope })
  const moved = scope === 'this' ? recurrenceId : when.start
  useView.getState().select({ project, event: id, recurrenceId: moved })
  return true
}

/** Delete to the bin; of a series, ask how much of it. */
export async function remove(selection: Selection): Promise<void> {
  const calendar = openProjectOf(selection.project)?.calendar
  const event = calendar?.event(selection.event)
  if (!calendar || !event) return
  if (!mayEdit(selection.project)) {
    refuse()
    return
  }
  const { recurrenceId } = selection
  const scope = recurrenceId !== null && event.recurrence ? await askScope('remove') : 'all'
  if (!scope) return
  calendar.history.separate()
  calendar.remove(event.id, recurrenceId !== null ? { recurrenceId, scope } : undefined)
  useView.getState().set({ selection: null, panel: null })
  const words = currentMessages(common)
  const id = `removed ${event.id}`
  // What is undone is the last step: once there is another, the offer is over.
  calendar.history.separate()
  if (scope !== 'all') calendar.history.manager.once('stack-item-added', () => toast.dismiss(id))
  toast(currentMessages(messages).removed(event.title || words.untitled), {
    id,
    action: {
      label: words.undo,
      onClick: () => (scope === 'all' ? calendar.restore(event.id) : calendar.history.undo()),
    },
  })
}

/** Begin a new event; it is made when it is saved. */
export function begin(when?: When): void {
  const { target, date, zone, set } = useView.getState()
  const { open } = workspace.getSnapshot()
  const project = [target, ...open.map(({ id }) => id)].find(
    (id) => id && mayEdit(id) && open.some((one) => one.id === id),
  )
  if (!project) {
    if (open.length) refuse()
    else toast(currentMessages(messages).noneShown)
    return
  }
  set({
    selection: null,
    drawer: false,
    panel: { kind: 'draft', project, fields: { when: when ?? nextHour(date, zone) } },
  })
}

/** Take back what was done last, in whichever calendar that was. */
export function undo(): void {
  historyOf('undo')?.undo()
}

export function redo(): void {
  historyOf('redo')?.redo()
}

function historyOf(which: 'undo' | 'redo'): History | undefined {
  const all = workspace.getSnapshot().open.map(({ calendar }) => calendar.history)
  const latest = Math.max(0, ...all.map((history) => history.latest(which)))
  return latest > 0 ? all.find((history) => history.latest(which) === latest) : undefined
}

/** The project that imports and exports are about: that of the selection, or of new events. */
export function targetOf(): string | null {
  const { selection, target, shown } = useView.getState()
  return (
    selection?.project ?? (target && shown.includes(target) ? target : null) ?? shown[0] ?? null
  )
}

function refuse(): false {
  toast(currentMessages(messages).readOnly)
  return false
}
