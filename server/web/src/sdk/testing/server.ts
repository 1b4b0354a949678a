/** The real server as a process of its own, for tests: `.venv/bin/crdt-calendar serve`. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('../../../../../.venv/bin/crdt-calendar', import.meta.url))

/** Whether the server is installed: `make test` installs it. */
export const isInstalled = existsSync(PROGRAM)

export class ServerProcess {
  readonly data = mkdtempSync(join(tmpdir(), 'crdt-calendar-'))
  readonly port: number
  #process: ChildProcess | null = null

  private constructor(port: number) {
    this.port = port
  }

  static async started(...projects: string[]): Promise<ServerProcess> {
    const server = new ServerProcess(await freePort())
    await server.start()
    for (const project of projects) server.run('projects', 'create', project)
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  async start(): Promise<void> {
    const words = ['serve', '--quiet', '--port', String(this.port), '--data', this.data]
    this.#process = spawn(PROGRAM, words, { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise<void>((resolve, reject) => {
      this.#process?.stdout?.once('data', () => resolve())
      this.#process?.once('exit', (code) => reject(new Error(`the server ended with ${code}`)))
    })
  }

  /** End it without a word, as kill -9 does. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const process = this.#process
    this.#process = null
    if (!process) return
    await new Promise((resolve) => {
      process.once('exit', resolve)
      process.kill(signal)
    })
  }

  token(user: string, project: string, role = 'editor'): string {
    return this.run('token', '--user', user, '--project', project, '--role', role).trim()
  }

  run(...words: string[]): string {
    return execFileSync(PROGRAM, [...words, '--data', this.data], { encoding: 'utf8' })
  }

  async stop(): Promise<void> {
    await this.kill('SIGTERM')
    rmSync(this.data, { recursive: true, force: true })
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
