/** What is published reaches a friend through a relay both use, or over a link; and nobody who is not meant to hear it. */
import { expect, test } from 'vitest'
import { createRelay, type Relay } from '../../../relay/index.ts'
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

async function sharedRelay(): Promise<Relay> {
  const folder = scratch()
  atEnd(folder.remove)
  const relay = await createRelay({ dataDir: folder.path('relay'), listen: ['/ip4/127.0.0.1/tcp/0'] })
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

test('through a relay both use, without a link between them', async () => {
  const [alice, bob] = [await listener(), await listener()]
  await visit(await sharedRelay(), alice, bob)
  await expect
    .poll(async () => {
      await alice.device.network.publish(topic, said())
      return bob.heard[0] ?? ''
    })
    .toMatch(new RegExp(`^${topic} sign`))
  expect(bob.device.heard.of('link-risen')).toEqual([])
})

test('over a link, without a relay', async () => {
  const [alice, bob] = [await listener(), await listener()]
  await link(alice.device, bob.device)
  for (const { device } of [alice, bob]) device.network.subscribe(topic)
  await expect
    .poll(async () => {
      await alice.device.network.publish(topic, said())
      return bob.heard[0] ?? ''
    })
    .toMatch(new RegExp(`^${topic} sign`))
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
