/** Relays and callers that end with the test. */
import { noise } from '@chainsafe/libp2p-noise'
import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { identify } from '@libp2p/identify'
import type { Libp2p } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
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

/** A libp2p node that knows nothing of Linnet, and of circuits what its makers ship. */
export async function stockNode(listen: readonly string[]): Promise<Libp2p> {
  const node = await createLibp2p({
    addresses: { listen: [...listen] },
    transports: [tcp(), circuitRelayTransport()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify() },
  })
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
