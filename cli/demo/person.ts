/**
 * One of the two people: a `linnet daemon` in a process of its own, asked over its control socket, with the words and
 * fields of the commands.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { ContactView, MessageView, NodeEvent, NodeIdentity, Why } from '../../node/index.ts'
import { findOwner, type Connection } from '../control/client.ts'
import type { Calls, Method, Sent } from '../control/methods.ts'
import { DemoFailed, type Actor, type Stage } from './actors.ts'

/** On a busy machine things take longer; beyond this they have gone wrong. */
const patienceMs = 15_000
const lookAgainMs = 40

export class Person {
  readonly name: string
  readonly #stage: Stage
  readonly #dir: string
  #daemon: Actor | undefined
  #connection: Connection | undefined

  constructor(stage: Stage, name: string, dir: string) {
    this.#stage = stage
    this.name = name
    this.#dir = dir
  }

  async begin(relay: string): Promise<NodeIdentity> {
    const args = ['init', '--name', this.name, '--relay', relay, '--json', '--data-dir', this.#dir]
    const [identity] = await this.#stage.run(`${this.name}: linnet init`, args)
    return JSON.parse(identity ?? 'null') as NodeIdentity
  }

  async goOnline(): Promise<void> {
    const args = ['daemon', '--listen', '/ip4/127.0.0.1/tcp/0', '--json', '--data-dir', this.#dir]
    this.#daemon = this.#stage.start(`${this.name}'s linnet daemon`, args)
    const { socket } = JSON.parse(await this.#daemon.ready()) as { readonly socket: string }
    this.#connection = await findOwner(socket)
  }

  async goOffline(): Promise<void> {
    this.#connection?.close()
    this.#connection = undefined
    const finished = await this.#daemon?.end('SIGTERM')
    if (finished?.code === 0) return
    throw new DemoFailed(`${this.name}'s daemon did not end cleanly: ${finished?.complaint ?? 'it never ran'}`)
  }

  identity(): Promise<NodeIdentity> {
    return this.#ask('id', {})
  }

  async invite(): Promise<string> {
    return (await this.#ask('invite', {})).link
  }

  add(link: string): Promise<ContactView> {
    return this.#ask('add', { link })
  }

  async contact(name: string): Promise<ContactView | undefined> {
    return (await this.#ask('contacts', {})).find((one) => one.name === name)
  }

  send(who: string, text: string, wait: 'stored' | 'delivered'): Promise<Sent> {
    return this.#ask('send', { who, text, wait, timeout: patienceMs / 1_000 })
  }

  /** What has happened and was not shown yet. */
  async receive(): Promise<readonly NodeEvent[]> {
    const events = await this.#ask('receive', {})
    const last = events.at(-1)
    if (last !== undefined) await this.#ask('acknowledge', { upTo: last.seq })
    return events.map(({ event }) => event)
  }

  history(who: string): Promise<readonly MessageView[]> {
    return this.#ask('history', { who })
  }

  why(id: string): Promise<Why> {
    return this.#ask('why', { id })
  }

  async #ask<M extends Method>(method: M, params: Calls[M]['params']): Promise<Calls[M]['result']> {
    if (this.#connection === undefined) throw new DemoFailed(`${this.name} is not online to be asked for “${method}”`)
    try {
      return (await this.#connection.call(method, params)) as Calls[M]['result']
    } catch (error) {
      throw new DemoFailed(`${this.name}: linnet ${method}: ${(error as Error).message}`)
    }
  }
}

/** Looks until it is so. */
export async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  const giveUpAt = Date.now() + patienceMs
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (Date.now() > giveUpAt) throw new DemoFailed(`${what}: not within ${patienceMs / 1_000} s`)
    await delay(lookAgainMs)
  }
}

export function must(holds: boolean, what: string): void {
  if (!holds) throw new DemoFailed(what)
}
