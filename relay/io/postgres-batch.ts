/**
 * Carries out what was asked of the shared store in transactions: one for a whole batch of changes, its devices locked in
 * the order of their keys so that two relays never wait for each other in a circle. When something is thrown in the middle,
 * the caller must close the connection: that rolls back what was begun.
 */
import { deviceIdOf, envelopeIdOf, idBytes, type DeviceId } from '../../protocol/ids.ts'
import { clockSkewMsMax, messageLifeMs } from '../../protocol/limits.ts'
import { Reached } from '../core/reached.ts'
import type { Answer, Ask, Census, LostEnvelope, QuietLimit, StoreCall, StoreOutcome } from '../core/store-calls.ts'
import { PostgresDirectory, type Queryable } from './postgres-directory.ts'
import { leaveTombstones, PostgresMailboxes } from './postgres-mailboxes.ts'
import { Totals } from './postgres-totals.ts'
import type { StoreLimits } from './store.ts'

/** What changes something, and so waits for its turn in a batch. */
export type Change = Extract<StoreCall, { op: 'enqueue' | 'ack' | 'publish' | 'take-prekey' }>

export function isChange(call: StoreCall): call is Change {
  return call.op === 'enqueue' || call.op === 'ack' || call.op === 'publish' || call.op === 'take-prekey'
}

export class PostgresEngine {
  readonly totals: Totals = new Totals()
  readonly #limits: StoreLimits
  readonly #reached = new Reached<QuietLimit>()
  readonly #mailboxes: PostgresMailboxes
  readonly #directory: PostgresDirectory

  constructor(limits: StoreLimits) {
    this.#limits = limits
    this.#mailboxes = new PostgresMailboxes(limits, this.totals, this.#reached)
    this.#directory = new PostgresDirectory(limits, this.#reached)
  }

