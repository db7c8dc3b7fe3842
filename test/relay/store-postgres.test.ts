/** The shared store: the contract on a real server, and what only several relays on one database can show. */
import { afterAll, expect, test } from 'vitest'
import pg from 'pg'
import { peerIdOf, type DeviceId, type EnvelopeId } from '../../protocol/ids.ts'
import { relayLimits } from '../../relay/core/limits.ts'
import type { StoreCall } from '../../relay/core/store-calls.ts'
import { loadOrCreateSeed } from '../../relay/io/keyfile.ts'
import { postgresStore } from '../../relay/io/store-postgres.ts'
import type { Store, StoreLimits } from '../../relay/io/store.ts'
import { createPerson, bundleOf, cardOf, envelope, preKeys, publicationOf, type Person } from './people.ts'
import { openDirectory, openMailbox } from './caller.ts'
import { caller, resident, runningRelay } from './network.ts'
import { preKeysLow } from '../../protocol/limits.ts'
import { startRelayProcess } from './processes.ts'
import { notInstalled, startPostgres } from './postgres.ts'
import { storeContract } from './store-contract.ts'
import { atEnd, temporaryDirectory } from './temporary.ts'
import { systemRandom } from '../../protocol/crypto/primitives.ts'
import { join } from 'node:path'

const server = await startPostgres()
afterAll(() => server?.end())
const nowMs = 1_800_000_000_000

function open(url: string, limits: StoreLimits = relayLimits): Promise<Store> {
  return postgresStore({
    url,
    limits,
    failed: (error) => {
      throw error
    },
  })
}

async function shared(url: string, count: number): Promise<readonly Store[]> {
  const stores = await Promise.all(Array.from({ length: count }, () => open(url)))
  atEnd(async () => void (await Promise.all(stores.map((store) => store.close()))))
  return stores
}

function publication(person: Person, count = 3): StoreCall {
  const { device, account } = person
  const [card, bundle] = [cardOf(person, nowMs), bundleOf(person, nowMs)]
  return { op: 'publish', device, account, version: 1, revision: 1, card, bundle, preKeys: preKeys(1, count), nowMs }
}

function enqueue(mailbox: DeviceId, id?: EnvelopeId): StoreCall {
  return { op: 'enqueue', mailbox, envelope: envelope(nowMs, id === undefined ? {} : { id }), nowMs }
}

