/** A relay as its users meet it: real libp2p over TCP, real files. */
import type { Libp2p } from '@libp2p/interface'
import { expect, test } from 'vitest'
import { verifyCustody } from '../../protocol/wire/custody.ts'
import { createRelay, type Relay, type RelayOptions } from '../../relay/index.ts'
import { createCaller, openDirectory, openMailbox } from './caller.ts'
import { createPerson, envelope, plain, publicationOf, type Person } from './people.ts'
import { atEnd, temporaryDirectory } from './temporary.ts'

async function running(options: Partial<RelayOptions> = {}): Promise<{ relay: Relay; address: string }> {
  const dataDir = options.dataDir ?? (await temporaryDirectory())
  const relay = await createRelay({ listen: ['/ip4/127.0.0.1/tcp/0'], ...options, dataDir })
  atEnd(() => relay.stop())
  await relay.start()
  return { relay, address: relay.addresses[0] ?? '' }
}

async function caller(person: Person = createPerson()): Promise<Libp2p> {
  const node = await createCaller(person.identity.seed)
  atEnd(() => node.stop())
  return node
}

test('a message for someone who is away is kept, signed for, fetched once they are back, and gone when acknowledged', async () => {
  const { relay, address } = await running()
  const bob = createPerson()
  const bobs = await caller(bob)
  const directory = await openDirectory(bobs, address)
  directory.send(publicationOf(bob, Date.now()))
  expect(await directory.expect('published')).toEqual({ kind: 'published', left: 100 })

  const alice = await caller()
  const asked = await openDirectory(alice, address)
  asked.send({ kind: 'take-bundle', device: bob.device })
  const taken = await asked.expect('bundle')
  expect(taken.preKey?.id).toBe(1)
  asked.send({ kind: 'find-card', account: bob.account })
  await asked.expect('card')

  const deposits = await openMailbox(alice, address)
  const sent = envelope(Date.now())
  deposits.send({ kind: 'deposit', mailbox: bob.device, envelope: sent })
  const { receipt } = await deposits.expect('stored')
  expect(verifyCustody(receipt, relay.device)).toBe(true)
  expect(await relay.status()).toMatchObject({ mailboxes: 1, messages: 1, preKeys: 99, cards: 1 })

  const mailbox = await openMailbox(bobs, address)
  mailbox.send({ kind: 'subscribe', credit: 100 })
  const page = await mailbox.expect('page')
  expect(page.empty).toBe(true)
  expect(page.envelopes.map(plain)).toEqual([sent])
  mailbox.send({ kind: 'ack', ids: [sent.id] })

  const live = envelope(Date.now())
  deposits.send({ kind: 'deposit', mailbox: bob.device, envelope: live })
  const next = await mailbox.expect('page')
  expect(next.envelopes.map(plain)).toEqual([live])
  mailbox.send({ kind: 'ack', ids: [live.id] })
  await expect.poll(async () => (await relay.status()).messages).toBe(0)
})

test('two relays cannot use one directory', async () => {
  const dataDir = await temporaryDirectory()
  await running({ dataDir })
  await expect(createRelay({ dataDir })).rejects.toThrow(/Another relay is using this directory/)
})