  /** All or nothing. The outcomes are true once this has resolved. */
  async change(db: Queryable, calls: readonly Change[]): Promise<StoreOutcome[]> {
    await db.query('BEGIN')
    const known = await lock(db, calls)
    const outcomes = new Map<Change, StoreOutcome>()
    await this.#deposit(db, calls, known, outcomes)
    await this.#acknowledge(db, calls, outcomes)
    for (const call of calls.filter(isPublish).toSorted(byDevice)) {
      outcomes.set(call, { ok: true, op: call.op, answer: await this.#directory.publish(db, call) })
    }
    for (const call of calls) {
      if (call.op !== 'take-prekey') continue
      outcomes.set(call, { ok: true, op: call.op, answer: await this.#directory.takePreKey(db, call) })
    }
    await db.query('COMMIT')
    return calls.map((call) => outcomes.get(call) ?? { ok: false, reason: 'failed' })
  }

  /** What changes nothing, and a sweep, each on its own. */
  async read(db: Queryable, call: Exclude<StoreCall, Change>): Promise<StoreOutcome> {
    switch (call.op) {
      case 'page':
        return { ok: true, op: call.op, answer: await this.#mailboxes.page(db, call) }
      case 'tombstones':
        return { ok: true, op: call.op, answer: await this.#mailboxes.tombstones(db, call) }
      case 'find-card':
        return { ok: true, op: call.op, answer: await this.#directory.findCard(db, call) }
      case 'count-prekeys':
        return { ok: true, op: call.op, answer: await this.#directory.countPreKeys(db, call) }
      case 'census':
        return { ok: true, op: call.op, answer: await this.#census(db, call.nowMs) }
      case 'sweep':
        return { ok: true, op: call.op, answer: await this.#sweep(db, call) }
    }
  }

  async #deposit(
    db: Queryable,
    calls: readonly Change[],
    known: ReadonlySet<DeviceId>,
    outcomes: Map<Change, StoreOutcome>,
  ): Promise<void> {
    const deposits = calls.filter((call) => call.op === 'enqueue')
    if (deposits.length === 0) return
    const answers = await this.#mailboxes.enqueue(db, deposits, known)
    for (const [i, answer] of answers.entries()) {
      const call = deposits[i]
      if (call !== undefined) outcomes.set(call, { ok: true, op: 'enqueue', answer })
    }
  }

  async #acknowledge(db: Queryable, calls: readonly Change[], outcomes: Map<Change, StoreOutcome>): Promise<void> {
    const acks = calls.filter((call) => call.op === 'ack')
    if (acks.length === 0) return
    const answers = await this.#mailboxes.ack(db, acks)
    for (const [i, answer] of answers.entries()) {
      const call = acks[i]
      if (call !== undefined) outcomes.set(call, { ok: true, op: 'ack', answer })
    }
  }

  /** Several relays may sweep at once: each takes rows that no other is at. */
  async #sweep(db: Queryable, { nowMs, countMax }: Ask<'sweep'>): Promise<Answer<'sweep'>> {
    await db.query('BEGIN')
    const lost = await this.#expire(db, nowMs, countMax)
    let more = lost.length >= countMax
    if (!more) {
      const forgotten = await db.query(
        'DELETE FROM tombstone WHERE seq IN (SELECT seq FROM tombstone WHERE at_ms <= $1 ORDER BY at_ms LIMIT $2)',
        [nowMs - messageLifeMs - clockSkewMsMax, countMax],
      )
      const idle = await this.#directory.dropIdle(db, nowMs)
      if (idle !== undefined) lost.push(...(await giveUp(db, idle)))
      more = (forgotten.rowCount ?? 0) >= countMax || idle !== undefined
    }
    await db.query('COMMIT')
    return { lost, more, reached: this.#reached.take() }
  }

  async #expire(db: Queryable, nowMs: number, countMax: number): Promise<LostEnvelope[]> {
    const { rows } = await db.query<Removed>(
      `DELETE FROM mailbox WHERE seq IN (SELECT seq FROM mailbox WHERE expires_ms <= $1
        ORDER BY expires_ms LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING device, id, bytes`,
      [nowMs, countMax],
    )
    this.totals.changed(-rows.reduce((sum, { bytes }) => sum + bytes, 0))
    const lost = lostOf(rows)
    if (lost.length > 0)
      await leaveTombstones(db, lost, { reason: 'expired', atMs: nowMs }, this.#limits, this.#reached)
    return lost
  }

  async #census(db: Queryable, nowMs: number): Promise<Census> {
    const { rows } = await db.query<{ oldestMs: number | null; diskBytes: number }>(
      `SELECT (SELECT stored_ms FROM mailbox ORDER BY seq LIMIT 1) AS "oldestMs",
        pg_database_size(current_database()) AS "diskBytes"`,
    )
    const { oldestMs, diskBytes } = rows[0] ?? { oldestMs: null, diskBytes: 0 }
    const active = await this.#directory.countActive(db, nowMs)
    return { ...(await this.totals.read(db)), active, oldestMs: oldestMs ?? undefined, diskBytes }
  }
}

interface Removed {
  readonly device: Buffer
  readonly id: Buffer
  readonly bytes: number
}

/** Locks the rows of all devices a batch is about, and says which of them there are. */
async function lock(db: Queryable, calls: readonly Change[]): Promise<ReadonlySet<DeviceId>> {
  const devices = new Set(calls.map((call) => ('mailbox' in call ? call.mailbox : call.device)))
  const { rows } = await db.query<{ device: Buffer }>(
    'SELECT device FROM device WHERE device = ANY ($1::bytea[]) ORDER BY device FOR UPDATE',
    [[...devices].map((device) => Buffer.from(idBytes(device)))],
  )
  return new Set(rows.map(({ device }) => deviceIdOf(device)))
}

async function giveUp(db: Queryable, mailbox: DeviceId): Promise<LostEnvelope[]> {
  const device = Buffer.from(idBytes(mailbox))
  const { rows } = await db.query<Removed>('DELETE FROM mailbox WHERE device = $1 RETURNING device, id, bytes', [
    device,
  ])
  await db.query('DELETE FROM tombstone WHERE device = $1', [device])
  return lostOf(rows)
}

function lostOf(rows: readonly Removed[]): LostEnvelope[] {
  return rows.map(({ device, id }) => {
    return { mailbox: deviceIdOf(device), id: envelopeIdOf(id), reason: 'expired' }
  })
}

function isPublish(call: Change): call is Extract<Change, { op: 'publish' }> {
  return call.op === 'publish'
}

function byDevice(a: { readonly device: string }, b: { readonly device: string }): number {
  return a.device < b.device ? -1 : 1
}
