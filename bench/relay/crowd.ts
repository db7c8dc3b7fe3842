/**
 * A crowd of residents in one process, told what to do by its parent: each connects from an address of its own, asks the relay how
 * it is seen, subscribes to its mailbox, and comes back with a node's own back-off when it was dropped.
 */
import { backoffMs } from '../../node/core/backoff.ts'
import { systemRandom } from '../../protocol/crypto/primitives.ts'
import { mailboxFrame, mailboxProtocol, type MailboxFrame } from '../../protocol/wire/mailbox.ts'
import { seedOf } from './housing.ts'
import { LightLine } from './light-line.ts'
import { connectLight, type LightConnection } from './light.ts'

export type ToCrowd =
  /** Residents of these numbers connect, so many at a time, and answer once each is served. */
  | { readonly kind: 'join'; readonly first: number; readonly count: number; readonly atOnce: number }
  /** Answers once everybody who had joined is served again. */
  | { readonly kind: 'await-return' }
  | { readonly kind: 'count' }

export interface FromCrowd {
  readonly served: number
  /** Attempts that came to nothing, by the name of the error. */
  readonly failures: Readonly<Record<string, number>>
  /** For each resident, milliseconds from when it was dropped, or first tried, to when it was served. */
  readonly waitsMs: readonly number[]
  /** Processor time of this process so far, in microseconds. */
  readonly cpuUs: number
}

/** As a node does when a relay is away. */
const reconnect = { minMs: 500, maxMs: 10_000 }

class Resident {
  readonly #number: number
  readonly #address: string
  readonly #noted: (error: unknown) => void
  readonly #returned: (waitMs: number) => void
  #connection: LightConnection | undefined
  #failures = 0
  #sinceMs = performance.now()

  constructor(number: number, address: string, noted: (error: unknown) => void, returned: (waitMs: number) => void) {
    this.#number = number
    this.#address = address
    this.#noted = noted
    this.#returned = returned
  }

  get served(): boolean {
    return this.#connection !== undefined
  }

  /** Once it is served, however many attempts that takes. */
  async visit(): Promise<void> {
    for (;;) {
      try {
        await this.#try()
        this.#failures = 0
        return this.#returned(performance.now() - this.#sinceMs)
      } catch (error) {
        this.#noted(error)
        this.#failures += 1
        await this.#pause()
      }
    }
  }

  async #try(): Promise<void> {
    const [high, low] = [this.#number >> 8, this.#number & 0xff]
    const connection = await connectLight({
      address: this.#address,
      seed: seedOf(this.#number),
      localAddress: `127.1.${high}.${low}`,
    })
    let gone = false
    connection.onEnd = () => {
      gone = true
      if (this.#connection === connection) void this.#dropped()
    }
    await connection.identify()
    const line = new LightLine<MailboxFrame>(connection, mailboxProtocol, mailboxFrame)
    line.send({ kind: 'subscribe', credit: 100 })
    await line.expect('page')
    if (gone) throw new Error('dropped at once')
    line.onEnd = () => connection.close()
    this.#connection = connection
  }

  async #dropped(): Promise<void> {
    this.#connection = undefined
    this.#sinceMs = performance.now()
    this.#failures = 1
    await this.#pause()
    await this.visit()
  }

  #pause(): Promise<void> {
    const ms = backoffMs(this.#failures, reconnect, systemRandom)
    return new Promise((resolve) => setTimeout(resolve, ms))
  }
}

const [address = ''] = process.argv.slice(2)
const residents: Resident[] = []
let failures: Record<string, number> = {}
let waitsMs: number[] = []

function note(error: unknown): void {
  const { code, message } = error instanceof Error ? (error as NodeJS.ErrnoException) : { code: 'unknown', message: '' }
  const name = code ?? message
  failures[name] = (failures[name] ?? 0) + 1
}

async function join(first: number, count: number, atOnce: number): Promise<void> {
  const joining = Array.from(
    { length: count },
    (_, i) => new Resident(first + i, address, note, (waitMs) => waitsMs.push(waitMs)),
  )
  residents.push(...joining)
  const queue = joining.values()
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const resident of queue) await resident.visit()
    }),
  )
}

async function allServed(): Promise<void> {
  while (!residents.every(({ served }) => served)) await new Promise((resolve) => setTimeout(resolve, 20))
}

process.on('message', (order: ToCrowd) => {
  void (async () => {
    if (order.kind === 'join') await join(order.first, order.count, order.atOnce)
    if (order.kind === 'await-return') await allServed()
    const { user, system } = process.cpuUsage()
    const served = residents.filter((resident) => resident.served).length
    process.send?.({ served, failures, waitsMs, cpuUs: user + system } satisfies FromCrowd)
    failures = {}
    waitsMs = []
  })()
})
process.once('disconnect', () => process.exit(0))
