/** Our relay: a process of its own with its database on disk, and as much of a client as the load needs. */
import { randomFillSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { envelopeIdOf, type EnvelopeId } from '../../protocol/ids.ts'
import { messageLifeMs, urgency } from '../../protocol/limits.ts'
import { directoryFrame, directoryProtocol, type DirectoryFrame } from '../../protocol/wire/directory.ts'
import { mailboxFrame, mailboxProtocol, type MailboxFrame } from '../../protocol/wire/mailbox.ts'
import { createPerson, publicationOf, type Person } from '../../test/relay/people.ts'
import { inTurns, numbersOf, tagAt, type Client, type ClientOptions, type Contender } from './contender.ts'
import { LightLine } from './light-line.ts'
import { connectLight, type LightConnection } from './light.ts'
import { startRelay } from './server.ts'
import { Unanswered } from './unanswered.ts'

export const ours: Contender = {
  name: 'Linnet',
  promise: 'synced to disk, and signed for; or the recipient has it',
  missing: () => undefined,
  version: () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as Package
    return `${version}, Node ${process.versions.node}`
  },
  start: async (place) => {
    const { process, address } = await startRelay(place)
    const port = Number(/\/tcp\/(\d+)/.exec(address)?.[1])
    return {
      process,
      port,
      connect: (options) => connectUser(port, options),
      settle: async (users) => {
        await inTurns(numbersOf(users), settlesAtOnce, (user) => publish(port, residentOf(user)))
      },
      stop: () => process.kill(),
    }
  },
}

interface Package {
  readonly version: string
}

const settlesAtOnce = 10

/** Keys cost more than anything else a user is made of, and serve every repetition. */
const residents = new Map<number, Person>()

export function residentOf(user: number): Person {
  const known = residents.get(user) ?? createPerson()
  residents.set(user, known)
  return known
}

function addressOf(port: number): string {
  return `/ip4/127.0.0.1/tcp/${port}`
}

/** Gives a device a mailbox at the relay that listens on this port. */
export async function publish(port: number, person: Person, localAddress = '127.0.0.1'): Promise<void> {
  const connection = await connectLight({ address: addressOf(port), seed: person.identity.seed, localAddress })
  const line = new LightLine<DirectoryFrame>(connection, directoryProtocol, directoryFrame)
  line.send(publicationOf(person, Date.now(), { preKeys: [] }))
  await line.expect('published')
  connection.close()
}

/** `localAddress`: where to call from. */
export async function connectUser(
  port: number,
  options: ClientOptions & { readonly localAddress?: string },
): Promise<Client> {
  const { user, receives, localAddress = '127.0.0.1' } = options
  const seed = receives ? { seed: residentOf(user).identity.seed } : {}
  const connection = await connectLight({ address: addressOf(options.port ?? port), localAddress, ...seed })
  return new Device(connection, options)
}

/** Drawn many at a time: the load should not be what takes time. */
const randomBytes = new Uint8Array(16 * 1_024)
let randomBytesUsed = randomBytes.length

function randomId(): EnvelopeId {
  if (randomBytesUsed === randomBytes.length) {
    randomFillSync(randomBytes)
    randomBytesUsed = 0
  }
  return envelopeIdOf(randomBytes.slice(randomBytesUsed, (randomBytesUsed += 16)))
}

/** Envelopes a device takes without having acknowledged one. */
const credit = 100

class Device implements Client {
  readonly #connection: LightConnection
  readonly #line: LightLine<MailboxFrame>
  readonly #options: ClientOptions
  readonly #unanswered = new Unanswered<EnvelopeId>()
  #closing = false

  constructor(connection: LightConnection, options: ClientOptions) {
    this.#connection = connection
    this.#options = options
    this.#line = new LightLine<MailboxFrame>(connection, mailboxProtocol, mailboxFrame)
    this.#line.onFrame = (frame) => this.#take(frame)
    connection.onEnd = (error) => {
      if (!this.#closing) console.error(`A connection to the relay ended: ${error?.message ?? 'closed'}`)
    }
    if (options.receives) this.#line.send({ kind: 'subscribe', credit })
  }

  send(to: number, tag: number, body: Uint8Array): void {
    const message = { id: randomId(), urgency: urgency.text, expiresMs: Date.now() + messageLifeMs, sealed: body }
    this.#unanswered.add(message.id, tag)
    this.#line.send({ kind: 'deposit', mailbox: residentOf(to).device, envelope: message })
  }

  close(): Promise<void> {
    this.#closing = true
    this.#connection.close()
    return Promise.resolve()
  }

  #take(frame: MailboxFrame): void {
    switch (frame.kind) {
      case 'stored':
        for (const { id } of frame.receipt.taken) this.#answered(id)
        return
      case 'delivered':
        for (const id of frame.ids) this.#answered(id)
        return
      case 'page':
        if (frame.envelopes.length === 0) return
        this.#line.send({ kind: 'ack', ids: frame.envelopes.map(({ id }) => id) })
        this.#line.send({ kind: 'more', credit: frame.envelopes.length })
        for (const { sealed } of frame.envelopes) this.#options.received?.(tagAt(sealed, 0))
        return
      case 'refused':
        throw new Error(`a deposit was refused: ${frame.reason}`)
      default: // Of prekeys and the like.
    }
  }

  #answered(id: EnvelopeId): void {
    const tag = this.#unanswered.take(id)
    if (tag !== undefined) this.#options.acknowledged?.(tag)
  }
}
