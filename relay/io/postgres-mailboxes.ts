/**
 * The shared store's waiting envelopes and tombstones. Whoever changes a mailbox holds a lock on its device's row, so that
 * relays which fill, empty and prune one mailbox at once do so one after another. Deposits come many at a time and cost a
 * handful of statements together, because each statement is a trip to the server and back.
 */
import { deviceIdOf, envelopeIdOf, idBytes, type DeviceId, type EnvelopeId } from '../../protocol/ids.ts'
import type { Envelope, LossReason } from '../../protocol/wire/mailbox.ts'
import type { Reached } from '../core/reached.ts'
import type { Answer, Ask, Enqueued, QuietLimit } from '../core/store-calls.ts'
import type { Queryable } from './postgres-directory.ts'
import type { Totals } from './postgres-totals.ts'
import { fullBy, type StoreLimits } from './store.ts'

interface Level {
  count: number
  bytes: number
}

type Deposit = Ask<'enqueue'>

export class PostgresMailboxes {
  readonly #limits: StoreLimits
  readonly #totals: Totals
  readonly #reached: Reached<QuietLimit>

  constructor(limits: StoreLimits, totals: Totals, reached: Reached<QuietLimit>) {
    this.#reached = reached
    this.#limits = limits
    this.#totals = totals
  }

  /** In the order given; `known` are the devices with a mailbox, whose rows the caller has locked. */
  async enqueue(db: Queryable, deposits: readonly Deposit[], known: ReadonlySet<string>): Promise<Enqueued[]> {
    const served = deposits.filter(({ mailbox }) => known.has(mailbox))
    const held = await findHeld(db, served)
    const levels = await readLevels(db, served)
    const answers: Enqueued[] = []
    let fresh: Deposit[] = []
    let room = this.#limits.relayBytesMax - this.#totals.bytes
    for (const deposit of deposits) {
      const { mailbox, envelope, nowMs } = deposit
      const level = levels.get(mailbox) ?? { count: 0, bytes: 0 }
      const times = held.get(nameOf(deposit))
      if (!known.has(mailbox)) answers.push({ state: 'unknown-mailbox' })
      else if (times !== undefined) answers.push({ state: 'duplicate', ...times })
      else if (envelope.sealed.length > room) answers.push({ state: 'crowded' })
      else {
        if (!this.#fits(level, envelope)) {
          await insert(db, fresh) // What came just before may be what has to make way.
          fresh = []
        }
        const pruned = this.#fits(level, envelope) ? [] : await this.#prune(db, deposit, level)
        if (!Array.isArray(pruned)) {
          answers.push({ state: 'full', limit: pruned })
          continue
        }
        for (const id of pruned) held.delete(`${mailbox}/${id}`)
        fresh.push(deposit)
        levels.set(mailbox, level)
        level.count += 1
        level.bytes += envelope.sealed.length
        room -= envelope.sealed.length
        this.#totals.changed(envelope.sealed.length)
        held.set(nameOf(deposit), { storedMs: nowMs, expiresMs: envelope.expiresMs })
        answers.push({ state: 'stored', storedMs: nowMs, expiresMs: envelope.expiresMs, pruned })
      }
    }
    await insert(db, fresh)
    return answers
  }

  async ack(db: Queryable, asks: readonly Ask<'ack'>[]): Promise<Answer<'ack'>[]> {
    const names = asks.flatMap(({ mailbox, ids }) => ids.map((id) => [key(mailbox), key(id)] as const))
    const pairs = [names.map(([device]) => device), names.map(([, id]) => id)]
    await db.query(`DELETE FROM tombstone WHERE (device, id) IN (${pairsOf})`, pairs)
    const { rows } = await db.query<{ device: Buffer; id: Buffer; storedMs: number; bytes: number }>(
      `DELETE FROM mailbox WHERE (device, id) IN (${pairsOf}) RETURNING device, id, stored_ms AS "storedMs", bytes`,
      pairs,
    )
    this.#totals.changed(-rows.reduce((sum, { bytes }) => sum + bytes, 0))
    const gone = new Map(
      rows.map(({ device, id, storedMs }) => [`${device.toString('hex')}/${id.toString('hex')}`, storedMs]),
    )
    return asks.map(({ mailbox, ids }) => {
      const storedMs: number[] = []
      for (const id of ids) {
        const since = gone.get(`${mailbox}/${id}`)
        if (since !== undefined && gone.delete(`${mailbox}/${id}`)) storedMs.push(since)
      }
      return { deleted: storedMs.length, storedMs }
    })
  }

