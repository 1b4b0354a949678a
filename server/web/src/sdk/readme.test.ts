/** The examples of README.md, under the compiler: each is a module of one small application. */

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'

const WEB = fileURLToPath(new URL('../../', import.meta.url))
const TSC = join(WEB, 'node_modules', 'typescript', 'bin', 'tsc')
const BLOCK = /^```(tsx?)\b[^\n]*\n(.*?)^```$/gms
const NAME = /^\/\/ ([\w.-]+\.tsx?)\n/

interface Example {
  readonly file: string
  readonly text: string
  /** Where it begins in README.md, from 1. */
  readonly line: number
}

function read(readme: string): Example[] {
  return [...readme.matchAll(BLOCK)].map((found) => {
    const [, kind, text = ''] = found
    const line = readme.slice(0, found.index).split('\n').length + 1
    return { file: NAME.exec(text)?.[1] ?? `line-${line}.${kind}`, text, line }
  })
}

/** What the compiler says of the examples, line by line; nothing when it is content. */
function compile(examples: readonly Example[]): string[] {
  const folder = mkdtempSync(join(WEB, '.readme-'))
  try {
    // Beside the folder `sdk`, as in an application that has it in its source.
    const compilerOptions = { rootDirs: ['app', '../src'] }
    const project = { extends: '../tsconfig.json', compilerOptions, include: ['app'] }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(project))
    mkdirSync(join(folder, 'app'))
    // As far down as in README.md, so that the compiler counts the same lines.
    for (const { file, text, line } of examples)
      writeFileSync(join(folder, 'app', file), '\n'.repeat(line - 1) + text, { flag: 'wx' })
    const words = [TSC, '--noEmit', '--pretty', 'false', '--project', folder]
    const { error, status, stdout, stderr } = spawnSync(process.execPath, words, {
      cwd: folder,
      encoding: 'utf8',
    })
    const said = `${stdout}${stderr}`.split('\n').filter(Boolean)
    if (!error && status === 0) return said
    return said.length ? said : [`tsc ended with ${error?.message ?? status}`]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const examples = read(readFileSync(new URL('README.md', import.meta.url), 'utf8'))

describe('README.md', () => {
  let said: string[] = []
  const isAbout = (file: string) => (line: string) => line.startsWith(`app/${file}(`)

  beforeAll(() => {
    said = compile(examples)
  }, 60_000)

  it('has examples, and the compiler has nothing to say of anything else', () => {
    expect(examples.length).toBeGreaterThan(5)
    expect(
      said.filter((line) => !examples.some(({ file }) => isAbout(file)(line))),
      'not in an example',
    ).toEqual([])
  })

  it.each(examples)('has an example at line $line that compiles: $file', ({ file, text }) => {
    expect(said.filter(isAbout(file)), `\n${text}`).toEqual([])
  })
})
