/** The store on disk: the contract, and what only a disk can do. */
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3-multiple-ciphers'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { DeviceId, EnvelopeId } from '../../protocol/ids.ts'
import { relayLimits } from '../../relay/core/limits.ts'
import type { StoreCall } from '../../relay/core/store-calls.ts'
import { commitBatch, isDamage } from '../../relay/io/group-commit.ts'
import { lockDirectory } from '../../relay/io/lock.ts'
import { SqliteEngine } from '../../relay/io/sqlite-engine.ts'
import { openDatabase } from '../../relay/io/sqlite-open.ts'
import { relaySchema } from '../../relay/io/sqlite-schema.ts'
import { sqliteStore } from '../../relay/io/store-sqlite.ts'
import type { Store, StoreLimits } from '../../relay/io/store.ts'
import { bundleOf, cardOf, createPerson, envelope, preKeys, type Person } from './people.ts'
import { storeContract } from './store-contract.ts'
import { atEnd, temporaryDirectory } from './temporary.ts'

const nowMs = 1_800_000_000_000

async function open(limits: StoreLimits = relayLimits, path?: string): Promise<Store> {
  return sqliteStore({
    path: path ?? join(await temporaryDirectory(), 'relay.db'),
    limits,
    failed: (error) => {
      throw error
    },
  })
}

storeContract('SQLite', open)

function publication(person: Person): StoreCall {
  const card = cardOf(person, nowMs)
  const { device, account } = person
  const bundle = bundleOf(person, nowMs)
  return { op: 'publish', device, account, version: 1, revision: 1, card, bundle, preKeys: preKeys(1, 3), nowMs }
}

test('what was answered is there when the file is opened again', async () => {
  const path = join(await temporaryDirectory(), 'relay.db')
  const bob = createPerson()
  const sent = envelope(nowMs)
  const before = await open(relayLimits, path)
  await before.ask(publication(bob))
  await before.ask({ op: 'take-prekey', device: bob.device, spend: true })
  await before.ask({ op: 'enqueue', mailbox: bob.device, envelope: sent, nowMs })
  await before.close()
  const after = await open(relayLimits, path)
  atEnd(() => after.close())
  const page = { op: 'page', mailbox: bob.device, except: [], countMax: 9, bytesMax: 9_999, overheadBytes: 0 } as const
  expect(await after.ask({ ...page, nowMs })).toMatchObject({ answer: { envelopes: [sent] } })
  expect(await after.ask({ op: 'take-prekey', device: bob.device, spend: true })).toMatchObject({
    answer: { preKey: { id: 2 } },
  })
})

test('a thousand calls at once share a few commits, and each has its answer', async () => {
  const store = await open()
  atEnd(() => store.close())
  const bob = createPerson()
  await store.ask(publication(bob))
  const calls = Array.from({ length: 1_200 }, () =>
    store.ask({ op: 'enqueue', mailbox: bob.device, envelope: envelope(nowMs), nowMs }),
  )
  expect(store.waiting).toBe(1_200)
  const states = (await Promise.all(calls)).map((outcome) => {
    return outcome.ok && outcome.op === 'enqueue' ? outcome.answer.state : 'refused'
  })
  expect(states.filter((state) => state === 'stored')).toHaveLength(1_000)
  expect(states.filter((state) => state === 'full')).toHaveLength(200)
})

test('one poisoned call fails alone; those around it in the batch are carried out', async () => {
  const db = openDatabase(join(await temporaryDirectory(), 'relay.db'), relaySchema)
  atEnd(() => void db.close())
  const engine = new SqliteEngine(db, relayLimits)
  const bob = createPerson()
  const good = (): StoreCall => ({ op: 'enqueue', mailbox: bob.device, envelope: envelope(nowMs), nowMs })
  const poisoned = { op: 'enqueue', mailbox: bob.device, envelope: envelope(nowMs, { urgency: 0.5 }), nowMs } as const
  const { outcomes, faults } = commitBatch(db, engine, [publication(bob), good(), poisoned, good()])
  expect(outcomes.map(({ ok }) => ok)).toEqual([true, true, false, true])
  expect(faults).toHaveLength(1)
  expect(faults.some(isDamage)).toBe(false)
  expect(engine.run({ op: 'census', nowMs })).toMatchObject({ answer: { messages: 2 } })
})

