/**
 * The processes of the demonstration: each is this very program, started as a user would start it, in a directory of its
 * own. Starts them, reads what they print, and ends every one of them whatever happens.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { cacheDir } from '../places.ts'

/** A machine under load may take long to start a process; beyond this something is wrong. */
const answerMsMax = 20_000

export class DemoFailed extends Error {
  override readonly name = 'DemoFailed'
}

export interface Finished {
  readonly code: number | null
  readonly lines: readonly string[]
  readonly complaint: string
}

export class Actor {
  readonly #child: ChildProcess
  readonly #what: string
  readonly #lines: string[] = []
  readonly finished: Promise<Finished>
  #complaint = ''
  #over = false
  #ring: () => void = () => undefined

  constructor(what: string, child: ChildProcess) {
    this.#child = child
    this.#what = what
    child.stderr?.on('data', (chunk: Buffer) => (this.#complaint = (this.#complaint + chunk.toString()).slice(-4_000)))
    if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => this.#hear(line))
    this.finished = new Promise((resolve) => {
      child.on('error', (error) => (this.#complaint += error.message))
      child.on('close', (code) => {
        this.#over = true
        this.#ring()
        resolve({ code, lines: this.#lines, complaint: this.#complaint.trim() })
      })
    })
  }

  /** The first line on stdout, which for a process that stays says that it is ready. */
  async ready(): Promise<string> {
    const untilMs = Date.now() + answerMsMax
    for (;;) {
      const [line] = this.#lines
      if (line !== undefined) return line
      if (this.#over || Date.now() > untilMs)
        throw new DemoFailed(`${this.#what} did not start: ${this.#complaint.trim()}`)
      await new Promise<void>((resolve) => {
        this.#ring = resolve
        setTimeout(resolve, 250)
      })
    }
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<Finished> {
    if (!this.#over) this.#child.kill(signal)
    const late = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), answerMsMax).unref())
    const finished = await Promise.race([this.finished, late])
    if (finished !== undefined) return finished
    this.#child.kill('SIGKILL')
    throw new DemoFailed(`${this.#what} did not end when asked to`)
  }

  /** By handle, so that no other process can be meant. */
  killNow(): void {
    if (!this.#over) this.#child.kill('SIGKILL')
  }

  #hear(line: string): void {
    this.#lines.push(line)
    this.#ring()
  }
}

/** Starts this program again, with the same Node and the same flags of Node. */
export class Stage {
  readonly #actors = new Set<Actor>()
  readonly #home: string

  constructor(home: string) {
    this.#home = home
  }

  start(what: string, args: readonly string[]): Actor {
    const program = process.argv[1]
    if (program === undefined) throw new DemoFailed('cannot tell how this program was started')
    const child = spawn(process.execPath, [...process.execArgv, program, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: ownEnvironment(this.#home),
    })
    const actor = new Actor(what, child)
    this.#actors.add(actor)
    return actor
  }

  /** A command that ends by itself, and ends well. */
  async run(what: string, args: readonly string[]): Promise<readonly string[]> {
    const actor = this.start(what, args)
    const timer = setTimeout(() => actor.killNow(), answerMsMax)
    const { code, lines, complaint } = await actor.finished
    clearTimeout(timer)
    if (code !== 0) throw new DemoFailed(`${what} ended with ${code ?? 'a signal'}: ${complaint || 'without a word'}`)
    return lines
  }

  clear(): void {
    for (const actor of this.#actors) actor.killNow()
  }
}

/** The user's own settings, profiles and passphrase stay out of the play. */
function ownEnvironment(home: string): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(LINNET_|XDG_)/u.test(name))
  return { ...Object.fromEntries(kept), HOME: home, XDG_CACHE_HOME: join(cacheDir(process.env), '..'), NO_COLOR: '1' }
}