if (server === undefined) {
  test.skip(notInstalled, () => undefined)
} else {
  storeContract('PostgreSQL', async (limits) => open(await server.database(), limits))

  test('several relays that start at once on an empty database make its tables once', async () => {
    const stores = await shared(await server.database(), 4)
    for (const store of stores) expect(await store.ask({ op: 'census', nowMs })).toMatchObject({ ok: true })
  })

  test('a prekey is handed out once, whichever of four relays is asked, and all at the same time', async () => {
    const stores = await shared(await server.database(), 4)
    const owners = [createPerson(), createPerson(), createPerson()]
    for (const owner of owners) await stores[0]?.ask(publication(owner, 100))
    const asked = owners.flatMap(({ device }) =>
      Array.from({ length: 120 }, async (_, i) => {
        const outcome = await stores[i % 4]?.ask({ op: 'take-prekey', device, spend: true })
        if (outcome?.ok !== true || outcome.op !== 'take-prekey' || outcome.answer.state !== 'taken') return 'refused'
        return outcome.answer.preKey === undefined ? 'none' : `${device}/${outcome.answer.preKey.id}`
      }),
    )
    const taken = await Promise.all(asked)
    const keys = taken.filter((one) => one !== 'none')
    expect([keys.length, new Set(keys).size, taken.length]).toEqual([300, 300, 360])
  })

  test('one mailbox filled by three relays at once takes its number and not one more, and knows each duplicate', async () => {
    const stores = await shared(await server.database(), 3)
    const bob = createPerson()
    await stores[0]?.ask(publication(bob))
    const offered = Array.from({ length: 1_100 }, () => enqueue(bob.device))
    const states = await Promise.all(
      [...offered, ...offered].map(async (call, i) => {
        const outcome = await stores[i % 3]?.ask(call)
        return outcome?.ok === true && outcome.op === 'enqueue' ? outcome.answer.state : 'refused'
      }),
    )
    expect(states.filter((state) => state === 'stored')).toHaveLength(1_000)
    expect(states.filter((state) => state !== 'stored' && state !== 'duplicate' && state !== 'full')).toEqual([])
    expect(await stores[1]?.ask({ op: 'census', nowMs })).toMatchObject({ answer: { messages: 1_000 } })
  })

  test('relays that sweep at once lose each expired message once', async () => {
    const stores = await shared(await server.database(), 3)
    const bob = createPerson()
    await stores[0]?.ask(publication(bob))
    for (let i = 0; i < 60; i++) await stores[0]?.ask(enqueue(bob.device))
    const later = nowMs + 2 * 86_400_000
    const swept = await Promise.all(stores.map((store) => store.ask({ op: 'sweep', nowMs: later, countMax: 40 })))
    const lost = swept.flatMap((one) => (one.ok && one.op === 'sweep' ? one.answer.lost.map(({ id }) => id) : []))
    expect([lost.length, new Set(lost).size]).toEqual([60, 60])
  })

  test('a recipient who waits at one relay is woken within 50 ms by what is deposited at another', async () => {
    const url = await server.database()
    const [home, away] = [await temporaryDirectory(), await temporaryDirectory()]
    const seed = loadOrCreateSeed(join(home, 'relay.key'), systemRandom)
    loadOrCreateSeed(join(away, 'relay.key'), { bytes: () => seed })
    const [first, second] = [
      await runningRelay({ dataDir: home, store: { postgres: url } }),
      await runningRelay({ dataDir: away, store: { postgres: url } }),
    ]
    expect(peerIdOf(second.relay.device)).toBe(peerIdOf(first.relay.device)) // To the world it is one relay.
    const bob = await resident(first.address)
    const mailbox = await openMailbox(bob.node, first.address)
    mailbox.send({ kind: 'subscribe', credit: 100 })
    await mailbox.expect('page')
    const deposits = await openMailbox(await caller(), second.address)
    const tookMs: number[] = []
    for (let i = 0; i < 30; i++) {
      const sent = envelope(Date.now())
      deposits.send({ kind: 'deposit', mailbox: bob.device, envelope: sent })
      await deposits.expect('stored')
      const storedMs = performance.now()
      expect((await mailbox.expect('page')).envelopes).toEqual([sent])
      tookMs.push(performance.now() - storedMs)
      mailbox.send({ kind: 'ack', ids: [sent.id] })
      mailbox.send({ kind: 'more', credit: 1 })
    }
    tookMs.sort((a, b) => a - b)
    expect(tookMs[15]).toBeLessThan(50)
  })

  test('who is connected to one process is told what another did: room, losses, and that few prekeys are left', async () => {
    const store = { postgres: await server.database() }
    const [home, away] = [await temporaryDirectory(), await temporaryDirectory()]
    const seed = loadOrCreateSeed(join(home, 'relay.key'), systemRandom)
    loadOrCreateSeed(join(away, 'relay.key'), { bytes: () => seed })
    const limits = { mailboxMessagesMax: 1 }
    const [here, there] = [
      await startRelayProcess(home, { store, limits: { ...limits, sweepEveryMs: 3_600_000 } }),
      await startRelayProcess(away, { store, limits: { ...limits, sweepEveryMs: 200 } }),
    ]
    const bob = createPerson()
    const [bobHere, bobThere] = [await caller(bob), await caller(bob)]
    const directory = await openDirectory(bobHere, here.address)
    directory.send({ ...publicationOf(bob, Date.now()), preKeys: preKeys(1, preKeysLow) })
    await directory.expect('published')
    const mailbox = await openMailbox(bobHere, here.address)
    mailbox.send({ kind: 'subscribe', credit: 0 })
    const [alice, carol] = [await caller(), await caller()]
    const [deposits, others] = [await openMailbox(alice, here.address), await openMailbox(carol, there.address)]

    const asked = await openDirectory(carol, there.address)
    asked.send({ kind: 'take-bundle', device: bob.device })
    await asked.expect('bundle')
    expect(await mailbox.expect('prekeys-left')).toMatchObject({ left: preKeysLow - 1 })

    const dropped = envelope(Date.now(), { urgency: 5 })
    deposits.send({ kind: 'deposit', mailbox: bob.device, envelope: dropped })
    await deposits.expect('stored')
    const urgent = envelope(Date.now(), { urgency: 0 })
    others.send({ kind: 'deposit', mailbox: bob.device, envelope: urgent })
    await others.expect('stored')
    expect(await deposits.expect('lost')).toEqual({ kind: 'lost', id: dropped.id, reason: 'pruned' })
    expect((await mailbox.expect('tombstones')).lost).toMatchObject([{ id: dropped.id, reason: 'pruned' }])

    deposits.send({ kind: 'deposit', mailbox: bob.device, envelope: envelope(Date.now()) })
    expect(await deposits.expect('refused')).toMatchObject({ reason: 'full' })
    const reader = await openMailbox(bobThere, there.address)
    reader.send({ kind: 'subscribe', credit: 10 })
    expect((await reader.expect('page')).envelopes).toEqual([urgent])
    reader.send({ kind: 'ack', ids: [urgent.id] })
    expect(await deposits.expect('room')).toEqual({ kind: 'room', mailbox: bob.device })
    reader.close()

    const brief = envelope(Date.now(), { expiresMs: Date.now() + 500 })
    deposits.send({ kind: 'deposit', mailbox: bob.device, envelope: brief })
    await deposits.expect('stored')
    expect(await deposits.expect('lost')).toEqual({ kind: 'lost', id: brief.id, reason: 'expired' })
    expect((await mailbox.expect('tombstones')).lost).toMatchObject([{ id: brief.id, reason: 'expired' }])
  })

  test('a notice stands for many, and there is none for an acknowledgement nobody waits for', async () => {
    const url = await server.database()
    const [store] = await shared(url, 1)
    const listener = new pg.Client(url)
    await listener.connect()
    atEnd(() => listener.end())
    const heard: string[] = []
    listener.on('notification', ({ payload = '' }) => heard.push(...payload.split(' ').slice(1)))
    await listener.query('LISTEN linnet_mail')
    const bob = createPerson()
    await store?.ask(publication(bob))
    const sent = Array.from({ length: 300 }, () => enqueue(bob.device))
    await Promise.all(sent.map(async (call) => store?.ask(call)))
    const ids = sent.flatMap((call) => (call.op === 'enqueue' ? [call.envelope.id] : []))
    for (const id of ids) await store?.ask({ op: 'ack', mailbox: bob.device, ids: [id] })
    await store?.ask({ op: 'take-prekey', device: bob.device, spend: true })
    await expect.poll(() => heard).toContain(`k${bob.device}:2`)
    expect(new Set(heard)).toEqual(new Set([`m${bob.device}`, `k${bob.device}:2`]))
    expect(heard.length).toBeLessThan(10)
  })

  test('one poisoned call fails alone; those around it in the batch are carried out', async () => {
    const [store] = await shared(await server.database(), 1)
    const bob = createPerson()
    await store?.ask(publication(bob))
    const poisoned = { op: 'enqueue', mailbox: bob.device, envelope: envelope(nowMs, { urgency: 0.5 }), nowMs } as const
    const calls = [enqueue(bob.device), poisoned, enqueue(bob.device)]
    const outcomes = await Promise.all(calls.map(async (call) => store?.ask(call)))
    expect(outcomes.map((one) => one?.ok)).toEqual([true, false, true])
    expect(await store?.ask({ op: 'census', nowMs })).toMatchObject({ answer: { messages: 2 } })
  })

  test('a server that is killed and comes back has everything that was answered, and the store goes on', async () => {
    const url = await server.database()
    const faults: string[] = []
    const arrived: unknown[] = []
    const store = await postgresStore({
      url,
      limits: { ...relayLimits, mailboxMessagesMax: 100_000 },
      failed: (error) => faults.push(error.message),
      faulted: (fault) => faults.push(fault),
      arrived: (mailboxes) => arrived.push(mailboxes),
    })
    atEnd(() => store.close())
    const bob = createPerson()
    await store.ask(publication(bob))
    let stored = 0
    for (let round = 0; ; round++) {
      const asked = Array.from({ length: 60 }, () => store.ask(enqueue(bob.device)))
      if (round === 3) void server.kill()
      const kept = (await Promise.all(asked)).filter(({ ok }) => ok).length
      stored += kept
      if (kept < asked.length) break
    }
    await server.kill()
    expect(faults.length).toBeGreaterThan(0)
    expect(await store.ask(enqueue(bob.device))).toEqual({ ok: false, reason: 'failed' })
    await server.start()
    await expect.poll(async () => (await store.ask(enqueue(bob.device))).ok, { timeout: 10_000 }).toBe(true)
    await expect.poll(() => arrived, { timeout: 10_000 }).toContain('any') // It cannot know what it missed.
    const census = await store.ask({ op: 'census', nowMs })
    const messages = census.ok && census.op === 'census' ? census.answer.messages : 0
    expect(messages).toBeGreaterThanOrEqual(stored + 1)
  })

  test('a database that would not survive a power cut is refused', async () => {
    const url = await server.database()
    const client = new pg.Client(url)
    await client.connect()
    const name = new URL(url.replace('@/', '@host/')).pathname.slice(1)
    await client.query(`ALTER DATABASE ${name} SET synchronous_commit = off`)
    await client.end()
    await expect(open(url)).rejects.toThrow(/synchronous_commit is off/)
    await expect(open(url.replace(/host=[^&]*/, 'host=%2Fnowhere'))).rejects.toThrow(
      /No PostgreSQL server answers where .* \(ENOENT\)/,
    )
  })
}