  async page(db: Queryable, ask: Ask<'page'>): Promise<Answer<'page'>> {
    const { rows } = await db.query<{ seq: number; bytes: number }>(
      `SELECT seq, bytes FROM mailbox WHERE device = $1 AND expires_ms > $2 AND id <> ALL ($3::bytea[])
        ORDER BY urgency, seq LIMIT $4`,
      [key(ask.mailbox), ask.nowMs, ask.except.map(key), ask.countMax + 1],
    )
    const chosen: number[] = []
    let bytes = 0
    let more = false
    for (const row of rows) {
      bytes += row.bytes + ask.overheadBytes
      more = chosen.length >= ask.countMax || (bytes > ask.bytesMax && chosen.length > 0)
      if (more) break
      chosen.push(row.seq)
    }
    return { envelopes: chosen.length === 0 ? [] : await read(db, chosen), more }
  }

  async tombstones(db: Queryable, ask: Ask<'tombstones'>): Promise<Answer<'tombstones'>> {
    const { rows } = await db.query<{ id: Buffer; reason: LossReason; atMs: number }>(
      `SELECT id, reason, at_ms AS "atMs" FROM tombstone WHERE device = $1 AND id <> ALL ($2::bytea[])
        ORDER BY seq LIMIT $3`,
      [key(ask.mailbox), ask.except.map(key), ask.countMax + 1],
    )
    const lost = rows.map(({ id, reason, atMs }) => ({ id: envelopeIdOf(id), reason, atMs }))
    return { lost: lost.slice(0, ask.countMax), more: lost.length > ask.countMax }
  }

