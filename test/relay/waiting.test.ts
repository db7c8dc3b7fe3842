/** The newest envelopes are filed late, many at a time: nobody can tell from the answers, and it saves what it is there to save. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3-multiple-ciphers'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { envelopeIdOf, idBytes, type EnvelopeId } from '../../protocol/ids.ts'
import { relayLimits } from '../../relay/core/limits.ts'
import type { StoreCall, StoreOutcome } from '../../relay/core/store-calls.ts'
import { commitBatch } from '../../relay/io/group-commit.ts'
import { SqliteEngine } from '../../relay/io/sqlite-engine.ts'
import { openDatabase } from '../../relay/io/sqlite-open.ts'
import { relaySchema } from '../../relay/io/sqlite-schema.ts'
import { MemoryEngine } from '../../relay/io/store-memory.ts'
import { bundleOf, cardOf, createPerson, envelope, type Person } from './people.ts'
import { atEnd, temporaryDirectory } from './temporary.ts'

const nowMs = 1_800_000_000_000
const limits = { ...relayLimits, mailboxMessagesMax: 12 }
const residents = [createPerson(), createPerson(), createPerson(), createPerson()]

async function created(): Promise<{ readonly db: Database.Database; readonly path: string }> {
  const path = join(await temporaryDirectory(), 'relay.db')
  const db = openDatabase(path, relaySchema)
  atEnd(() => void db.close())
  return { db, path }
}

function publication(person: Person): StoreCall {
  const { device, account } = person
  const [card, bundle] = [cardOf(person, nowMs), bundleOf(person, nowMs)]
  return { op: 'publish', device, account, version: 1, revision: 1, card, bundle, preKeys: [], nowMs }
}

const who = fc.constantFrom(...residents)
const id: fc.Arbitrary<EnvelopeId> = fc.nat({ max: 30 }).map((n) => envelopeIdOf(new Uint8Array(16).fill(n)))

const deposit = fc
  .record({ person: who, id, urgency: fc.nat({ max: 2 }), size: fc.integer({ min: 1, max: 20 }) })
  .map(({ person, id: known, urgency, size }): StoreCall => {
    const one = { id: known, urgency, expiresMs: nowMs + 1, sealed: new Uint8Array(size) }
    return { op: 'enqueue', mailbox: person.device, envelope: one, nowMs }
  })
const acknowledgement = fc
  .tuple(who, fc.uniqueArray(id, { maxLength: 6 }))
  .map(([person, ids]): StoreCall => ({ op: 'ack', mailbox: person.device, ids }))

/** No database takes half an urgency: whatever shares its transaction is rolled back, and tried again alone. */
const poison: StoreCall = {
  op: 'enqueue',
  mailbox: residents[0]?.device ?? createPerson().device,
  envelope: envelope(nowMs, { urgency: 0.5 }),
  nowMs,
}

const step = fc.record({
  calls: fc.array(fc.oneof({ weight: 4, arbitrary: deposit }, { weight: 1, arbitrary: acknowledgement }), {
    minLength: 1,
    maxLength: 10,
  }),
  isPoisoned: fc.boolean(),
  isRestarted: fc.boolean(),
})

function everything(engine: { run(call: StoreCall): StoreOutcome }): unknown {
  const pages = residents.map(({ device }) => {
    const ask = { mailbox: device, except: [], countMax: 99, bytesMax: 9_999, overheadBytes: 0, nowMs }
    return engine.run({ op: 'page', ...ask })
  })
  const census = engine.run({ op: 'census', nowMs })
  return [...pages, { ...census, answer: 'answer' in census && { ...census.answer, diskBytes: 0 } }]
}

