/** Each bound that is kept at a relay's network is met once, and counted under its own name. */
import { connect, type Socket } from 'node:net'
import type { Libp2p } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, test } from 'vitest'
import { directoryProtocol } from '../../protocol/wire/directory.ts'
import { mailboxProtocol } from '../../protocol/wire/mailbox.ts'
import { presencePrefix } from '../../protocol/wire/presence.ts'
import type { AllLimits, Relay } from '../../relay/index.ts'
import { allLimits } from '../../relay/operation/settings-table.ts'
import { startDevice, type TestDevice } from '../node/io/support.ts'
import { openMailbox, openRaw } from './caller.ts'
import { caller, resident, runningRelay, stockNode, type Running } from './network.ts'
import { createPerson, envelope, preKeys, publicationOf } from './people.ts'
import { Scene } from './scene.ts'
import { atEnd } from './temporary.ts'

type Limit = keyof AllLimits
type Trip = (running: Running) => Promise<unknown>

function silentSocket(address: string): Socket {
  const socket = connect(Number(/tcp\/(\d+)/.exec(address)?.[1]), '127.0.0.1')
  socket.on('error', () => undefined)
  atEnd(() => void socket.destroy())
  return socket
}

/** Each is let in or turned away before the next is begun. */
async function silentSockets(address: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const socket = silentSocket(address)
    await new Promise<void>((resolve) => socket.once('connect', resolve).once('close', () => resolve()))
  }
}

async function openMany(address: string, protocol: string, count: number): Promise<void> {
  const node = await caller()
  await node.dial(multiaddr(address))
  await Promise.allSettled(Array.from({ length: count }, () => openRaw(node, address, protocol)))
}

/** Bob keeps a place at the relay, and what he is sent through it he sends back. */
async function circuitTo({ relay, address }: Running): Promise<{ readonly alice: Libp2p; readonly through: string }> {
  const bob = await stockNode([`${address}/p2p-circuit`])
  await expect.poll(async () => (await relay.status()).reservations).toBe(1)
  await bob.handle('/echo', (stream) => stream.addEventListener('message', ({ data }) => void stream.send(data)), {
    runOnLimitedConnection: true,
  })
  return { alice: await stockNode([]), through: `${address}/p2p-circuit/p2p/${bob.peerId.toString()}` }
}

const topics = ['0123', '4567'].map((name) => `${presencePrefix}${name}`)

async function listenTo(address: string, topic: string): Promise<TestDevice> {
  const device = await startDevice({ onGossip: () => undefined })
  device.network.perform({ kind: 'connect-relay', relay: address })
  await device.heard.next('relay-risen')
  device.network.subscribe(topic)
  return device
}

const trips: readonly (readonly [limit: Limit, limits: Partial<AllLimits>, trip: Trip])[] = [
  ['connectionsMax', { connectionsMax: 1 }, ({ address }) => openTwice(address)],
  ['connectionsPerPeerMax', { connectionsPerPeerMax: 1 }, ({ address }) => openTwice(address, createPerson())],
  ['connectionsPerAddressMax', { connectionsPerAddressMax: 2 }, ({ address }) => silentSockets(address, 3)],
  ['connectionsPerAddressPerSecond', { connectionsPerAddressPerSecond: 2 }, ({ address }) => silentSockets(address, 3)],
  ['handshakesMax', { handshakesMax: 2 }, ({ address }) => silentSockets(address, 3)],
  ['handshakeMsMax', { handshakeMsMax: 200 }, ({ address }) => silentSockets(address, 1)],
  [
    'connectionUnusedMsMax',
    { connectionUnusedMsMax: 100 },
    async ({ address }) => (await caller()).dial(multiaddr(address)),
  ],
  ['streamsPerConnectionMax', { streamsPerConnectionMax: 3 }, ({ address }) => openMany(address, mailboxProtocol, 6)],
  [
    'mailboxStreamsPerConnectionMax',
    { mailboxStreamsPerConnectionMax: 2 },
    ({ address }) => openMany(address, mailboxProtocol, 3),
  ],
  [
    'directoryStreamsPerConnectionMax',
    { directoryStreamsPerConnectionMax: 2 },
    ({ address }) => openMany(address, directoryProtocol, 3),
  ],
  ['strangerIdleMs', { strangerIdleMs: 200 }, async ({ address }) => openRaw(await caller(), address, mailboxProtocol)],
  [
    'reservationsMax',
    { reservationsMax: 1 },
    async (running) => {
      await circuitTo(running)
      // The other would listen nowhere else, and so does not begin.
      await stockNode([`${running.address}/p2p-circuit`]).catch(() => undefined)
    },
  ],
  [
    'circuitBytesMax',
    { circuitBytesMax: 20_000 },
    async (running) => {
      const { alice, through } = await circuitTo(running)
      const stream = await alice.dialProtocol(multiaddr(through), '/echo', { runOnLimitedConnection: true })
      stream.send(new Uint8Array(30_000))
    },
  ],
  [
    'circuitMsMax',
    { circuitMsMax: 300 },
    async (running) => {
      const { alice, through } = await circuitTo(running)
      // Its time may be up before a busy machine has agreed on the protocol.
      await alice.dialProtocol(multiaddr(through), '/echo', { runOnLimitedConnection: true }).catch(() => undefined)
    },
  ],
  [
    'gossipPeersMax',
    { gossipPeersMax: 1 },
    async ({ address }) => {
      for (const topic of topics) await listenTo(address, topic)
    },
  ],
  [
    'gossipTopicsMax',
    { gossipTopicsMax: 1 },
    async ({ address }) => {
      for (const topic of topics) await listenTo(address, topic)
    },
  ],
  [
    'gossipTopicsPerPeerMax',
    { gossipTopicsPerPeerMax: 1 },
    async ({ address }) => {
      const device = await listenTo(address, topics[0] ?? '')
      device.network.subscribe(topics[1] ?? '')
    },
  ],
  ['inFlightMessagesMax', { inFlightMessagesMax: 2 }, (running) => fillSlowReader(running, 3)],
  ['inFlightBytesMax', { inFlightBytesMax: 100 }, (running) => fillSlowReader(running, 2)],
]

