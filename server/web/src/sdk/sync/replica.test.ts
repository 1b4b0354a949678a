import 'fake-indexeddb/auto'
import { openDB } from 'idb'
import { afterEach, describe, expect, it, vi } from 'vitest'
import * as Y from 'yjs'
import { type OpenProject, openProject } from '../project'
import { Replica, replicaName } from './replica'
import type { OpenTransport } from './transport'

const WHEN = { start: '2026-03-02T09:00:00', end: '2026-03-02T10:00:00', tz: 'Asia/Seoul' }
/** Past so many rows the replica merges them by itself. */
const MOST_ROWS = 500

const replicas: Replica[] = []
const projects: OpenProject[] = []
let names = 0

const fresh = () => replicaName(`user${++names}`, 'team')

async function open(name: string): Promise<Replica> {
  const replica = await Replica.open(name)
  replicas.push(replica)
  return replica
}

/** A line that never opens: nobody is there but this machine. */
const silence: OpenTransport = () => ({
  send: () => undefined,
  close: () => undefined,
  bufferedBytes: 0,
})

function visit(user: string, project = 'team'): OpenProject {
  const made = openProject(
    { project, user: { id: user, name: user }, server: 'http://nowhere.invalid' },
    { websocket: silence, polling: silence },
  )
  projects.push(made)
  return made
}

/** The updates of somebody who types, one for each letter. */
function typing(words: string): { doc: Y.Doc; updates: Uint8Array[] } {
  const doc = new Y.Doc()
  const updates: Uint8Array[] = []
  doc.on('update', (update) => updates.push(update))
  for (const [at, letter] of [...words].entries()) doc.getText('words').insert(at, letter)
  return { doc, updates }
}

function docOf(updates: readonly Uint8Array[]): Y.Doc {
  const doc = new Y.Doc()
  for (const update of updates) Y.applyUpdate(doc, update)
  return doc
}

const wordsIn = async (replica: Replica) =>
  docOf((await replica.load()).updates)
    .getText('words')
    .toString()

async function rowsIn(name: string): Promise<number> {
  const db = await openDB(name)
  const count = await db.count('updates')
  db.close()
  return count
}

/** Every write to the disk fails, as on a full one, until the function returned is called. */
function fillDisk(): () => void {
  const spy = vi.spyOn(IDBObjectStore.prototype, 'add').mockImplementation(() => {
    throw new DOMException('the disk is full', 'QuotaExceededError')
  })
  return () => spy.mockRestore()
}

afterEach(async () => {
  vi.restoreAllMocks()
  for (const project of projects.splice(0)) await project.close()
  for (const replica of replicas.splice(0)) replica.close()
})

describe('the replica', () => {
  it('has what was written when it is opened again', async () => {
    const name = fresh()
    const { updates } = typing('lunch')
    const first = await open(name)
    expect(await first.load()).toEqual({ updates: [], pending: [] })
    for (const update of updates) await first.write(update, null)
    first.close()
    expect(await wordsIn(await open(name))).toBe('lunch')
  })

  it('keeps who an edit is about until that has arrived', async () => {
    const name = fresh()
    const { updates } = typing('abc')
    const replica = await open(name)
    const keys = []
    for (const [at, update] of updates.entries())
      keys.push(await replica.write(update, { events: [`e${at}`], at }))
    expect((await replica.load()).pending).toEqual(
      keys.map((key, at) => [key, { events: [`e${at}`], at }]),
    )
    await replica.forget([keys[0] as number, keys[2] as number])
    const again = await open(name)
    expect((await again.load()).pending).toEqual([[keys[1], { events: ['e1'], at: 1 }]])
    expect(await wordsIn(again)).toBe('abc')
  })

  it('gives no key to an edit of somebody else', async () => {
    const replica = await open(fresh())
    expect(await replica.write(typing('a').updates[0] as Uint8Array, null)).toBeNull()
    expect((await replica.load()).pending).toEqual([])
  })

  it('is one for two tabs, each of which writes', async () => {
    const name = fresh()
    const [one, other] = [await open(name), await open(name)]
    const [mine, yours] = [typing('left'), typing('right')]
    await Promise.all([
      ...mine.updates.map((update) => one.write(update, null)),
      ...yours.updates.map((update) => other.write(update, null)),
    ])
    const [seen, there] = [await wordsIn(one), await wordsIn(other)]
    expect(seen).toBe(there)
    expect([...seen].sort().join('')).toBe([...'leftright'].sort().join(''))
  })

  it('is another one for another user, and for another project', async () => {
    await (await open(replicaName('ann', 'x'))).write(typing('mine').updates[0] as Uint8Array, null)
    for (const name of [replicaName('bob', 'x'), replicaName('ann', 'y')])
      expect((await (await open(name)).load()).updates).toEqual([])
  })

  it('has a name that no other user and project can have', () => {
    const pairs = [
      ['a', 'b/c'],
      ['a/b', 'c'],
      ['a%2Fb', 'c'],
      ['a', 'b'],
    ] as const
    expect(new Set(pairs.map(([user, project]) => replicaName(user, project))).size).toBe(4)
  })
})

