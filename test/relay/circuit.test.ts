/** A relay carries circuits for stock libp2p nodes, and forgets those who have left. */
import { multiaddr } from '@multiformats/multiaddr'
import { expect, test } from 'vitest'
import { runningRelay, stockNode } from './network.ts'

test('two who cannot reach each other speak through it', async () => {
  const { relay, address } = await runningRelay()
  const bob = await stockNode([`${address}/p2p-circuit`])
  await expect.poll(() => bob.getMultiaddrs().length).toBe(1)
  expect((await relay.status()).reservations).toBe(1)
  await bob.handle('/echo', (stream) => stream.addEventListener('message', ({ data }) => void stream.send(data)), {
    runOnLimitedConnection: true,
  })
  const alice = await stockNode([])
  const through = multiaddr(`${address}/p2p-circuit/p2p/${bob.peerId.toString()}`)
  const stream = await alice.dialProtocol(through, '/echo', { runOnLimitedConnection: true })
  const echoed = new Promise<Uint8Array>((resolve) => {
    stream.addEventListener('message', ({ data }) => resolve(data.subarray()), { once: true })
  })
  stream.send(new TextEncoder().encode('hello'))
  expect(new TextDecoder().decode(await echoed)).toBe('hello')
})

test('a reservation is free again when its holder leaves, so newcomers are not turned away', async () => {
  const { relay, address } = await runningRelay({ limits: { reservationsMax: 1 } })
  for (let i = 0; i < 3; i++) {
    const node = await stockNode([`${address}/p2p-circuit`])
    await expect.poll(async () => (await relay.status()).reservations).toBe(1)
    await node.stop()
    await expect.poll(async () => (await relay.status()).reservations).toBe(0)
  }
})