test('a full disk fails what does not fit, keeps what was promised, and heals when there is room', async () => {
  const db = openDatabase(join(await temporaryDirectory(), 'relay.db'), relaySchema)
  atEnd(() => void db.close())
  const engine = new SqliteEngine(db, relayLimits)
  const bob = createPerson()
  commitBatch(db, engine, [publication(bob)])
  const deposit = (): StoreCall => {
    const sealed = new Uint8Array(50_000)
    return { op: 'enqueue', mailbox: bob.device, envelope: envelope(nowMs, { sealed }), nowMs }
  }
  const census = (): unknown => engine.run({ op: 'census', nowMs })
  const room = Number(db.pragma('page_count', { simple: true })) + 30
  db.pragma(`max_page_count = ${room}`)
  const crowd = Array.from({ length: 4 }, deposit)
  const { outcomes, faults } = commitBatch(db, engine, crowd)
  const kept = outcomes.filter(({ ok }) => ok).length
  expect(kept).toBeGreaterThan(0)
  expect(faults).toEqual(Array.from({ length: 4 - kept }, () => 'SQLITE_FULL'))
  expect(census()).toMatchObject({ answer: { messages: kept, messageBytes: kept * 50_000 } })
  db.pragma('max_page_count = 1000000')
  expect(commitBatch(db, engine, [deposit()]).faults).toEqual([])
  expect(census()).toMatchObject({ answer: { messages: kept + 1 } })
})

test('only its owner can read the database', async () => {
  const directory = await temporaryDirectory()
  const store = await open(relayLimits, join(directory, 'relay.db'))
  atEnd(() => store.close())
  await store.ask(publication(createPerson()))
  const modes = readdirSync(directory).map((name) => statSync(join(directory, name)).mode & 0o777)
  expect(modes.length).toBeGreaterThanOrEqual(2) // The database and its log.
  expect(modes.every((mode) => mode === 0o600)).toBe(true)
})

test('a commit is synced: the log is in use and nothing has turned the sync off', async () => {
  const db = openDatabase(join(await temporaryDirectory(), 'relay.db'), relaySchema)
  atEnd(() => void db.close())
  expect(db.pragma('journal_mode', { simple: true })).toBe('wal')
  expect(db.pragma('synchronous', { simple: true })).toBe(2)
})

test('an older schema is brought forward, with a copy left beside it', async () => {
  const path = join(await temporaryDirectory(), 'relay.db')
  const before = openDatabase(path, relaySchema)
  before.exec("INSERT INTO card VALUES (x'00', 1, x'00', x'00', 0)")
  before.close()
  const next = { name: 'a later step', sql: 'ALTER TABLE card ADD COLUMN note TEXT' }
  const after = openDatabase(path, [...relaySchema, next])
  expect(after.prepare('SELECT revision, note FROM card').get()).toEqual({ revision: 1, note: null })
  after.close()
  const copy = new Database(`${path}.before-schema-${relaySchema.length + 1}`)
  expect(copy.prepare('SELECT revision FROM card').get()).toEqual({ revision: 1 })
  copy.close()
})

test('a step that fails leaves the database as it was', async () => {
  const path = join(await temporaryDirectory(), 'relay.db')
  openDatabase(path, relaySchema).close()
  const broken = { name: 'broken', sql: 'CREATE TABLE extra (a) STRICT; this is not SQL' }
  expect(() => openDatabase(path, [...relaySchema, broken])).toThrow()
  const after = openDatabase(path, relaySchema)
  expect(after.prepare("SELECT count(*) AS n FROM sqlite_master WHERE name = 'extra'").get()).toEqual({ n: 0 })
  after.close()
})

test('a newer schema is refused, with what to do', async () => {
  const path = join(await temporaryDirectory(), 'relay.db')
  openDatabase(path, [...relaySchema, { name: 'newer', sql: 'CREATE TABLE newer (a INTEGER) STRICT' }]).close()
  await expect(open(relayLimits, path)).rejects.toThrow(/written by a newer version.*Upgrade/)
})

test('a copy made while the store is in use can be opened', async () => {
  const directory = await temporaryDirectory()
  const store = await open(relayLimits, join(directory, 'relay.db'))
  atEnd(() => store.close())
  const bob = createPerson()
  await store.ask(publication(bob))
  await store.backup(join(directory, 'copy.db'))
  const copy = await open(relayLimits, join(directory, 'copy.db'))
  atEnd(() => copy.close())
  expect(await copy.ask({ op: 'count-prekeys', device: bob.device })).toMatchObject({ answer: { left: 3 } })
})