  #fits({ count, bytes }: Level, { sealed }: Envelope): boolean {
    const { mailboxMessagesMax, mailboxBytesMax } = this.#limits
    return count + 1 <= mailboxMessagesMax && bytes + sealed.length <= mailboxBytesMax
  }

  /** Drops the least urgent, then oldest, until the newcomer fits; the bound in its way when they are no less urgent than it. */
  async #prune(
    db: Queryable,
    { mailbox, envelope, nowMs }: Deposit,
    level: Level,
  ): Promise<EnvelopeId[] | ReturnType<typeof fullBy>> {
    const { rows } = await db.query<{ id: Buffer; bytes: number }>(
      'SELECT id, bytes FROM mailbox WHERE device = $1 AND urgency > $2 ORDER BY urgency DESC, seq',
      [key(mailbox), envelope.urgency],
    )
    const after = { ...level }
    const victims: Buffer[] = []
    for (const { id, bytes } of rows) {
      if (this.#fits(after, envelope)) break
      victims.push(id)
      after.count -= 1
      after.bytes -= bytes
    }
    if (!this.#fits(after, envelope)) return fullBy(after.count, this.#limits)
    await db.query('DELETE FROM mailbox WHERE device = $1 AND id = ANY ($2::bytea[])', [key(mailbox), victims])
    this.#totals.changed(after.bytes - level.bytes)
    const lost = victims.map((id) => ({ mailbox, id: envelopeIdOf(id) }))
    await leaveTombstones(db, lost, { reason: 'pruned', atMs: nowMs }, this.#limits, this.#reached)
    Object.assign(level, after)
    return lost.map(({ id }) => id)
  }
}

/** Each leaves a notice; of one mailbox no more are kept than may be. */
export async function leaveTombstones(
  db: Queryable,
  lost: readonly { readonly mailbox: DeviceId; readonly id: EnvelopeId }[],
  { reason, atMs }: { readonly reason: LossReason; readonly atMs: number },
  { tombstonesMax }: StoreLimits,
  reached: Reached<QuietLimit>,
): Promise<void> {
  const pairs = [lost.map(({ mailbox }) => key(mailbox)), lost.map(({ id }) => key(id))]
  await db.query(`DELETE FROM tombstone WHERE (device, id) IN (${pairsOf})`, pairs)
  await db.query(
    `INSERT INTO tombstone (device, id, reason, at_ms)
      SELECT device, id, $3, $4 FROM unnest($1::bytea[], $2::bytea[]) WITH ORDINALITY AS new (device, id, nth) ORDER BY nth`,
    [...pairs, reason, atMs],
  )
  const { rowCount } = await db.query(
    `DELETE FROM tombstone WHERE seq IN (SELECT old.seq FROM unnest($1::bytea[]) AS mailbox, LATERAL (
      SELECT seq FROM tombstone WHERE tombstone.device = mailbox ORDER BY seq DESC OFFSET $2) AS old)`,
    [[...new Set(lost.map(({ mailbox }) => mailbox))].map(key), tombstonesMax],
  )
  if ((rowCount ?? 0) > 0) reached.count('tombstonesMax')
}

const pairsOf = 'SELECT * FROM unnest($1::bytea[], $2::bytea[])'

async function findHeld(
  db: Queryable,
  deposits: readonly Deposit[],
): Promise<Map<string, { storedMs: number; expiresMs: number }>> {
  if (deposits.length === 0) return new Map()
  const { rows } = await db.query<{ device: Buffer; id: Buffer; storedMs: number; expiresMs: number }>(
    `SELECT device, id, stored_ms AS "storedMs", expires_ms AS "expiresMs" FROM mailbox WHERE (device, id) IN (${pairsOf})`,
    [deposits.map(({ mailbox }) => key(mailbox)), deposits.map(({ envelope }) => key(envelope.id))],
  )
  return new Map(
    rows.map(({ device, id, storedMs, expiresMs }) => [
      `${device.toString('hex')}/${id.toString('hex')}`,
      { storedMs, expiresMs },
    ]),
  )
}

async function readLevels(db: Queryable, deposits: readonly Deposit[]): Promise<Map<DeviceId, Level>> {
  if (deposits.length === 0) return new Map()
  const devices = [...new Set(deposits.map(({ mailbox }) => mailbox))]
  const { rows } = await db.query<Level & { device: Buffer }>(
    'SELECT device, count(*) AS count, sum(bytes)::bigint AS bytes FROM mailbox WHERE device = ANY ($1::bytea[]) GROUP BY device',
    [devices.map(key)],
  )
  return new Map(rows.map(({ device, count, bytes }) => [deviceIdOf(device), { count, bytes }]))
}

async function insert(db: Queryable, deposits: readonly Deposit[]): Promise<void> {
  if (deposits.length === 0) return
  const devices = deposits.map(({ mailbox }) => key(mailbox))
  const ids = deposits.map(({ envelope }) => key(envelope.id))
  const { rowCount } = await db.query(
    `INSERT INTO mailbox (device, id, urgency, stored_ms, expires_ms, bytes, sealed)
      SELECT device, id, urgency, stored_ms, expires_ms, length(sealed), sealed
      FROM unnest($1::bytea[], $2::bytea[], $3::integer[], $4::bigint[], $5::bigint[], $6::bytea[])
      WITH ORDINALITY AS new (device, id, urgency, stored_ms, expires_ms, sealed, nth) ORDER BY nth`,
    [
      devices,
      ids,
      deposits.map(({ envelope }) => envelope.urgency),
      deposits.map(({ nowMs }) => nowMs),
      deposits.map(({ envelope }) => envelope.expiresMs),
      deposits.map(({ envelope }) => Buffer.from(envelope.sealed)),
    ],
  )
  if (rowCount !== deposits.length) throw new Error('the database kept another number of rows than it was given')
  await db.query(`DELETE FROM tombstone WHERE (device, id) IN (${pairsOf})`, [devices, ids])
}

/** In the order of `seqs`; what another relay has removed meanwhile is left out. */
async function read(db: Queryable, seqs: readonly number[]): Promise<Envelope[]> {
  const { rows } = await db.query<{ id: Buffer; urgency: number; expiresMs: number; sealed: Buffer }>(
    `SELECT id, urgency, expires_ms AS "expiresMs", sealed FROM mailbox WHERE seq = ANY ($1::bigint[]) ORDER BY urgency, seq`,
    [seqs],
  )
  return rows.map(({ id, urgency, expiresMs, sealed }) => {
    return { id: envelopeIdOf(id), urgency, expiresMs, sealed: new Uint8Array(sealed) }
  })
}

function nameOf({ mailbox, envelope }: Deposit): string {
  return `${mailbox}/${envelope.id}`
}

function key(id: Parameters<typeof idBytes>[0]): Buffer {
  return Buffer.from(idBytes(id))
}
