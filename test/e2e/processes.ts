/**
 * Starts people and relays as real processes, talks to them, and kills them. Nothing is shared between them but the network.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type {
  ContactView,
  Diagnosis,
  MessageView,
  NodeOptions,
  PresenceEvent,
  RelayStanding,
  StoredEvent,
  Why,
} from '../../node/index.ts'
import type { RelayOptions } from '../../relay/index.ts'
import type { Ask } from './person.ts'

/** `Omit` that keeps the members of a union apart. */
type Without<T, K extends string> = T extends unknown ? Omit<T, K> : never

export interface Answers {
  readonly identity: {
    readonly account: string
    readonly peerId: string
    readonly device: string
    readonly addresses: string[]
    readonly relays: readonly RelayStanding[]
  }
  readonly invite: string
  readonly add: ContactView
  readonly contacts: ContactView[]
  readonly accept: ContactView
  readonly send: { readonly id: string; readonly state: string }
  readonly wait: string | undefined
  readonly history: MessageView[]
  readonly why: Why
  readonly relays: undefined
  readonly ack: undefined
  readonly typing: undefined
  readonly doctor: Diagnosis
  readonly stop: undefined
}

/** A folder for one test, removed with everything in it. */
export function scratch(): { readonly path: (name: string) => string; readonly remove: () => void } {
  const root = mkdtempSync(join(tmpdir(), 'linnet-test-'))
  return { path: (name) => join(root, name), remove: () => rmSync(root, { recursive: true, force: true }) }
}

abstract class Process {
  readonly #file: string
  readonly #argument: () => string
  readonly #prefix: readonly string[]
  #child: ChildProcess | undefined
  readonly stderr: string[] = []

  constructor(file: string, argument: () => string, prefix: readonly string[]) {
    this.#file = file
    this.#argument = argument
    this.#prefix = prefix
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Resolves when the process says it is ready; rejects when it ends before. */
  async start(): Promise<void> {
    const file = new URL(this.#file, import.meta.url).pathname
    const [command, ...rest] = [...this.#prefix, process.execPath, file, this.#argument()]
    const child = spawn(command ?? process.execPath, rest, { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#child = child
    child.stderr.on('data', (chunk: Buffer) => this.stderr.push(chunk.toString()))
    child.stdin.on('error', () => undefined) // A write to a process just killed.
    await new Promise<void>((resolve, reject) => {
      child.once('exit', (code, signal) => {
        this.ended()
        reject(new Error(`ended before it was ready (${code ?? signal}): ${this.stderr.join('').slice(-2_000)}`))
      })
      createInterface({ input: child.stdout }).on('line', (line) => {
        const said = JSON.parse(line) as Record<string, unknown>
        if (said['ready'] !== undefined) resolve(this.ready(said))
        else this.heard(said)
      })
    })
  }

  /** SIGKILL, and waits until the kernel has it buried. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Nothing of it runs until it is woken: a lid closed. */
  sleep(): void {
    this.#child?.kill('SIGSTOP')
  }

  wake(): void {
    this.#child?.kill('SIGCONT')
  }

  async signal(signal: NodeJS.Signals): Promise<void> {
    await this.#end(signal)
  }

  protected write(line: unknown): void {
    this.#child?.stdin?.write(`${JSON.stringify(line)}\n`)
  }

  protected abstract ready(said: Record<string, unknown>): void
  protected abstract heard(said: Record<string, unknown>): void
  protected abstract ended(): void

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (child === undefined || !this.running) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await gone
  }
}

/** What a person whose process ended did not get to answer. The request may or may not have been carried out. */
export class Unanswered extends Error {}

export class Person extends Process {
  readonly #pending = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>()
  #n = 0
  /** Every event told, also repeatedly after a restart. */
  readonly events: StoredEvent[] = []
  readonly faults: unknown[] = []
  readonly presences: PresenceEvent[] = []
  #onPresence: (() => void) | undefined
  /** Told of each event; many may wait at one time. */
  readonly #listeners = new Set<(stored: StoredEvent) => void>()

  constructor(options: () => NodeOptions, prefix: readonly string[] = []) {
    super('./person.ts', () => JSON.stringify(options()), prefix)
  }

  ask<K extends Ask['op']>(ask: Without<Extract<Ask, { op: K }>, 'n'> & { op: K }): Promise<Answers[K]> {
    if (!this.running) return Promise.reject(new Unanswered('not running'))
    const n = ++this.#n
    return new Promise<Answers[K]>((resolve, reject) => {
      this.#pending.set(n, { resolve, reject })
      this.write({ ...ask, n })
    })
  }

  /** Resolves with the first event, past or future, that fits. */
  async event(fits: (stored: StoredEvent) => boolean, timeoutMs = 30_000): Promise<StoredEvent> {
    const past = this.events.find(fits)
    if (past !== undefined) return past
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#listeners.delete(listener)
        reject(new Error(`no such event within ${timeoutMs} ms`))
      }, timeoutMs)
      const listener = (stored: StoredEvent): void => {
        if (!fits(stored)) return
        clearTimeout(timer)
        this.#listeners.delete(listener)
        resolve(stored)
      }
      this.#listeners.add(listener)
    })
  }

  /** Resolves once the newest sign of somebody fits. */
  async sign(fits: (presence: PresenceEvent) => boolean, timeoutMs = 30_000): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no such sign within ${timeoutMs} ms`)), timeoutMs)
      const look = (): void => {
        const newest = new Map(this.presences.map((presence) => [presence.account, presence]))
        if (![...newest.values()].some(fits)) return
        clearTimeout(timer)
        this.#onPresence = undefined
        resolve()
      }
      this.#onPresence = look
      look()
    })
  }

  protected ready(): void {
    return undefined
  }

  protected heard(said: Record<string, unknown>): void {
    if (said['event'] !== undefined) {
      const stored = said['event'] as StoredEvent
      this.events.push(stored)
      for (const listener of this.#listeners) listener(stored)
      return
    }
    if (said['presence'] !== undefined) {
      this.presences.push(said['presence'] as PresenceEvent)
      this.#onPresence?.()
      return
    }
    if (said['n'] === undefined) {
      this.faults.push(said)
      return
    }
    const waiting = this.#pending.get(said['n'] as number)
    this.#pending.delete(said['n'] as number)
    if (said['error'] === undefined) waiting?.resolve(said['ok'] as never)
    else waiting?.reject(new Error(said['error'] as string))
  }

  protected ended(): void {
    for (const { reject } of this.#pending.values()) reject(new Unanswered('the process ended first'))
    this.#pending.clear()
  }
}

export class RelayProcess extends Process {
  /** Full multiaddr, once ready; the same after a restart. */
  address = ''

  /** `file`: which kind of relay it is. */
  constructor(options: () => RelayOptions, prefix: readonly string[] = [], file = './relay.ts') {
    super(file, () => JSON.stringify(options()), prefix)
  }

  protected ready(said: Record<string, unknown>): void {
    this.address = said['ready'] as string
  }

  protected heard(): void {
    return undefined
  }

  protected ended(): void {
    return undefined
  }
}