describe('merging rows', () => {
  it('keeps everything, and leaves one row', async () => {
    const name = fresh()
    const replica = await open(name)
    const { doc, updates } = typing('a calendar')
    for (const update of updates) await replica.write(update, null)
    doc.on('update', (update) => void replica.write(update, { events: ['e'], at: 3 }))
    doc.getText('words').delete(0, 2)
    await vi.waitFor(async () => expect((await replica.load()).pending).toHaveLength(1))
    await replica.compact()
    expect(await rowsIn(name)).toBe(1)
    const again = await open(name)
    expect(await wordsIn(again)).toBe('calendar')
    const { updates: kept, pending } = await again.load()
    expect(Y.encodeStateVector(docOf(kept))).toEqual(Y.encodeStateVector(doc))
    expect(pending).toHaveLength(1)
  })

  it('keeps what builds on something that is still to come', async () => {
    const replica = await open(fresh())
    const [first, second, third] = typing('abc').updates as [Uint8Array, Uint8Array, Uint8Array]
    await replica.write(first, null)
    await replica.write(third, null)
    await replica.compact()
    expect(await wordsIn(replica)).toBe('a')
    await replica.write(second, null)
    expect(await wordsIn(replica)).toBe('abc')
  })

  it('loses nothing that another tab writes meanwhile', async () => {
    const name = fresh()
    const [one, other] = [await open(name), await open(name)]
    const { updates } = typing('a calendar')
    for (const update of updates.slice(0, 5)) await one.write(update, null)
    await Promise.all([
      one.compact(),
      ...updates.slice(5).map((update) => other.write(update, null)),
      other.compact(),
    ])
    expect(await wordsIn(await open(name))).toBe('a calendar')
  })

  it('leaves an empty replica and a single row as they are', async () => {
    const name = fresh()
    const replica = await open(name)
    await replica.compact()
    expect(await rowsIn(name)).toBe(0)
    await replica.write(typing('a').updates[0] as Uint8Array, null)
    await replica.compact()
    expect([await rowsIn(name), await wordsIn(replica)]).toEqual([1, 'a'])
  })

  it('happens by itself when there are too many', async () => {
    const name = fresh()
    const replica = await open(name)
    const words = 'x'.repeat(MOST_ROWS)
    const { doc, updates } = typing(words)
    await Promise.all(updates.map((update) => replica.write(update, null)))
    expect(await rowsIn(name)).toBe(MOST_ROWS)
    doc.on('update', (update) => updates.push(update))
    doc.getText('words').insert(0, 'y')
    await replica.write(updates.at(-1) as Uint8Array, { events: ['e'], at: 1 })
    expect(await rowsIn(name)).toBe(1)
    expect(await wordsIn(replica)).toBe(`y${words}`)
    expect((await replica.load()).pending).toHaveLength(1)
  })

  // The row is on the disk, but its key is lost with the error: the edit stays "unsaved" for ever.
  it('does not make a write that was done look like one that was not', async () => {
    const replica = await open(fresh())
    const { updates } = typing('x'.repeat(MOST_ROWS + 1))
    await Promise.all(updates.slice(0, -1).map((update) => replica.write(update, null)))
    vi.spyOn(replica, 'compact').mockRejectedValue(new DOMException('', 'QuotaExceededError'))
    const last = replica.write(updates.at(-1) as Uint8Array, { events: ['e'], at: 1 })
    await expect(last).resolves.toEqual(expect.any(Number))
  })
})

