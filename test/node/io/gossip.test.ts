/** What is published reaches a friend through a relay both use, or over a link; and nobody who is not meant to hear it. */
import { expect, test } from 'vitest'
import { createRelay, type AllLimits, type Relay } from '../../../relay/index.ts'
import { scratch } from '../../e2e/processes.ts'
import { presencePrefix } from '../../../protocol/wire/presence.ts'
import type { NetworkInit } from '../../../node/io/network.ts'
import { atEnd, link, startDevice, type TestDevice } from './support.ts'

const topic = `${presencePrefix}0123456789abcdef`
/** The same bytes twice are one message to gossipsub. */
let signs = 0
const said = (): Uint8Array => new TextEncoder().encode(`sign ${++signs}`)

interface Listener {
  readonly device: TestDevice
  readonly heard: string[]
}

async function listener(init: Partial<NetworkInit> = {}): Promise<Listener> {
  const heard: string[] = []
  const device = await startDevice({
    onGossip: (on, data) => void heard.push(`${on} ${new TextDecoder().decode(data)}`),
    ...init,
  })
  return { device, heard }
}

async function sharedRelay(limits: Partial<AllLimits> = {}): Promise<Relay> {
  const folder = scratch()
  atEnd(folder.remove)
  const relay = await createRelay({ dataDir: folder.path('relay'), listen: ['/ip4/127.0.0.1/tcp/0'], limits })
  atEnd(() => relay.stop())
  await relay.start()
  return relay
}

async function visit(relay: Relay, ...listeners: readonly Listener[]): Promise<void> {
  for (const { device } of listeners) {
    device.network.perform({ kind: 'connect-relay', relay: relay.addresses[0]! })
    await device.heard.next('relay-risen')
    device.network.subscribe(topic)
  }
}

/** Gossip needs a moment to find its ways. */
async function hears(listening: Listener, saying: Listener): Promise<void> {
  await expect
    .poll(
      async () => {
        await saying.device.network.publish(topic, said())
        return listening.heard[0] ?? ''
      },
      { timeout: 10_000 },
    )
    .toMatch(new RegExp(`^${topic} sign`))
}

test('through a relay both use, without a link between them', async () => {
  const [alice, bob] = [await listener(), await listener()]
  await visit(await sharedRelay(), alice, bob)
  await hears(bob, alice)
  expect(bob.device.heard.of('link-risen')).toEqual([])
})

test('through a relay that carries the topics of many, between two who have many contacts', async () => {
  const relay = await sharedRelay()
  const crowd = await listener()
  await visit(relay, crowd)
  for (let i = 0; i < 100; i++) crowd.device.network.subscribe(`${topic}${i}`)
  const [alice, bob] = [await listener(), await listener()]
  for (let i = 100; i < 200; i++) alice.device.network.subscribe(`${topic}${i}`)
  await visit(relay, alice, bob)
  await hears(bob, alice)
})

test('through a relay whose topics were all taken by people who have left', async () => {
  const relay = await sharedRelay({ gossipTopicsMax: 3 })
  const [before, alice, bob] = [await listener(), await listener(), await listener()]
  for (let i = 0; i < 3; i++) before.device.network.subscribe(`${topic}${i}`)
  await visit(relay, before)
  await expect.poll(() => relay.reached.get('gossipTopicsMax'), { timeout: 5_000 }).toBe(1)
  await before.device.network.stop()
  await visit(relay, alice, bob)
  await hears(bob, alice)
  expect(relay.reached.get('gossipTopicsMax')).toBe(1)
})

test('through a relay where one visitor would have all topics there are', async () => {
  const relay = await sharedRelay({ gossipTopicsMax: 6, gossipTopicsPerPeerMax: 3 })
  const [greedy, alice, bob] = [await listener(), await listener(), await listener()]
  for (let i = 0; i < 6; i++) greedy.device.network.subscribe(`${topic}${i}`)
  await visit(relay, greedy)
  await expect.poll(() => relay.reached.get('gossipTopicsPerPeerMax'), { timeout: 5_000 }).toBeGreaterThan(0)
  await visit(relay, alice, bob)
  await hears(bob, alice)
  expect(relay.reached.get('gossipTopicsMax')).toBeUndefined()
})

test('a relay passes on nothing that is too long for a sign of presence', async () => {
  const relay = await sharedRelay()
  const [alice, bob] = [await listener(), await listener()]
  await visit(relay, alice, bob)
  await hears(bob, alice)
  await alice.device.network.publish(topic, new Uint8Array(513).fill(120))
  const heard = bob.heard.length
  await expect
    .poll(async () => {
      await alice.device.network.publish(topic, said())
      return bob.heard.length
    })
    .toBeGreaterThan(heard)
  expect(bob.heard.filter((text) => text.includes('xxx'))).toEqual([])
})

test('a relay passes on only so many signs of one visitor, and those of others all the same', async () => {
  const [alice, bob, carol] = [await listener(), await listener(), await listener()]
  await visit(await sharedRelay(), alice, bob, carol)
  await hears(bob, alice)
  const heard = (word: string): number => bob.heard.filter((text) => text.includes(word)).length
  const says = (who: Listener, word: string): Promise<void> =>
    who.device.network.publish(topic, new TextEncoder().encode(`${word} ${++signs}`))
  for (let i = 0; i < 600; i++) await says(alice, 'flood')
  await expect.poll(() => heard('flood'), { timeout: 10_000 }).toBeGreaterThan(100)
  for (let before = -1; heard('flood') > before; await new Promise((resolve) => setTimeout(resolve, 500))) {
    before = heard('flood')
  }
  expect(heard('flood')).toBeLessThan(400) // Two hundred, and five a second.
  await says(carol, 'calm')
  await expect.poll(() => heard('calm')).toBe(1)
})

test('with circuits off nothing is said through a relay, which would see who listens to whom', async () => {
  const noFriends = { isFriend: () => false }
  const [alice, bob, carol] = [
    await listener({ ...noFriends, circuits: false }),
    await listener(),
    await listener(noFriends),
  ]
  await visit(await sharedRelay(), alice, bob, carol)
  const says = (who: Listener, word: string): Promise<void> =>
    who.device.network.publish(topic, new TextEncoder().encode(`${word} ${++signs}`))
  const heard = (word: string): number => bob.heard.filter((text) => text.includes(word)).length
  const round = async (): Promise<number> => {
    await Promise.all([says(alice, 'alice'), says(carol, 'carol')])
    return heard('carol')
  }
  await expect.poll(round, { timeout: 10_000 }).toBeGreaterThan(4)
  expect(heard('alice')).toBe(0)
})

test('over a link, without a relay', async () => {
  const [alice, bob] = [await listener(), await listener()]
  await link(alice.device, bob.device)
  for (const { device } of [alice, bob]) device.network.subscribe(topic)
  await hears(bob, alice)
})

test('a stranger with a link who knows the topic hears nothing; a friend beside them does', async () => {
  const [stranger, friend] = [await listener(), await listener()]
  const alice = await listener({ isFriend: (device) => device !== stranger.device.id })
  for (const { device } of [stranger, friend]) await link(device, alice.device)
  for (const { device } of [alice, stranger, friend]) device.network.subscribe(topic)
  await expect
    .poll(async () => {
      await alice.device.network.publish(topic, said())
      return friend.heard.length
    })
    .toBeGreaterThan(0)
  expect(stranger.heard).toEqual([])
})
