/** Calendars in and out as iCalendar files, by the server: it knows what the programs of this world write. */

import { toast } from 'sonner'
import { create } from 'zustand'
import { targetOf } from '../calendar/actions'
import { currentMessages, defineMessages } from '../i18n/messages'
import { mayEdit, nameOf, workspace } from '../workspace'

export const messages = defineMessages(
  {
    drop: (name: string) => `Drop to import into ${name}`,
    importing: (file: string) => `Importing ${file}`,
    waits: (file: string) => `${file} will be imported when the server is back.`,
    done: (file: string, created: number, updated: number, unchanged: number) =>
      `${file}: ${created} new, ${updated} changed, ${unchanged} as they were`,
    problems: (n: number) => `${n} problems`,
    failed: (file: string, why: string) => `${file} was not imported: ${why}`,
    notIcs: (file: string) => `${file} is no .ics file`,
    readOnly: 'You may not change this calendar.',
    exportOffline: 'Exporting needs the server; try again when it is back.',
    show: 'Show',
    title: 'What the import could not read',
  },
  {
    drop: (name: string) => `놓으면 ${name} 캘린더로 가져옵니다`,
    importing: (file: string) => `${file} 가져오는 중`,
    waits: (file: string) => `서버가 돌아오면 ${file} 파일을 가져옵니다.`,
    done: (file: string, created: number, updated: number, unchanged: number) =>
      `${file}: 새 일정 ${created}개, 변경 ${updated}개, 그대로 ${unchanged}개`,
    problems: (n: number) => `문제 ${n}건`,
    failed: (file: string, why: string) => `${file} 파일을 가져오지 못했습니다: ${why}`,
    notIcs: (file: string) => `${file} 파일은 .ics 파일이 아닙니다`,
    readOnly: '이 캘린더는 수정할 수 없습니다.',
    exportOffline: '내보내려면 서버가 필요합니다. 연결되면 다시 시도하세요.',
    show: '보기',
    title: '가져오지 못한 내용',
  },
)

interface Job {
  readonly id: number
  readonly file: string
  readonly done: number
  readonly total: number
}

interface Line {
  progress?: { done: number; total: number }
  result?: { created: number; updated: number; unchanged: number; problems: string[] }
  error?: { detail: string }
}

/** The imports under way, and the problems somebody wants to read. */
export const useTransfers = create<{ jobs: readonly Job[]; problems: readonly string[] }>()(() => ({
  jobs: [],
  problems: [],
}))

let jobs = 0

/** Import files into the project one works in. Offline they wait until the server is back. */
export async function importFiles(files: Iterable<File>): Promise<void> {
  const project = targetOf()
  const text = currentMessages(messages)
  if (!project || !mayEdit(project)) {
    toast.error(text.readOnly)
    return
  }
  for (const file of files) {
    if (!/\.(ics|ical|ifb)$/i.test(file.name) && file.type !== 'text/calendar')
      toast.error(text.notIcs(file.name))
    else await importFile(project, file)
  }
}

async function importFile(project: string, file: File): Promise<void> {
  const text = currentMessages(messages)
  if (!isConnected(project)) {
    toast(text.waits(file.name))
    await connected(project)
  }
  const id = ++jobs
  const set = (job: Job | null) =>
    useTransfers.setState(({ jobs: held }) => ({
      jobs: [...held.filter((one) => one.id !== id), ...(job ? [job] : [])],
    }))
  set({ id, file: file.name, done: 0, total: 0 })
  try {
    const result = await send(project, file, (done, total) =>
      set({ id, file: file.name, done, total }),
    )
    const { created, updated, unchanged, problems } = result
    const [first] = problems
    if (first && created + updated + unchanged === 0) throw new Error(first)
    const words = text.done(file.name, created, updated, unchanged)
    if (problems.length)
      toast.warning(`${words}. ${text.problems(problems.length)}`, {
        action: { label: text.show, onClick: () => useTransfers.setState({ problems }) },
      })
    else toast.success(words)
  } catch (error) {
    toast.error(text.failed(file.name, error instanceof Error ? error.message : String(error)), {
      duration: 12_000,
    })
  } finally {
    set(null)
  }
}

async function send(
  project: string,
  file: File,
  told: (done: number, total: number) => void,
): Promise<NonNullable<Line['result']>> {
  const answer = await fetch(`/api/v1/projects/${encodeURIComponent(project)}/import`, {
    method: 'POST',
    headers: { 'content-type': 'text/calendar' },
    body: file,
  })
  if (!answer.ok || !answer.body)
    throw new Error(
      ((await answer.json().catch(() => ({}))) as { detail?: string }).detail ?? answer.statusText,
    )
  for await (const line of linesOf(answer.body)) {
    const { progress, result, error } = JSON.parse(line) as Line
    if (progress) told(progress.done, progress.total)
    if (error) throw new Error(error.detail)
    if (result) return result
  }
  throw new Error('the server stopped in the middle')
}

/** The lines of a stream, as they come. */
export async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .getReader()
  let rest = ''
  for (let { value, done } = await reader.read(); !done; { value, done } = await reader.read()) {
    const lines = (rest + value).split('\n')
    rest = lines.pop() ?? ''
    yield* lines.filter(Boolean)
  }
  if (rest) yield rest
}

/** Ask for files to import. */
export function chooseFiles(): void {
  const input = Object.assign(document.createElement('input'), {
    type: 'file',
    multiple: true,
    accept: '.ics,text/calendar',
  })
  input.onchange = () => void importFiles([...(input.files ?? [])])
  input.click()
}

/** Load the calendar down as a file. */
export function exportCalendar(project: string | null): void {
  if (!project) return
  if (!isConnected(project)) {
    toast(currentMessages(messages).exportOffline)
    return
  }
  const link = Object.assign(document.createElement('a'), {
    href: `/api/v1/projects/${encodeURIComponent(project)}/calendar.ics`,
    download: `${nameOf(project)}.ics`,
  })
  link.click()
}

function connectionOf(project: string) {
  return workspace.getSnapshot().open.find(({ id }) => id === project)?.connection
}

function isConnected(project: string): boolean {
  return connectionOf(project)?.getSnapshot().state === 'connected'
}

function connected(project: string): Promise<void> {
  return new Promise((resolve) => {
    const end = connectionOf(project)?.subscribe(() => {
      if (!isConnected(project)) return
      end?.()
      resolve()
    })
  })
}
