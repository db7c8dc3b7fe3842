/** Relays and callers that end with the test. */
import type { Libp2p } from '@libp2p/interface'
import { createRelay, type Relay, type RelayOptions } from '../../relay/index.ts'
import { createCaller, openDirectory } from './caller.ts'
import { createPerson, publicationOf, type Person } from './people.ts'
import { atEnd, temporaryDirectory } from './temporary.ts'

export interface Running {
  readonly relay: Relay
  readonly address: string
}

export async function runningRelay(options: Partial<RelayOptions> = {}): Promise<Running> {
  const dataDir = options.dataDir ?? (await temporaryDirectory())
  const relay = await createRelay({ listen: ['/ip4/127.0.0.1/tcp/0'], ...options, dataDir })
  atEnd(() => relay.stop())
  await relay.start()
  return { relay, address: relay.addresses[0] ?? '' }
}

export async function caller(person?: Person): Promise<Libp2p> {
  const node = await createCaller(person?.identity.seed)
  atEnd(() => node.stop())
  return node
}

export interface Resident extends Person {
  readonly node: Libp2p
}

/** Someone with a mailbox at the relay. */
export async function resident(address: string): Promise<Resident> {
  const person = createPerson()
  const node = await caller(person)
  const directory = await openDirectory(node, address)
  directory.send(publicationOf(person, Date.now()))
  await directory.expect('published')
  directory.close()
  return { ...person, node }
}