async function openTwice(address: string, person = createPerson()): Promise<void> {
  await openMailbox(await caller(person), address)
  await openMailbox(await caller(person), address).catch(() => undefined)
}

async function fillSlowReader({ address }: Running, count: number): Promise<void> {
  const bob = await resident(address)
  const reader = await openMailbox(bob.node, address)
  reader.send({ kind: 'subscribe', credit: 100 })
  await reader.expect('page')
  const sender = await openMailbox(await caller(), address)
  for (let i = 0; i < count; i++) {
    const sent = envelope(Date.now(), { sealed: new Uint8Array(200) })
    sender.send({ kind: 'deposit', mailbox: bob.device, envelope: sent })
    await sender.expect('stored')
  }
}

test.each(trips)('%s', async (limit, limits, trip) => {
  const running = await runningRelay({ limits, store: 'memory' })
  await trip(running)
  await expect.poll(() => running.relay.reached.get(limit), { timeout: 15_000 }).toBeGreaterThan(0)
  expect(others(running.relay, limit)).toEqual([])
})

function others({ reached }: Relay, limit: Limit): readonly string[] {
  return [...reached.keys()].filter((one) => one !== limit)
}

test('preKeysKeptMax', () => {
  const scene = new Scene({ preKeysKeptMax: 5 })
  const bob = createPerson()
  const frame = publicationOf(bob, scene.nowMs)
  scene.ask(scene.open(bob.device), { ...frame, preKeys: preKeys(1, 4) })
  expect(scene.core.reached.get('preKeysKeptMax')).toBeUndefined()
  scene.ask(scene.open(bob.device), { ...frame, version: frame.version + 1, preKeys: preKeys(5, 4) })
  expect(scene.core.reached.get('preKeysKeptMax')).toBe(1)
})

test('every limit of the network is met by one of these, or is no limit to be met', () => {
  const names = Object.keys(allLimits) as Limit[]
  const tripped = new Set(trips.map(([limit]) => limit))
  const ofTheNetwork = names.slice(names.indexOf('connectionsMax'))
  expect(ofTheNetwork.filter((limit) => !tripped.has(limit))).toEqual([])
})

test('a connection is kept for a stream or a reservation, and let go when nothing is left of them', async () => {
  const { relay, address } = await runningRelay({ limits: { connectionUnusedMsMax: 150 } })
  const connections = async (): Promise<number> => (await relay.status()).connections
  const bob = await resident(address)
  const mailbox = await openMailbox(bob.node, address)
  mailbox.send({ kind: 'subscribe', credit: 10 })
  await mailbox.expect('page')
  const carol = await stockNode([`${address}/p2p-circuit`])
  const dave = await caller()
  await dave.dial(multiaddr(address))
  await expect.poll(() => relay.reached.get('connectionUnusedMsMax'), { timeout: 5_000 }).toBe(1)
  expect([await connections(), dave.getConnections().length, carol.getConnections().length]).toEqual([2, 0, 1])
  mailbox.close()
  await expect.poll(connections, { timeout: 5_000 }).toBe(1)
})
