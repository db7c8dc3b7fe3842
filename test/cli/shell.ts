/** Runs the program as a shell would, in directories that are gone afterwards. */
import { spawn, type ChildProcess } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** What Node compiled is shared between the tests: they start a hundred processes. */
const cache = join(import.meta.dirname, '../../node_modules/.cache')

export type Printed = Readonly<Record<string, unknown>>

export class Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  out = ''
  err = ''

  constructor(child: ChildProcess) {
    this.child = child
    child.stdout?.on('data', (chunk: Buffer) => (this.out += chunk.toString()))
    child.stderr?.on('data', (chunk: Buffer) => (this.err += chunk.toString()))
    this.ended = new Promise((resolve) => child.on('close', (code) => resolve({ code, out: this.out, err: this.err })))
  }

  async says(text: string | RegExp): Promise<string> {
    await eventually(() => {
      if (this.child.exitCode !== null) throw new Error(`ended before it said ${text}: ${this.out}\n${this.err}`)
      return typeof text === 'string' ? this.out.includes(text) : text.test(this.out)
    })
    return this.out
  }
}

export class Shell {
  readonly dir: string
  readonly #main: string
  readonly #running: Running[] = []
  readonly env: NodeJS.ProcessEnv

  constructor(main: string) {
    this.dir = mkdtempSync(join(tmpdir(), 'linnet-cli-'))
    this.#main = main
    const kept = Object.entries(process.env).filter(([name]) => !/^(LINNET_|XDG_|NO_COLOR|FORCE_COLOR)/u.test(name))
    this.env = { ...Object.fromEntries(kept), HOME: this.dir, XDG_CACHE_HOME: cache }
  }

  /** `through`: another program that starts it, with the words for that one. */
  start(
    args: readonly string[],
    input?: string | null,
    env: NodeJS.ProcessEnv = {},
    through: readonly string[] = [],
  ): Running {
    const [program = '', ...words] = [...through, process.execPath, this.#main, ...args]
    const child = spawn(program, words, {
      env: { ...this.env, ...env },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    })
    if (typeof input === 'string') child.stdin?.end(input)
    const running = new Running(child)
    this.#running.push(running)
    return running
  }

  run(args: readonly string[], input?: string, env?: NodeJS.ProcessEnv, through?: readonly string[]): Promise<Ended> {
    return this.start(args, input, env, through).ended
  }

  /** The objects a command prints with `--json`. */
  async json(...args: readonly string[]): Promise<readonly Printed[]> {
    const { code, out, err } = await this.run([...args, '--json'])
    if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${err}`)
    return linesOf(out).map((line) => JSON.parse(line) as Printed)
  }

  async clear(): Promise<void> {
    for (const one of this.#running) if (one.child.exitCode === null) one.child.kill('SIGKILL')
    await Promise.all(this.#running.map((one) => one.ended))
    rmSync(this.dir, { recursive: true, force: true })
  }
}

export const realMain: string = join(import.meta.dirname, '../../cli/main.ts')
export const fakeMain: string = join(import.meta.dirname, 'fake-main.ts')

const shells: Shell[] = []

export function openShell(main: string): Shell {
  const shell = new Shell(main)
  shells.push(shell)
  return shell
}

afterEach(async () => {
  await Promise.all(shells.splice(0).map((shell) => shell.clear()))
})

export function linesOf(out: string): readonly string[] {
  return out.split('\n').filter((line) => line !== '')
}

/** A profile as the fake node would have left it, since starting it for that takes a second each time. */
export function plantProfile(dir: string, rows: object): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  writeFileSync(join(dir, 'fake.json'), JSON.stringify(rows))
}

/** Something that a fake node hears as if it had come over the network. */
export function arrives(profileDir: string, event: object): void {
  appendFileSync(join(profileDir, 'inbox.jsonl'), `${JSON.stringify(event)}\n`)
}

export function messageFrom(from: string, text: string, id: string = 'ab'.repeat(16)): object {
  const at = '2026-11-22T10:00:00.000Z'
  return { type: 'message', id, conversation: 'cd'.repeat(32), from, text, sentAt: at, receivedAt: at, via: 'relay' }
}

/** Polls, since the thing waited for happens in another process. */
export async function eventually(holds: () => boolean, msMax = 15_000): Promise<void> {
  const untilMs = Date.now() + msMax
  while (!holds()) {
    if (Date.now() > untilMs) throw new Error('it did not come to pass')
    await new Promise((resolve) => setTimeout(resolve, 15))
  }
}

export function isThere(path: string): boolean {
  return existsSync(path)
}
