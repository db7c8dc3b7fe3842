/** A relay that is killed in the middle of its work keeps every promise it made. */
import type { Libp2p } from '@libp2p/interface'
import { expect, test } from 'vitest'
import type { EnvelopeId } from '../../protocol/ids.ts'
import { createCaller, openDirectory, openMailbox } from './caller.ts'
import { createPerson, envelope, preKeys, publicationOf, type Person } from './people.ts'
import { startRelayProcess, type RelayProcess } from './processes.ts'
import { atEnd, temporaryDirectory } from './temporary.ts'

const kills = 4

async function caller(person?: Person): Promise<Libp2p> {
  const node = await createCaller(person?.identity.seed)
  atEnd(() => node.stop())
  return node
}

/** Deposits as fast as it is allowed, kills the relay after so many promises, and returns what was promised. */
async function depositUntilKilled(relay: RelayProcess, bob: Person, promisesMax: number): Promise<EnvelopeId[]> {
  const promised: EnvelopeId[] = []
  const line = await openMailbox(await caller(), relay.address)
  for (let i = 0; i < 100; i++) line.send({ kind: 'deposit', mailbox: bob.device, envelope: envelope(Date.now()) })
  for (;;) {
    const frame = await line.next()
    if (frame === undefined) return promised
    if (frame.kind !== 'stored') continue
    promised.push(frame.receipt.id)
    if (promised.length === promisesMax) void relay.kill()
    else line.send({ kind: 'deposit', mailbox: bob.device, envelope: envelope(Date.now()) })
  }
}

async function fetchAll(relay: RelayProcess, bob: Person): Promise<EnvelopeId[]> {
  const line = await openMailbox(await caller(bob), relay.address)
  line.send({ kind: 'subscribe', credit: 100 })
  const fetched: EnvelopeId[] = []
  for (;;) {
    const { envelopes, empty } = await line.expect('page')
    const ids = envelopes.map(({ id }) => id)
    fetched.push(...ids)
    if (empty) return fetched
    line.send({ kind: 'ack', ids })
    line.send({ kind: 'more', credit: ids.length })
  }
}

test('every envelope answered stored before a kill is there after it', async () => {
  const dataDir = await temporaryDirectory()
  const bob = createPerson()
  const promised = new Set<EnvelopeId>()
  for (let kill = 0; kill < kills; kill++) {
    const relay = await startRelayProcess(dataDir)
    if (kill === 0) {
      const directory = await openDirectory(await caller(bob), relay.address)
      directory.send(publicationOf(bob, Date.now()))
      await directory.expect('published')
    }
    for (const id of await depositUntilKilled(relay, bob, 20 + kill * 31)) promised.add(id)
  }
  const fetched = await fetchAll(await startRelayProcess(dataDir), bob)
  expect(promised.size).toBeGreaterThan(200)
  expect([...promised].filter((id) => !fetched.includes(id))).toEqual([])
  expect(new Set(fetched).size).toBe(fetched.length)
})

test('no prekey is handed out twice, not by many streams at once and not across a kill', async () => {
  const dataDir = await temporaryDirectory()
  const bob = createPerson()
  const publication = publicationOf(bob, Date.now(), { preKeys: preKeys(1, 60) })
  const handedOut: number[] = []
  for (let kill = 0; kill < 3; kill++) {
    const relay = await startRelayProcess(dataDir)
    const directory = await openDirectory(await caller(bob), relay.address)
    directory.send(publication) // Again each time, as someone does who was not told that it was kept.
    await directory.expect('published')
    const asker = await caller()
    const lines = await Promise.all(Array.from({ length: 6 }, () => openDirectory(asker, relay.address)))
    const takers = lines.map(async (line) => {
      for (;;) {
        line.send({ kind: 'take-bundle', device: bob.device })
        const frame = await line.next()
        if (frame?.kind !== 'bundle' || frame.preKey === undefined) return
        handedOut.push(frame.preKey.id)
        if (handedOut.length % 17 === 0 && kill < 2) return void relay.kill()
      }
    })
    await Promise.all(takers)
  }
  expect(handedOut.length).toBeGreaterThan(30)
  expect(new Set(handedOut).size).toBe(handedOut.length)
})
