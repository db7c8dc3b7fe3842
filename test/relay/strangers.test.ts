/** Strangers cost a relay little, and others nothing. */
import { connect, type Socket } from 'node:net'
import type { Stream } from '@libp2p/interface'
import { expect, test } from 'vitest'
import { mailboxProtocol } from '../../protocol/wire/mailbox.ts'
import { openMailbox, openRaw } from './caller.ts'
import { caller, resident, runningRelay } from './network.ts'
import { createPerson, envelope } from './people.ts'

function ended(stream: Stream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.status !== 'open') return resolve()
    stream.addEventListener('close', () => resolve(), { once: true })
  })
}

test('a stranger with a thousand streams is cut down to a few, while somebody else is served', async () => {
  const { relay, address } = await runningRelay()
  const bob = await resident(address)
  const eve = await caller()
  const attempts = Promise.allSettled(Array.from({ length: 1_000 }, () => openRaw(eve, address, mailboxProtocol)))
  const alice = await openMailbox(await caller(), address)
  for (let i = 0; i < 20; i++) {
    alice.send({ kind: 'deposit', mailbox: bob.device, envelope: envelope(Date.now()) })
    await alice.expect('stored')
  }
  await attempts
  await expect.poll(async () => (await relay.status()).streams).toBeLessThanOrEqual(1 + 4)
  alice.send({ kind: 'deposit', mailbox: bob.device, envelope: envelope(Date.now()) })
  await alice.expect('stored')
})

test('a stream that sends a byte now and then but no whole frame is closed; one about a real mailbox is not', async () => {
  const { relay, address } = await runningRelay({ limits: { strangerIdleMs: 300 } })
  const bob = await resident(address)
  const owner = await openMailbox(bob.node, address)
  owner.send({ kind: 'subscribe', credit: 10 })
  await owner.expect('page')
  const stream = await openRaw(await caller(), address, mailboxProtocol)
  const drip = setInterval(() => stream.status === 'open' && stream.send(Uint8Array.of(0x7f)), 40)
  await ended(stream)
  clearInterval(drip)
  // The owner has said nothing for longer than that, and is still served.
  const alice = await openMailbox(await caller(), address)
  alice.send({ kind: 'deposit', mailbox: bob.device, envelope: envelope(Date.now()) })
  expect((await owner.expect('page')).envelopes).toHaveLength(1)
  expect((await relay.status()).subscriptions).toBe(1)
})

test('a reader who reads nothing is sent no more than may be on its way, and holds up nobody', async () => {
  const limits = { inFlightBytesMax: 300_000, inFlightMessagesMax: 50 }
  const { relay, address } = await runningRelay({ limits })
  const [bob, carol] = [await resident(address), await resident(address)]
  const slow = await openMailbox(bob.node, address)
  slow.send({ kind: 'subscribe', credit: 100 })
  await slow.expect('page')
  slow.stream.pause()
  const reader = await openMailbox(carol.node, address)
  reader.send({ kind: 'subscribe', credit: 100 })
  await reader.expect('page')
  const alice = await openMailbox(await caller(), address)
  for (let i = 0; i < 30; i++) {
    const sent = envelope(Date.now(), { sealed: new Uint8Array(30_000) })
    alice.send({ kind: 'deposit', mailbox: bob.device, envelope: sent })
    await alice.expect('stored')
  }
  alice.send({ kind: 'deposit', mailbox: carol.device, envelope: envelope(Date.now()) })
  expect((await reader.expect('page')).envelopes).toHaveLength(1)
  // Carol has not acknowledged hers, so it is stored after all.
  await expect.poll(async () => (await relay.status()).messages).toBe(31)
  slow.stream.resume()
  await relay.stop()
  let sent = 0
  for (let frame = await slow.next(); frame !== undefined; frame = await slow.next()) {
    if (frame.kind === 'page') sent += frame.envelopes.length
  }
  expect(sent).toBeGreaterThan(0)
  expect(sent).toBeLessThanOrEqual(limits.inFlightBytesMax / 30_000)
})

test('one address holds only so many connections, whether or not they ever say who they are', async () => {
  const { relay, address } = await runningRelay({ limits: { connectionsPerAddressMax: 5 } })
  const silent = await silentSockets(address, 8)
  await expect.poll(() => silent.filter((socket) => socket.closed).length).toBe(3)
  for (const socket of silent) socket.destroy()
  const bob = await resident(address)
  expect((await relay.status()).connections).toBe(1)
  await bob.node.stop()
})

test('one peer holds only so many connections', async () => {
  const { relay, address } = await runningRelay({ limits: { connectionsPerPeerMax: 2 } })
  const person = createPerson()
  for (let i = 0; i < 2; i++) await openMailbox(await caller(person), address)
  await expect(openMailbox(await caller(person), address)).rejects.toThrow()
  expect((await relay.status()).connections).toBe(2)
})

function silentSockets(address: string, count: number): Promise<Socket[]> {
  const port = Number(/tcp\/(\d+)/.exec(address)?.[1])
  return Promise.all(
    Array.from({ length: count }, () => {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => undefined)
      return new Promise<Socket>((resolve) => socket.once('connect', () => resolve(socket)))
    }),
  )
}
