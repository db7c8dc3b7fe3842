/** The cures for faults of libp2p: each is shown to be needed and to work. A failure of the first half is good news. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { noise } from '@chainsafe/libp2p-noise'
import { circuitRelayServer, type CircuitRelayService } from '@libp2p/circuit-relay-v2'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify, type Identify } from '@libp2p/identify'
import type { Connection, Libp2p, PeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { expect, test } from 'vitest'
import { curedConnections, type CuredConnectionManager } from '../../relay/io/connections-cure.ts'
import { cureReservations } from '../../relay/io/reservations-cure.ts'
import { stockNode } from './network.ts'
import { atEnd } from './temporary.ts'

test('connections are counted as they come and go, and nothing is listed to let one more in', () => {
  const events = new EventTarget()
  const connections = new Map<string, Connection[]>()
  let listings = 0
  const manager: CuredConnectionManager & { acceptIncomingConnection(): boolean } = {
    getConnections: (peer) => {
      listings += 1
      return peer === undefined ? [] : (connections.get(peer.toString()) ?? [])
    },
    getConnectionsMap: () => connections,
    getMaxConnections: () => 2,
    acceptIncomingConnection: () => manager.getConnections().length < manager.getMaxConnections(),
  }
  const cured = curedConnections()({ connectionManager: manager, events: events as never })
  for (const peer of ['a', 'b']) {
    expect(manager.acceptIncomingConnection()).toBe(true)
    connections.set(peer, [{ id: peer } as Connection])
    events.dispatchEvent(new Event('connection:open'))
  }
  expect(manager.acceptIncomingConnection()).toBe(false)
  expect(manager.getConnections().map(({ id }) => id)).toEqual(['a', 'b'])
  expect(cured.count).toBe(2)
  events.dispatchEvent(new Event('connection:close'))
  expect(manager.acceptIncomingConnection()).toBe(true)
  expect(listings).toBe(0)
})

test('libp2p still lists its connections one array at a time', () => {
  expect(sourceOf('connection-manager/index.js')).toContain('conns = conns.concat(c)')
})

test('libp2p still pings all connections at one moment', () => {
  expect(sourceOf('connection-monitor.js')).toMatch(/setInterval\([\s\S]*getConnections\(\)\.forEach\(/)
})

test('V8 still keeps what passes among what stays, once it has seen connections stay; cured, it does not', () => {
  const program = fileURLToPath(new URL('./passing.ts', import.meta.url))
  const flags = ['--expose-gc', '--max-semi-space-size=1', '--initial-heap-size=500'] // No full collection, which would hide it.
  const [stock = 0, cured] = ['as shipped', 'cured'].map((how) =>
    Number(execFileSync(process.execPath, [...flags, program, how])),
  )
  expect(stock).toBeGreaterThan(100) // Bytes of each message.
  expect(cured).toBeLessThan(5)
})

test('a reservation outlives its holder as shipped; cured, it goes with them', async () => {
  for (const cured of [false, true]) {
    const relay = await circuitRelay()
    const { circuit } = relay.services
    if (cured) cureReservations(circuit, relay)
    const [address] = relay.getMultiaddrs()
    const client = await stockNode([`${String(address)}/p2p-circuit`])
    await expect.poll(() => circuit.reservations.size).toBe(1)
    await client.stop()
    await expect.poll(() => relay.getConnections().length).toBe(0)
    expect(circuit.reservations.size).toBe(cured ? 0 : 1)
  }
})

test('a reservation that is renewed again and again ends too early as shipped; cured, only after the last renewal', async () => {
  const ttlMs = 2_000
  for (const cured of [false, true]) {
    const relay = await circuitRelay(ttlMs)
    const { circuit } = relay.services
    if (cured) cureReservations(circuit, relay)
    const { reservationStore } = circuit as unknown as {
      reservationStore: { reserve(peer: PeerId, at: Multiaddr): void }
    }
    const peer = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
    for (let renewal = 0; renewal < 3; renewal++) {
      if (renewal > 0) await elapsed(ttlMs / 4)
      reservationStore.reserve(peer, multiaddr('/ip4/127.0.0.1/tcp/1'))
    }
    await elapsed(ttlMs * (7 / 8)) // The first renewal is over an eighth ago, the second has an eighth left.
    expect(circuit.reservations.has(peer)).toBe(cured)
    await expect.poll(() => circuit.reservations.size).toBe(0)
  }
})

/** With the server as its makers ship it. */
async function circuitRelay(
  reservationTtl?: number,
): Promise<Libp2p<{ circuit: CircuitRelayService; identify: Identify }>> {
  const node = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: {
      identify: identify(),
      circuit: circuitRelayServer({ reservations: reservationTtl === undefined ? {} : { reservationTtl } }),
    },
  })
  atEnd(() => node.stop())
  return node
}

function sourceOf(file: string): string {
  return readFileSync(fileURLToPath(import.meta.resolve('libp2p')).replace(/index\.js$/, file), 'utf8')
}

function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
