/** Two people who talk, and whether everything that was said arrived, once and in its order. */
import type { Person } from '../e2e/processes.ts'
import { linkTo, meet, say, until, type Lab } from './lab.ts'
import type { Kind } from './nat-rules.ts'
import type { House } from './world.ts'

/** Twice a second and more is a lively conversation; it must not be so fast that a busy machine is what is measured. */
const everyMsDefault = 250
const arriveMsMax = 60_000

export interface Talk {
  readonly lab: Lab
  readonly houses: readonly [House, House]
  readonly alice: Person
  readonly bob: Person
  /** Says something from each side at once; milliseconds until both have arrived. */
  readonly both: (timeoutMs?: number) => Promise<number>
  /** Nothing lost, nothing twice, nothing in another order than it was said, from either side. */
  readonly isWhole: () => boolean
  /** Both say something every so often, until told to end. */
  readonly chat: (options?: { readonly everyMs?: number; readonly letters?: number }) => Chat
}

export async function talking(kinds: readonly [Kind, Kind], lab: Lab, relays: readonly string[]): Promise<Talk> {
  const houses = [await lab.world.addHouse(kinds[0]), await lab.world.addHouse(kinds[1])] as const
  const alice = lab.person(houses[0], { name: 'alice', relays })
  const bob = lab.person(houses[1], { name: 'bob', relays })
  await Promise.all([alice.start(), bob.start()])
  await meet(alice, 'alice', bob, 'bob')
  const said = new Map<Person, string[]>([
    [alice, []],
    [bob, []],
  ])
  let last = 0
  const speak = (from: Person, letters: number, timeoutMs: number): Promise<number> => {
    const text = `said ${++last} `.padEnd(letters, '.')
    said.get(from)?.push(text)
    return from === alice ? say(alice, bob, 'bob', text, timeoutMs) : say(bob, alice, 'alice', text, timeoutMs)
  }
  const both = async (timeoutMs = arriveMsMax): Promise<number> =>
    Math.max(...(await Promise.all([speak(alice, 0, timeoutMs), speak(bob, 0, timeoutMs)])))
  await both()
  return {
    lab,
    houses,
    alice,
    bob,
    both,
    isWhole: () => said.get(alice)?.join() === heard(bob).join() && said.get(bob)?.join() === heard(alice).join(),
    chat: ({ everyMs = everyMsDefault, letters = 0 } = {}) =>
      new Chat(alice, everyMs, () => [alice, bob].map((from) => speak(from, letters, arriveMsMax))),
  }
}

/** As it was shown. */
function heard(person: Person): readonly string[] {
  return person.events.flatMap(({ event }) => (event.type === 'message' ? [event.text ?? ''] : []))
}

/** A conversation that goes on by itself, and which links it saw. */
export class Chat {
  readonly #one: Person
  readonly #speak: () => readonly Promise<number>[]
  readonly #under: Promise<unknown>[] = []
  readonly #timer: NodeJS.Timeout
  readonly #watching: Promise<void>
  /** What stood between the two, each time it had changed: `mailbox` without a link. */
  readonly ways: string[] = []
  #links = new Set<string>()
  #slowestMs = 0
  #failed: unknown
  #over = false

  constructor(one: Person, everyMs: number, speak: () => readonly Promise<number>[]) {
    this.#one = one
    this.#speak = speak
    this.#timer = setInterval(() => this.#say(), everyMs)
    this.#watching = this.#watch()
  }

  get count(): number {
    return this.#under.length
  }

  /** How many links have carried it. */
  get links(): number {
    return this.#links.size
  }

  /** Milliseconds the slowest message has taken since this was last asked. */
  slowestMs(): number {
    const slowestMs = this.#slowestMs
    this.#slowestMs = 0
    return slowestMs
  }

  /** False when it was not so in time. */
  async comesTo(way: 'direct' | 'circuit', timeoutMs: number): Promise<boolean> {
    return (await until(async () => (this.ways.at(-1) === way ? true : undefined), timeoutMs)) === true
  }

  /** Says nothing more, and waits for what is under way. Rejects when something did not arrive. */
  async end(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#under)
    this.#over = true
    await this.#watching
    if (this.#failed !== undefined) throw this.#failed
  }

  #say(): void {
    for (const arriving of this.#speak()) {
      const noted = arriving.then(
        (ms) => (this.#slowestMs = Math.max(this.#slowestMs, ms)),
        (error: unknown) => (this.#failed = error),
      )
      this.#under.push(noted)
    }
  }

  async #watch(): Promise<void> {
    while (!this.#over) {
      const [contact] = await this.#one.ask({ op: 'contacts' })
      const way = contact?.link?.kind ?? 'mailbox'
      if (contact?.link !== undefined) this.#links.add(`${contact.link.kind} ${contact.link.since}`)
      if (this.ways.at(-1) !== way) this.ways.push(way)
      await new Promise((resolve) => setTimeout(resolve, 50)) // So often it is looked at.
    }
  }
}

/** Milliseconds until a direct link stands; undefined when it did not in time. */
export async function untilDirect({ alice }: Talk, timeoutMs: number): Promise<number | undefined> {
  const startMs = performance.now()
  return until(
    async () => ((await linkTo(alice, 'bob')) === 'direct' ? performance.now() - startMs : undefined),
    timeoutMs,
  )
}