test('whatever is filed and whatever is not, the answers are those of a store in memory', async () => {
  const directory = await temporaryDirectory()
  let run = 0
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 30 }), fc.integer({ min: 1, max: 8 }), (steps, newestMax) => {
      const db = openDatabase(join(directory, `relay-${run++}.db`), relaySchema)
      const memory = new MemoryEngine(limits)
      let disk = new SqliteEngine(db, limits, newestMax)
      commitBatch(db, disk, residents.map(publication))
      for (const person of residents) memory.run(publication(person))
      for (const { calls, isPoisoned, isRestarted } of steps) {
        if (isRestarted) disk = new SqliteEngine(db, limits, newestMax)
        const { outcomes } = commitBatch(db, disk, isPoisoned ? [...calls, poison] : calls)
        expect(outcomes.slice(0, calls.length)).toEqual(calls.map((call) => memory.run(call)))
        expect(everything(disk)).toEqual(everything(memory))
      }
      db.close()
    }),
    { numRuns: 40 },
  )
})

/** One mailbox takes most of it, and never has a pause. */
test('a start looks at few, however much one mailbox takes in', async () => {
  const { db } = await created()
  const newestMax = 200
  const engine = new SqliteEngine(db, { ...limits, mailboxMessagesMax: 100_000 }, newestMax)
  commitBatch(db, engine, residents.map(publication))
  const unsure = db.prepare<[], { count: number }>(
    'SELECT count(*) AS count FROM mailbox WHERE seq > (SELECT seq FROM filed)',
  )
  for (let batch = 0; batch < 100; batch++) {
    const calls = Array.from({ length: 50 }, (_, i): StoreCall => {
      const mailbox = residents[i < 47 ? 0 : i - 46]?.device ?? createPerson().device
      return { op: 'enqueue', mailbox, envelope: envelope(nowMs), nowMs }
    })
    expect(commitBatch(db, engine, calls).faults).toEqual([])
    expect(unsure.get()?.count).toBeLessThan(5 * newestMax)
  }
})

test('a disk that is full when they are filed keeps what was promised, and when there is room goes on', async () => {
  const { db } = await created()
  const roomy = { ...limits, mailboxMessagesMax: 100_000 }
  const engine = new SqliteEngine(db, roomy, 60)
  commitBatch(db, engine, residents.map(publication))
  const promised: EnvelopeId[] = []
  let refused = 0
  let drawn = 1
  const draw = (): number => (drawn = (drawn * 48_271) % 2_147_483_647) // The minimal standard generator.
  for (let batch = 0; batch < 120; batch++) {
    const isTight = draw() % 3 !== 0
    db.pragma(`max_page_count = ${isTight ? Number(db.pragma('page_count', { simple: true })) + 1 : 1_000_000}`)
    const calls = Array.from({ length: 9 }, () => ({
      op: 'enqueue' as const,
      mailbox: residents[draw() % residents.length]?.device ?? createPerson().device,
      envelope: envelope(nowMs, { sealed: new Uint8Array(150) }),
      nowMs,
    }))
    const { outcomes } = commitBatch(db, engine, calls)
    for (const [i, { ok }] of outcomes.entries()) {
      if (ok) promised.push(calls[i]?.envelope.id ?? envelopeIdOf(new Uint8Array(16)))
      else refused += 1
    }
    expect(waitingIn(engine)).toEqual(promised.toSorted())
    expect(waitingIn(new SqliteEngine(db, roomy, 60))).toEqual(promised.toSorted())
  }
  expect(refused).toBeGreaterThan(20)
  expect(promised.length).toBeGreaterThan(200)
})

test('a transaction that cannot begin changes nothing of what the one before it did', async () => {
  const { db, path } = await created()
  const engine = new SqliteEngine(db, limits)
  const [bob = createPerson()] = residents
  const one = (): StoreCall => ({ op: 'enqueue', mailbox: bob.device, envelope: envelope(nowMs), nowMs })
  commitBatch(db, engine, [publication(bob)])
  commitBatch(db, engine, [one()])
  db.pragma('busy_timeout = 0')
  const other = new Database(path)
  other.exec('BEGIN IMMEDIATE')
  expect(commitBatch(db, engine, [one()]).faults).toEqual(['SQLITE_BUSY'])
  other.exec('ROLLBACK')
  other.close()
  expect(waitingIn(engine)).toHaveLength(1)
})