test('a store that has ended refuses to be copied, and says so', async () => {
  const directory = await temporaryDirectory()
  const store = await open(relayLimits, join(directory, 'relay.db'))
  await store.close()
  await expect(store.backup(join(directory, 'copy.db'))).rejects.toThrow(/the database is closed/)
})

test('a file that is not a database is refused', async () => {
  const path = join(await temporaryDirectory(), 'relay.db')
  writeFileSync(path, 'not a database at all, whatever its name may be'.repeat(100))
  await expect(open(relayLimits, path)).rejects.toThrow(/is damaged \(SQLITE_NOTADB\)/)
})

test('a directory is locked once, and free again when let go', async () => {
  const path = join(await temporaryDirectory(), 'relay.lock')
  const unlock = lockDirectory(path)
  expect(() => lockDirectory(path)).toThrow(/Another relay/)
  unlock()
  lockDirectory(path)()
})

test('what waits altogether is known without being counted: it is what a count would say, whatever happened before', async () => {
  const db = openDatabase(join(await temporaryDirectory(), 'relay.db'), relaySchema)
  atEnd(() => void db.close())
  const limits = { ...relayLimits, mailboxMessagesMax: 6, mailboxIdleMsMax: 40 * 86_400_000 }
  const engine = new SqliteEngine(db, limits)
  const people = [createPerson(), createPerson(), createPerson()]
  commitBatch(db, engine, people.map(publication))
  const envelopes = fc.record({ urgency: fc.nat(5), size: fc.integer({ min: 1, max: 300 }), lifeMs: fc.nat(2_000) })
  const step = fc.oneof(
    fc.record({
      do: fc.constant('enqueue' as const),
      who: fc.nat(2),
      envelopes: fc.array(envelopes, { maxLength: 8 }),
    }),
    fc.record({ do: fc.constant('ack' as const), who: fc.nat(2), count: fc.nat(4) }),
    fc.record({ do: fc.constant('sweep' as const), afterMs: fc.nat(1_500) }),
    fc.record({ do: fc.constant('poison' as const), who: fc.nat(2) }),
    fc.record({ do: fc.constant('take' as const), who: fc.nat(2) }),
    fc.record({ do: fc.constant('publish' as const), who: fc.nat(2) }),
  )
  const sent: { mailbox: DeviceId; id: EnvelopeId }[] = []
  let clockMs = nowMs
  const enqueue = (mailbox: DeviceId, urgency: number, size: number, lifeMs: number): StoreCall => {
    const one = envelope(clockMs, { urgency, sealed: new Uint8Array(size), expiresMs: clockMs + 1 + lifeMs })
    sent.push({ mailbox, id: one.id })
    return { op: 'enqueue', mailbox, envelope: one, nowMs: clockMs }
  }
  const run = (calls: readonly StoreCall[]): void => {
    commitBatch(db, engine, calls)
    const census = { op: 'census', nowMs: clockMs } as const
    expect(engine.run(census)).toEqual(new SqliteEngine(db, limits).run(census))
  }
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      for (const one of steps) {
        const device = people['who' in one ? one.who : 0]?.device
        if (device === undefined) continue
        if (one.do === 'enqueue')
          run(one.envelopes.map(({ urgency, size, lifeMs }) => enqueue(device, urgency, size, lifeMs)))
        if (one.do === 'ack') {
          const ids = sent.filter(({ mailbox }) => mailbox === device).map(({ id }) => id)
          run([{ op: 'ack', mailbox: device, ids: ids.slice(-one.count) }])
        }
        if (one.do === 'sweep') run([{ op: 'sweep', nowMs: (clockMs += one.afterMs), countMax: 5 }])
        if (one.do === 'take') run([{ op: 'take-prekey', device, spend: true }])
        if (one.do === 'publish') run([publication(people[one.who] ?? createPerson())])
        if (one.do === 'poison')
          run([enqueue(device, 1, 9, 999), enqueue(device, 0.5, 9, 999), enqueue(device, 2, 9, 999)])
      }
    }),
    { numRuns: 60 },
  )
  clockMs += 50 * 86_400_000
  for (let i = 0; i < 5; i++) run([{ op: 'sweep', nowMs: clockMs, countMax: 500 }]) // All of them are gone by then.
  expect(engine.run({ op: 'census', nowMs: clockMs })).toMatchObject({
    answer: { mailboxes: 0, messages: 0, messageBytes: 0 },
  })
})
