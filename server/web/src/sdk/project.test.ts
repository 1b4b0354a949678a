/** Projects against the real server: what is said to be saved is saved, and everybody sees it. */

import 'fake-indexeddb/auto'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { WebSocket as NodeWebSocket } from 'ws'
import { type OpenProject, openProject } from './project'
import type { Surroundings } from './sync/connection'
import { Replica, replicaName } from './sync/replica'
import type { TransportEvents } from './sync/transport'
import { type SocketClass, webSockets } from './sync/websocket'
import { isInstalled, ServerProcess } from './testing/server'

const WHEN = { start: '2026-03-02T09:00:00', end: '2026-03-02T10:00:00', tz: 'Asia/Seoul' }
const websocket = webSockets(NodeWebSocket as unknown as SocketClass)
/** A network in which no WebSocket opens. */
const blocked = (_: unknown, events: TransportEvents) => {
  setTimeout(() => events.onClose(1006, ''))
  return { send: () => undefined, close: () => undefined, bufferedBytes: 0 }
}

let server: ServerProcess
const opened: OpenProject[] = []
let users = 0

function open(
  user: string,
  options: { project?: string; role?: string; around?: Partial<Surroundings> } = {},
) {
  const { project = 'team', role = 'editor', around = {} } = options
  const token = server.token(user, project, role)
  const made = openProject(
    {
      project,
      user: { id: user, name: user.toUpperCase() },
      server: server.url,
      token: async () => token,
    },
    { websocket, ...around },
  )
  opened.push(made)
  return made
}

const someone = (name: string) => `${name}${++users}`
const until = (check: () => unknown, timeout = 8000) => vi.waitFor(check, { timeout, interval: 5 })
const connected = (project: OpenProject) =>
  until(() =>
    expect(project.connection.getSnapshot()).toMatchObject({
      state: 'connected',
      lastSyncAt: expect.any(Number),
    }),
  )

describe.skipIf(!isInstalled)('a project', () => {
  beforeAll(async () => {
    server = await ServerProcess.started('team', 'other')
  }, 30_000)
  afterAll(() => server.stop())
  afterEach(async () => {
    for (const project of opened.splice(0)) await project.close()
  })

  it('says "server" only when the server has said so', async () => {
    const [ann, bob] = [open(someone('ann')), open(someone('bob'))]
    await Promise.all([connected(ann), connected(bob)])
    const id = ann.calendar.create({ title: 'Lunch', when: WHEN })
    await Promise.resolve()
    expect(ann.saved.of(id)).toBe('unsaved')
    await ann.saved.settled()
    expect(ann.saved.of(id)).toBe('server')
    expect(ann.saved.getSnapshot()).toMatchObject({ state: 'server', pendingCount: 0 })
    await until(() => expect(bob.calendar.event(id)?.title).toBe('Lunch'))
    await server.kill()
    await server.start()
    const carl = open(someone('carl'))
    await connected(carl)
    expect(carl.calendar.event(id)?.title).toBe('Lunch')
  }, 20_000)

  it('keeps edits here while the server is away, over a reload, and brings them', async () => {
    const user = someone('ann')
    const ann = open(user)
    await connected(ann)
    await server.kill()
    await until(() => expect(ann.connection.getSnapshot().state).not.toBe('connected'))
    const id = ann.calendar.create({ title: 'Offline', when: WHEN })
    await until(() => expect(ann.saved.of(id)).toBe('here'))
    await ann.close()
    await server.start()
    const back = open(user)
    await back.ready
    expect(back.calendar.event(id)?.title).toBe('Offline')
    await until(() => expect(back.saved.of(id)).toBe('server'))
    const replica = await Replica.open(replicaName(user, 'team'))
    await until(async () => expect((await replica.load()).pending).toEqual([]))
    replica.close()
  }, 20_000)

  it('comes back by itself, and at once when told', async () => {
    const ann = open(someone('ann'))
    await connected(ann)
    await server.kill()
    await until(() => expect(ann.connection.getSnapshot().state).toBe('reconnecting'))
    await server.start()
    ann.connection.retry()
    await connected(ann)
    ann.connection.pause()
    expect(ann.connection.getSnapshot().state).toBe('offline')
    ann.connection.resume()
    await connected(ann)
  }, 20_000)

  it('never calls saved what a viewer wrote', async () => {
    const eve = open(someone('eve'), { role: 'viewer' })
    await connected(eve)
    const id = eve.calendar.create({ title: 'No', when: WHEN })
    await expect(eve.saved.settled()).rejects.toThrow(/not edit/)
    expect(eve.connection.getSnapshot().readOnly).toBe(true)
    eve.connection.retry()
    await new Promise((done) => setTimeout(done, 100))
    expect(eve.saved.of(id)).not.toBe('server')
  })

  it('stops when it may not come in, and says why', async () => {
    const mallory = open(someone('mallory'), { project: 'other' })
    await connected(mallory)
    const user = mallory.presence.getSnapshot().self.user.id
    server.run('projects', 'members', 'remove', 'other', user)
    await until(() =>
      expect(mallory.connection.getSnapshot()).toMatchObject({
        state: 'error',
        refusal: { code: 4403 },
      }),
    )
    expect(mallory.connection.getSnapshot().retryAt).toBeNull()
  })

  it('shows who is here, and that they have left', async () => {
    const [ann, bob] = [open(someone('ann')), open(someone('bob'))]
    const comings: string[] = []
    bob.presence.onComing(({ joined, left }) =>
      comings.push(
        ...joined.map(({ user }) => `+${user.name}`),
        ...left.map(({ user }) => `-${user.name}`),
      ),
    )
    await Promise.all([connected(ann), connected(bob)])
    ann.presence.show({ pointer: { x: 0.5, y: 0.25 }, typing: 'e1' })
    const annAt = () =>
      [...bob.presence.getSnapshot().others.values()].find(
        ({ user }) => user.id === ann.presence.getSnapshot().self.user.id,
      )
    await until(() => expect(annAt()).toMatchObject({ pointer: { x: 0.5, y: 0.25 }, typing: 'e1' }))
    await ann.close()
    await until(() => expect(annAt()).toBeUndefined())
    await until(() => expect(comings.filter((one) => one.startsWith('-ann'))).toHaveLength(1))
  }, 20_000)

  it('goes by long polling where WebSocket is blocked, and comes back', async () => {
    let isBlocked = true
    const around: Partial<Surroundings> = {
      websocket: (target, events) =>
        isBlocked ? blocked(target, events) : websocket(target, events),
      later: (ms, call) => {
        const timer = setTimeout(call, ms >= 60_000 ? 300 : ms)
        return () => clearTimeout(timer)
      },
    }
    const [ann, bob] = [open(someone('ann'), { around }), open(someone('bob'))]
    await Promise.all([connected(ann), connected(bob)])
    expect(ann.connection.getSnapshot().transport).toBe('polling')
    const id = ann.calendar.create({ title: 'By poll', when: WHEN })
    await ann.saved.settled()
    await until(() => expect(bob.calendar.event(id)?.title).toBe('By poll'))
    bob.calendar.write(id, { title: 'By socket' })
    await until(() => expect(ann.calendar.event(id)?.title).toBe('By socket'))
    isBlocked = false
    await until(() => expect(ann.connection.getSnapshot().transport).toBe('websocket'))
    ann.calendar.write(id, { location: 'there' })
    await ann.saved.settled()
    await until(() => expect(bob.calendar.event(id)?.location).toBe('there'))
  }, 20_000)
})