test('what waited before there was such a table is in it after', async () => {
  const path = join(await temporaryDirectory(), 'relay.db')
  const before = openDatabase(path, relaySchema.slice(0, 1))
  const [bob = createPerson()] = residents
  const put = before.prepare(`INSERT INTO mailbox (box, id, urgency, stored_ms, expires_ms, bytes, sealed)
    VALUES (1, ?, ?, ${nowMs}, ${nowMs + 9}, 1, x'00')`)
  const ids = [1, 2, 3].map((n) => new Uint8Array(16).fill(n))
  before
    .prepare("INSERT INTO device (device, account, version, bundle, updated_ms) VALUES (?, ?, 1, x'00', 0)")
    .run(idBytes(bob.device), idBytes(bob.account))
  for (const [i, bytes] of ids.entries()) put.run(bytes, 3 - i)
  before.close()
  const db = openDatabase(path, relaySchema)
  atEnd(() => void db.close())
  const engine = new SqliteEngine(db, limits)
  const [last, ...others] = ids.toReversed().map(envelopeIdOf)
  const page = { mailbox: bob.device, except: [], countMax: 9, bytesMax: 999, overheadBytes: 0, nowMs } as const
  expect(engine.run({ op: 'page', ...page })).toMatchObject({
    answer: { envelopes: [{ id: last }, { id: others[0] }, { id: others[1] }] },
  })
  expect(commitBatch(db, engine, [{ op: 'ack', mailbox: bob.device, ids: others }]).outcomes).toMatchObject([
    { answer: { deleted: 2 } },
  ])
  expect(waitingIn(new SqliteEngine(db, limits))).toEqual([last])
})

function waitingIn(engine: SqliteEngine): EnvelopeId[] {
  const pages = residents.map(({ device }) => {
    return engine.run({
      op: 'page',
      mailbox: device,
      except: [],
      countMax: 9_999,
      bytesMax: 9_999_999,
      overheadBytes: 0,
      nowMs,
    })
  })
  return pages
    .flatMap((page) => (page.ok && page.op === 'page' ? page.answer.envelopes.map((one) => one.id) : []))
    .toSorted()
}

test.each([
  { mailboxes: 100, waiting: 20_000, together: 100, pagesMax: 0.6 },
  { mailboxes: 2_000, waiting: 40_000, together: 100, pagesMax: 0.6 },
  { mailboxes: 100, waiting: 20_000, together: 1, pagesMax: 4 },
])(
  'with $waiting waiting in $mailboxes mailboxes, of $together more each changes $pagesMax pages at most',
  async (world) => {
    const { db, path } = await created()
    const engine = new SqliteEngine(db, { ...limits, mailboxMessagesMax: 100_000 }, 4_000)
    const people = Array.from({ length: world.mailboxes }, () => ({ ...createPerson() }))
    commitBatch(db, engine, people.map(publication))
    let drawn = 1
    const put = (count: number, together: number): void => {
      for (let first = 0; first < count; first += together) {
        const calls = Array.from({ length: together }, (): StoreCall => {
          drawn = (drawn * 48_271) % 2_147_483_647 // Minimal standard generator: no mailbox follows another.
          const mailbox = people[drawn % people.length]?.device ?? createPerson().device
          return { op: 'enqueue', mailbox, envelope: envelope(nowMs, { sealed: new Uint8Array(200) }), nowMs }
        })
        expect(commitBatch(db, engine, calls).faults).toEqual([])
      }
    }
    put(world.waiting, 100)
    db.pragma('wal_checkpoint(TRUNCATE)')
    db.pragma('wal_autocheckpoint = 0')
    const more = 2_000
    put(more, world.together)
    const pages = statSync(`${path}-wal`).size / Number(db.pragma('page_size', { simple: true }))
    expect(pages / more).toBeLessThan(world.pagesMax)
  },
)
