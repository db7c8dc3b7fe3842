/** One of the two people: what a user would type, and how the answers are read. */
import { setTimeout as delay } from 'node:timers/promises'
import type { ContactView, MessageView, NodeEvent, NodeIdentity, Why } from '../../node/index.ts'
import type { Sent } from '../control/methods.ts'
import { DemoFailed, type Actor, type Stage } from './actors.ts'

/** On a busy machine things take longer; beyond this they have gone wrong. */
const patienceMs = 15_000
const lookAgainMs = 150

export class Person {
  readonly name: string
  readonly #stage: Stage
  readonly #dir: string
  #daemon: Actor | undefined

  constructor(stage: Stage, name: string, dir: string) {
    this.#stage = stage
    this.name = name
    this.#dir = dir
  }

  async begin(relay: string): Promise<NodeIdentity> {
    return this.#one<NodeIdentity>('init', '--name', this.name, '--relay', relay)
  }

  async goOnline(): Promise<void> {
    this.#daemon = this.#stage.start(
      `${this.name}'s linnet daemon`,
      this.#args(['daemon', '--listen', '/ip4/127.0.0.1/tcp/0']),
    )
    await this.#daemon.ready()
  }

  async goOffline(): Promise<void> {
    const finished = await this.#daemon?.end('SIGTERM')
    if (finished?.code !== 0)
      throw new DemoFailed(`${this.name}'s daemon did not end cleanly: ${finished?.complaint ?? ''}`)
  }

  identity(): Promise<NodeIdentity> {
    return this.#one<NodeIdentity>('id')
  }

  async invite(): Promise<string> {
    const { link } = await this.#one<{ link: string }>('invite')
    return link
  }

  add(link: string): Promise<ContactView> {
    return this.#one<ContactView>('add', link)
  }

  async contact(name: string): Promise<ContactView | undefined> {
    return (await this.#all<ContactView>('contacts')).find((one) => one.name === name)
  }

  send(who: string, text: string, wait: 'stored' | 'delivered'): Promise<Sent> {
    return this.#one<Sent>('send', who, text, '--wait', wait, '--timeout', '10')
  }

  receive(...flags: readonly string[]): Promise<readonly NodeEvent[]> {
    return this.#all<NodeEvent>('receive', ...flags)
  }

  history(who: string): Promise<readonly MessageView[]> {
    return this.#all<MessageView>('history', who)
  }

  why(id: string): Promise<Why> {
    return this.#one<Why>('why', id)
  }

  /** In the words a user sees. */
  whyInWords(id: string): Promise<readonly string[]> {
    return this.#stage.run(`${this.name}: linnet why`, ['why', id, '--data-dir', this.#dir])
  }

  async #one<T>(...words: readonly string[]): Promise<T> {
    const [answer] = await this.#all<T>(...words)
    if (answer === undefined) throw new DemoFailed(`${this.name}: linnet ${words[0] ?? ''} printed nothing`)
    return answer
  }

  async #all<T>(...words: readonly string[]): Promise<readonly T[]> {
    const lines = await this.#stage.run(`${this.name}: linnet ${words[0] ?? ''}`, this.#args(words))
    return lines.map((line) => JSON.parse(line) as T)
  }

  #args(words: readonly string[]): readonly string[] {
    return [...words, '--json', '--data-dir', this.#dir]
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
