/** A relay as its users meet it: real libp2p over TCP, real files. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { peerIdOf } from '../../protocol/ids.ts'
import { signalSessions } from '../../protocol/session/signal.ts'
import { verifyCustody } from '../../protocol/wire/custody.ts'
import { createRelay, type RelayLogEntry } from '../../relay/index.ts'
import { openDirectory, openMailbox } from './caller.ts'
import { caller, resident, runningRelay } from './network.ts'
import { envelope } from './people.ts'
import { temporaryDirectory } from './temporary.ts'

test('a message for someone who is away is kept, signed for, fetched once they are back, and gone when acknowledged', async () => {
  const { relay, address } = await runningRelay()
  const bob = await resident(address)
  const alice = await caller()
  const directory = await openDirectory(alice, address)
  directory.send({ kind: 'take-bundle', device: bob.device })
  const { bundle, preKey } = await directory.expect('bundle')
  expect(preKey?.id).toBe(1)
  expect(signalSessions.verifyBundle(bundle)).toBe(true)
  directory.send({ kind: 'find-card', account: bob.account })
  await directory.expect('card')

  const deposits = await openMailbox(alice, address)
  const sent = envelope(Date.now())
  deposits.send({ kind: 'deposit', mailbox: bob.device, envelope: sent })
  const { receipt } = await deposits.expect('stored')
  expect(receipt.taken).toMatchObject([{ mailbox: bob.device, id: sent.id, expiresMs: sent.expiresMs }])
  expect(verifyCustody(receipt, relay.device)).toBe(true)
  expect(await relay.status()).toMatchObject({ mailboxes: 1, messages: 1, preKeys: 99, cards: 1, connections: 2 })

  const mailbox = await openMailbox(bob.node, address)
  mailbox.send({ kind: 'subscribe', credit: 100 })
  const waited = await mailbox.expect('page')
  expect(waited.envelopes).toEqual([sent])
  mailbox.send({ kind: 'ack', ids: [sent.id] })

  const live = envelope(Date.now())
  deposits.send({ kind: 'deposit', mailbox: bob.device, envelope: live })
  expect((await mailbox.expect('page')).envelopes).toEqual([live])
  mailbox.send({ kind: 'ack', ids: [live.id] })
  await expect.poll(async () => (await relay.status()).messages).toBe(0)
  expect(await relay.status()).toMatchObject({ subscriptions: 1, oldestMs: undefined })
})

test('a relay that is stopped and started again is the same relay, with everything it promised', async () => {
  const dataDir = await temporaryDirectory()
  const first = await runningRelay({ dataDir })
  const bob = await resident(first.address)
  const sent = envelope(Date.now())
  const deposits = await openMailbox(await caller(), first.address)
  deposits.send({ kind: 'deposit', mailbox: bob.device, envelope: sent })
  await deposits.expect('stored')
  await first.relay.stop()
  await deposits.ended()

  const second = await runningRelay({ dataDir })
  expect(second.relay.device).toBe(first.relay.device)
  expect(second.address).toContain(peerIdOf(first.relay.device))
  const mailbox = await openMailbox(bob.node, second.address)
  mailbox.send({ kind: 'subscribe', credit: 10 })
  expect((await mailbox.expect('page')).envelopes).toEqual([sent])
})

test('two relays cannot use one directory', async () => {
  const dataDir = await temporaryDirectory()
  await runningRelay({ dataDir })
  await expect(createRelay({ dataDir })).rejects.toThrow(/Another relay is using this directory/)
})

test('the key is for its owner alone, and a damaged one is refused rather than replaced', async () => {
  const dataDir = await temporaryDirectory()
  const relay = await createRelay({ dataDir })
  const key = join(dataDir, 'relay.key')
  expect(statSync(key).mode & 0o777).toBe(0o600)
  expect(statSync(dataDir).mode & 0o777).toBe(0o700)
  await relay.stop()
  writeFileSync(key, readFileSync(key).subarray(0, 20))
  await expect(createRelay({ dataDir })).rejects.toThrow(/is not a relay's key/)
})

test('what a relay announces is what it was told to announce, or else where it listens', async () => {
  const announce = ['/dns4/relay.example/tcp/4001']
  const { relay } = await runningRelay({ announce })
  expect(relay.addresses).toEqual([`${announce[0] ?? ''}/p2p/${peerIdOf(relay.device)}`])
  const plainly = await runningRelay()
  expect(plainly.address).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/12D3Koo/)
})

test('a relay that cannot be made lets go of its database', async () => {
  const dataDir = await temporaryDirectory()
  await expect(createRelay({ dataDir, limits: { circuitBytesMax: 0.5 } })).rejects.toThrow('0.5')
  expect(existsSync(join(dataDir, 'relay.db'))).toBe(true)
  expect(existsSync(join(dataDir, 'relay.db-wal'))).toBe(false) // SQLite removes it with the last connection.
})

test('the log says what happened and names nobody', async () => {
  const entries: RelayLogEntry[] = []
  const { relay, address } = await runningRelay({ log: (entry) => entries.push(entry) })
  const bob = await resident(address)
  await relay.stop()
  expect(entries.map(({ event }) => event)).toEqual(['started', 'draining', 'stopped'])
  expect(JSON.stringify(entries)).not.toContain(bob.device)
})

test('a relay that stops answers everything it keeps', async () => {
  const dataDir = await temporaryDirectory()
  const { relay, address } = await runningRelay({ dataDir })
  const bob = await resident(address)
  const deposits = await openMailbox(await caller(), address)
  for (let i = 0; i < 100; i++) {
    deposits.send({ kind: 'deposit', mailbox: bob.device, envelope: envelope(Date.now()) })
  }
  let answers = (await deposits.expect('stored')).receipt.taken.length
  const stopping = relay.stop()
  for (let frame = await deposits.next(); frame !== undefined; frame = await deposits.next()) {
    if (frame.kind === 'stored') answers += frame.receipt.taken.length
  }
  await stopping
  const again = await runningRelay({ dataDir })
  expect((await again.relay.status()).messages).toBe(answers)
})

test('a damaged database ends the relay loudly', async () => {
  const dataDir = await temporaryDirectory()
  const first = await runningRelay({ dataDir })
  await resident(first.address)
  await first.relay.stop()
  damage(join(dataDir, 'relay.db'))
  const entries: RelayLogEntry[] = []
  const relay = await createRelay({ dataDir, listen: [], log: (entry) => entries.push(entry) })
  const ended = new Promise<Error>((resolve) => relay.on('fatal', resolve))
  await relay.start()
  expect((await ended).message).toMatch(/damaged/)
  expect(entries.map(({ event }) => event)).toEqual(expect.arrayContaining(['store-faulted', 'failed', 'stopped']))
})

test('a relay that fails, and then fails to end, says so once and lets go of its files', async () => {
  const dataDir = await temporaryDirectory()
  const first = await runningRelay({ dataDir })
  await resident(first.address)
  await first.relay.stop()
  damage(join(dataDir, 'relay.db'))
  const log = ({ event }: RelayLogEntry): void => {
    if (event === 'draining') throw new Error('the log is full')
  }
  const relay = await createRelay({ dataDir, listen: [], log })
  const ended = new Promise<Error>((resolve) => relay.on('fatal', resolve))
  await relay.start()
  expect((await ended).message).toMatch(/damaged/)
  await expect(relay.stop()).rejects.toThrow('the log is full')
  await (await createRelay({ dataDir, listen: [] })).stop()
})

/** Everything but the header. */
function damage(path: string): void {
  const bytes = readFileSync(path)
  bytes.fill(0xa5, 4_096)
  writeFileSync(path, bytes)
}
