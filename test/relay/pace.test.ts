/** How fast a relay takes what one stream sends it. */
import { expect, test } from 'vitest'
import { openMailbox } from './caller.ts'
import { caller, resident, runningRelay } from './network.ts'
import { envelope } from './people.ts'

test('who goes on after being told to slow down is not read, and keeps what it sends', async () => {
  const { address } = await runningRelay({ limits: { deposits: { burst: 5, perSecond: 1 } } })
  const bob = await resident(address)
  const line = await openMailbox(await caller(), address)
  const sent = 4_000
  for (let i = 0; i < sent; i++) {
    line.send({ kind: 'deposit', mailbox: bob.device, envelope: envelope(Date.now()) })
  }
  let refused = 0
  void (async () => {
    for (let frame = await line.next(); frame !== undefined; frame = await line.next()) {
      if (frame.kind === 'refused') refused += 1
    }
  })()
  await expect.poll(() => refused).toBeGreaterThan(0)
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  expect(refused).toBeLessThan(100)
  expect(line.stream.writeBufferLength).toBeGreaterThan((sent / 4) * 100)
})

test('a long row of large frames is taken whole, a few in each turn', async () => {
  const { address } = await runningRelay()
  const bob = await resident(address)
  const line = await openMailbox(await caller(), address)
  const ids = new Set<string>()
  for (let i = 0; i < 100; i++) {
    const message = envelope(Date.now(), { sealed: new Uint8Array(130_000 - i * 1_111) })
    ids.add(message.id)
    line.send({ kind: 'deposit', mailbox: bob.device, envelope: message })
  }
  while (ids.size > 0) {
    for (const { id } of (await line.expect('stored')).receipt.taken) ids.delete(id)
  }
})

test('who is cut off while not being read takes nobody along', async () => {
  const { relay, address } = await runningRelay({ limits: { deposits: { burst: 5, perSecond: 1 } } })
  const bob = await resident(address)
  for (let i = 0; i < 5; i++) {
    const node = await caller()
    const line = await openMailbox(node, address)
    for (let n = 0; n < 200 * i + 50; n++) {
      line.send({ kind: 'deposit', mailbox: bob.device, envelope: envelope(Date.now()) })
    }
    await line.expect('refused')
    for (const connection of node.getConnections()) connection.abort(new Error('gone'))
  }
  await new Promise((resolve) => setTimeout(resolve, 1_500)) // Longer than anybody is left unread.
  expect((await relay.status()).subscriptions).toBe(0)
})