describe('a disk that takes nothing', () => {
  it('fails the write, and leaves neither half of it behind', async () => {
    const replica = await open(fresh())
    const [first, second] = typing('ab').updates as [Uint8Array, Uint8Array]
    await replica.write(first, { events: ['e'], at: 1 })
    const { add } = IDBObjectStore.prototype
    vi.spyOn(IDBObjectStore.prototype, 'add').mockImplementation(function (
      this: IDBObjectStore,
      value: unknown,
    ) {
      const request = add.call(this, value)
      // Where disks really run out: the transaction is aborted after its requests were taken.
      if (this.name === 'pending') request.onsuccess = () => this.transaction.abort()
      return request
    })
    await expect(replica.write(second, { events: ['e'], at: 2 })).rejects.toThrow()
    vi.restoreAllMocks()
    const { updates, pending } = await replica.load()
    expect([updates.length, pending.length]).toEqual([1, 1])
  })

  it('is reported, and loses nothing that is in memory', async () => {
    const ann = visit(`user${++names}`)
    await ann.ready
    const before = ann.calendar.create({ title: 'Before', when: WHEN })
    await vi.waitFor(() => expect(ann.saved.of(before)).toBe('here'))
    const empty = fillDisk()
    const id = ann.calendar.create({ title: 'Lunch', when: WHEN })
    await vi.waitFor(() => expect(ann.saved.getSnapshot().diskError).toBe('the disk is full'))
    expect(ann.calendar.event(id)?.title).toBe('Lunch')
    expect([ann.saved.of(id), ann.saved.of(before)]).toEqual(['unsaved', 'here'])
    empty()
    const after = ann.calendar.create({ title: 'After', when: WHEN })
    await vi.waitFor(() => expect(ann.saved.of(after)).toBe('here'))
    expect(ann.saved.getSnapshot().diskError).toBeNull()
    expect(ann.calendar.getSnapshot().size).toBe(3)
  })

  it('from the beginning is reported, and the project is open all the same', async () => {
    vi.spyOn(IDBFactory.prototype, 'open').mockImplementation(() => {
      throw new DOMException('no storage here', 'SecurityError')
    })
    const ann = visit(`user${++names}`)
    await ann.ready
    const id = ann.calendar.create({ title: 'Lunch', when: WHEN })
    await new Promise((done) => setTimeout(done))
    expect(ann.saved.getSnapshot()).toMatchObject({
      state: 'unsaved',
      diskError: 'no storage here',
    })
    expect(ann.calendar.event(id)?.title).toBe('Lunch')
  })

  // The update that failed is never written again, and later ones build on it.
  it('for a moment does not spoil what it is said to have afterwards', async () => {
    const user = `user${++names}`
    const ann = visit(user)
    await ann.ready
    const empty = fillDisk()
    ann.calendar.create({ title: 'Lost', when: WHEN })
    await vi.waitFor(() => expect(ann.saved.getSnapshot().diskError).not.toBeNull())
    empty()
    const id = ann.calendar.create({ title: 'Kept', when: WHEN })
    await vi.waitFor(() => expect(ann.saved.of(id)).toBe('here'))
    await ann.close()
    const back = visit(user)
    await back.ready
    expect(back.calendar.event(id)?.title).toBe('Kept')
  })
})

describe('a project on this machine', () => {
  it('is there again after a reload, with what is still to be sent', async () => {
    const user = `user${++names}`
    const ann = visit(user)
    const early = ann.calendar.create({ title: 'Before it was ready', when: WHEN })
    await ann.ready
    const id = ann.calendar.create({ title: 'Lunch', when: WHEN, description: 'soup' })
    ann.calendar.write(id, { location: 'Room 4' })
    await ann.close()
    const back = visit(user)
    await back.ready
    expect(back.calendar.event(early)?.title).toBe('Before it was ready')
    expect(back.calendar.event(id)).toMatchObject({ title: 'Lunch', location: 'Room 4' })
    expect(back.calendar.description(id)?.toString()).toBe('soup')
    expect([back.saved.of(id), back.saved.of(early)]).toEqual(['here', 'here'])
  })

  it('is the same in two tabs that have never heard of each other', async () => {
    const user = `user${++names}`
    vi.stubGlobal('BroadcastChannel', undefined)
    const [one, other] = [visit(user), visit(user)]
    vi.unstubAllGlobals()
    await Promise.all([one.ready, other.ready])
    const left = one.calendar.create({ title: 'Left', when: WHEN })
    const right = other.calendar.create({ title: 'Right', when: WHEN })
    await Promise.all([one.close(), other.close()])
    const back = visit(user)
    await back.ready
    expect([back.calendar.event(left)?.title, back.calendar.event(right)?.title]).toEqual([
      'Left',
      'Right',
    ])
    expect(back.saved.getSnapshot()).toMatchObject({ state: 'here', pendingCount: 2 })
  })

  it('is the same in two open tabs, each edit once on the disk', async () => {
    const user = `user${++names}`
    const [one, other] = [visit(user), visit(user)]
    await Promise.all([one.ready, other.ready])
    const id = one.calendar.create({ title: 'Lunch', when: WHEN })
    await vi.waitFor(() => expect(other.calendar.event(id)?.title).toBe('Lunch'))
    other.calendar.write(id, { title: 'Dinner' })
    await vi.waitFor(() => expect(one.calendar.event(id)?.title).toBe('Dinner'))
    await Promise.all([one.close(), other.close()])
    expect(await rowsIn(replicaName(user, 'team'))).toBe(2)
  })

  it('shows nothing of another user of the same browser', async () => {
    const [ann, bob] = [`user${++names}`, `user${++names}`]
    const hers = visit(ann)
    await hers.ready
    hers.calendar.create({ title: 'Secret', when: WHEN })
    await hers.close()
    const his = visit(bob)
    await his.ready
    expect(his.calendar.getSnapshot().size).toBe(0)
    expect(his.saved.getSnapshot().pendingCount).toBe(0)
  })

  it('is kept in memory alone when that is asked for', async () => {
    const user = `user${++names}`
    const ann = openProject(
      { project: 'team', user: { id: user, name: user }, server: 'http://x', offline: false },
      { websocket: silence, polling: silence },
    )
    projects.push(ann)
    await ann.ready
    const id = ann.calendar.create({ title: 'Lunch', when: WHEN })
    await ann.close()
    expect(ann.saved.of(id)).toBe('unsaved')
    const databases = (await indexedDB.databases()).map(({ name }) => name)
    expect(databases).not.toContain(replicaName(user, 'team'))
  })
})
