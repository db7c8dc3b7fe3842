/** What a shared database holds, known without looking at all of it. */
import { afterAll, expect, test } from 'vitest'
import pg from 'pg'
import { accountIdOf, deviceIdOf, type DeviceId } from '../../protocol/ids.ts'
import { relayLimits } from '../../relay/core/limits.ts'
import type { StoreCall } from '../../relay/core/store-calls.ts'
import { encodeBundle } from '../../relay/io/kept-bundle.ts'
import { postgresStore } from '../../relay/io/store-postgres.ts'
import type { Store } from '../../relay/io/store.ts'
import { bundleOf, cardOf, createPerson, envelope, preKeys, type Person } from './people.ts'
import { notInstalled, startPostgres } from './postgres.ts'
import { atEnd } from './temporary.ts'

const server = await startPostgres()
afterAll(() => server?.end())
const nowMs = 1_800_000_000_000

function open(url: string): Promise<Store> {
  return postgresStore({
    url,
    limits: relayLimits,
    failed: (error) => {
      throw error
    },
  })
}

function publication(person: Person): StoreCall {
  const { device, account } = person
  const [card, bundle] = [cardOf(person, nowMs), bundleOf(person, nowMs)]
  return { op: 'publish', device, account, version: 1, revision: 1, card, bundle, preKeys: preKeys(1, 3), nowMs }
}

function enqueue(mailbox: DeviceId): StoreCall {
  return { op: 'enqueue', mailbox, envelope: envelope(nowMs), nowMs }
}

if (server === undefined) {
  test.skip(notInstalled, () => undefined)
} else {
  test('no statement reads more of a table because there is more in it', { timeout: 60_000 }, async () => {
    const url = await server.database()
    await (await open(url)).close() // Makes the tables.
    const db = new pg.Client(url)
    await db.connect()
    atEnd(() => db.end())
    await fill(db, { devices: 2_000, each: 10 })
    const mailbox = deviceIdOf(await digest(db, 'd7'))
    const account = accountIdOf(await digest(db, 'a7'))
    const before = await rowsRead(db)
    const store = await open(url)
    const ids = [envelope(nowMs).id]
    const calls: StoreCall[] = [
      publication(createPerson()),
      enqueue(mailbox),
      { op: 'ack', mailbox, ids },
      { op: 'page', mailbox, nowMs, except: ids, countMax: 5, bytesMax: 10_000, overheadBytes: 0 },
      { op: 'tombstones', mailbox, except: [], countMax: 5 },
      { op: 'find-card', account },
      { op: 'take-prekey', device: mailbox, spend: true },
      { op: 'count-prekeys', device: mailbox },
      { op: 'sweep', nowMs, countMax: 10 },
      { op: 'sweep', nowMs: nowMs + 30 * 86_400_000, countMax: 10 },
      { op: 'census', nowMs },
    ]
    for (const call of calls) expect(await store.ask(call)).toMatchObject({ ok: true })
    await store.close() // A connection that ends tells what it has read.
    const after = await rowsRead(db)
    const read = Object.entries(after).map(([table, rows]) => [table, rows - (before[table] ?? 0)] as const)
    expect(read.map(([table]) => table)).toContain('mailbox')
    expect(read.filter(([, rows]) => rows > 200)).toEqual([]) // Of 20,000 in most of them.
  })

  test('what is held is known exactly, whichever relay changed it and however it is taken away', async () => {
    const url = await server.database()
    const [one, other] = [await open(url), await open(url)]
    atEnd(async () => void (await Promise.all([one.close(), other.close()])))
    const bob = createPerson()
    await one.ask(publication(bob))
    await one.ask(publication(bob)) // Once more, which adds nothing.
    const kept = [envelope(nowMs), envelope(nowMs)]
    for (const each of kept) await other.ask({ op: 'enqueue', mailbox: bob.device, envelope: each, nowMs })
    await one.ask({ op: 'ack', mailbox: bob.device, ids: kept.slice(0, 1).map(({ id }) => id) })
    await one.ask({ op: 'take-prekey', device: bob.device, spend: true })
    const expected = { mailboxes: 1, messages: 1, messageBytes: kept[1]?.sealed.length, cards: 1, preKeys: 2 }
    expect(await one.ask({ op: 'census', nowMs })).toMatchObject({ answer: expected })
    const db = new pg.Client(url)
    await db.connect()
    await db.query('DELETE FROM prekey_onetime') // As an operator does who goes back to an older state.
    await db.end()
    const third = await open(url) // Adds up what has gathered.
    expect(await third.ask({ op: 'census', nowMs })).toMatchObject({ answer: { ...expected, preKeys: 0 } })
    await third.close()
  })
}

/** So many devices with everything there can be of each. */
async function fill(
  db: pg.Client,
  { devices, each }: { readonly devices: number; readonly each: number },
): Promise<void> {
  const some = `FROM generate_series(1, ${devices}) AS d`
  const many = `${some}, generate_series(1, ${each}) AS n`
  const device = "sha256(('d' || d)::bytea)"
  const id = "substr(sha256((d || '/' || n)::bytea), 1, 16)"
  const bundle = Buffer.from(encodeBundle(bundleOf(createPerson(), nowMs)))
  await db.query(`INSERT INTO device SELECT ${device}, sha256(('a' || d)::bytea), 1, $1, ${nowMs} ${some}`, [bundle])
  await db.query(`INSERT INTO card SELECT sha256(('a' || d)::bytea), 1, '\\x00', '\\x00', ${nowMs} ${some}`)
  await db.query(`INSERT INTO prekey_onetime SELECT ${device}, n, '\\x00' ${many}`)
  await db.query(`INSERT INTO prekey_taken (device, id) SELECT ${device}, 1000 + n ${many}`)
  await db.query(
    `INSERT INTO tombstone (device, id, reason, at_ms) SELECT ${device}, ${id}, 'pruned', ${nowMs} + d ${many}`,
  )
  await db.query(`INSERT INTO mailbox (device, id, urgency, stored_ms, expires_ms, bytes, sealed)
    SELECT ${device}, ${id}, n % 4, ${nowMs}, ${nowMs} + 86400000 + d * 1000, 1, '\\x00' ${many}`)
  await db.query('VACUUM ANALYZE')
}

async function digest(db: pg.Client, word: string): Promise<Uint8Array> {
  const { rows } = await db.query<{ digest: Buffer }>('SELECT sha256($1::bytea) AS digest', [Buffer.from(word)])
  return rows[0]?.digest ?? new Uint8Array(32)
}

/**
 * Rows that were read, by table, in whatever way. Not of totals, which are few and meant to be gone through, and not for when
 * devices published last: they are counted every five minutes.
 */
async function rowsRead(db: pg.Client): Promise<Readonly<Record<string, number>>> {
  await new Promise((resolve) => setTimeout(resolve, 1_500)) // The server tells no more often than once a second.
  const { rows } = await db.query<{ name: string; read: number }>(
    `SELECT relname AS name, (seq_tup_read + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes AS one
      WHERE one.relid = every.relid AND indexrelname <> 'device_updated'))::float AS read
      FROM pg_stat_user_tables AS every WHERE relname NOT IN ('total', 'schema_migration')`,
  )
  return Object.fromEntries(rows.map(({ name, read }) => [name, read]))
}
