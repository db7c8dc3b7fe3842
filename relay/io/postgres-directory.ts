/**
 * The shared store's cards, bundles and prekeys. Runs inside the transaction of whoever calls it, who has locked the rows of
 * the devices it is about: two relays that are asked for one device's prekey at once hand out two.
 */
import type { ClientBase } from 'pg'
import { deviceIdOf, idBytes, type DeviceId } from '../../protocol/ids.ts'
import { activeWithinMs } from '../core/store-calls.ts'
import type { Reached } from '../core/reached.ts'
import type { Answer, Ask, Published, QuietLimit, Taken } from '../core/store-calls.ts'
import { decodeBundle, encodeBundle } from './kept-bundle.ts'
import { countDevices } from './postgres-totals.ts'
import type { StoreLimits } from './store.ts'

export type Queryable = Pick<ClientBase, 'query'>

/** For an operator's curve of days and weeks. */
const activeMsMax = 300_000

export class PostgresDirectory {
  readonly #limits: StoreLimits
  readonly #reached: Reached<QuietLimit>
  #active: { readonly atMs: number; readonly counts: readonly number[] } = { atMs: -Infinity, counts: [] }

  constructor(limits: StoreLimits, reached: Reached<QuietLimit>) {
    this.#limits = limits
    this.#reached = reached
  }

  async publish(db: Queryable, ask: Ask<'publish'>): Promise<Published> {
    const [device, account] = [key(ask.device), key(ask.account)]
    const { rows } = await db.query<HeldRow>(
      `SELECT (SELECT version FROM device WHERE device = $1) AS version,
        (SELECT account FROM device WHERE device = $1) AS account,
        (SELECT revision FROM card WHERE account = $2) AS revision`,
      [device, account],
    )
    const held = rows[0]
    if ((held?.version ?? 0) > ask.version || (held?.revision ?? 0) > ask.revision) return { state: 'stale' }
    const known = held?.version !== null && held?.version !== undefined
    if (!known && (await countDevices(db)) >= this.#limits.mailboxesMax) return { state: 'full' }
    const { card, signature } = ask.card
    await db.query(
      `INSERT INTO card VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account) DO UPDATE SET revision = excluded.revision,
        card = excluded.card, signature = excluded.signature, updated_ms = excluded.updated_ms
        WHERE card.revision < excluded.revision`,
      [account, ask.revision, Buffer.from(card), Buffer.from(signature), ask.nowMs],
    )
    // Another relay may have been told the same at the same moment: then the higher version stays.
    const kept = await db.query(
      `INSERT INTO device VALUES ($1, $2, $3, $4, $5) ON CONFLICT (device) DO UPDATE SET account = excluded.account,
        version = excluded.version, bundle = excluded.bundle, updated_ms = excluded.updated_ms
        WHERE device.version <= excluded.version`,
      [device, account, ask.version, Buffer.from(encodeBundle(ask.bundle)), ask.nowMs],
    )
    if (kept.rowCount === 0) return { state: 'stale' }
    if (held?.account && !held.account.equals(account)) await dropOrphan(db, held.account)
    return { state: 'published', left: await this.#addPreKeys(db, device, ask.preKeys) }
  }

  async findCard(db: Queryable, { account }: Ask<'find-card'>): Promise<Answer<'find-card'>> {
    const { rows } = await db.query<{ card: Buffer; signature: Buffer }>(
      'SELECT card, signature FROM card WHERE account = $1',
      [key(account)],
    )
    const row = rows[0]
    if (row === undefined) return { card: undefined }
    return { card: { card: new Uint8Array(row.card), signature: new Uint8Array(row.signature) } }
  }

  async takePreKey(db: Queryable, { device, spend }: Ask<'take-prekey'>): Promise<Taken> {
    const owner = key(device)
    const held = await db.query<{ bundle: Buffer }>('SELECT bundle FROM device WHERE device = $1', [owner])
    const bundle = held.rows[0]?.bundle
    if (bundle === undefined) return { state: 'not-found' }
    const preKey = spend ? await this.#spend(db, owner) : undefined
    return { state: 'taken', bundle: decodeBundle(new Uint8Array(bundle)), preKey, left: await left(db, owner) }
  }

  async countPreKeys(db: Queryable, { device }: Ask<'count-prekeys'>): Promise<Answer<'count-prekeys'>> {
    const { rows } = await db.query<Answer<'count-prekeys'>>(
      `SELECT EXISTS (SELECT 1 FROM device WHERE device = $1) AS published,
        (SELECT count(*) FROM prekey_onetime WHERE device = $1) AS left`,
      [key(device)],
    )
    return rows[0] ?? { published: false, left: 0 }
  }

  /** Forgets one device that has not published for too long, and says which. */
  async dropIdle(db: Queryable, nowMs: number): Promise<DeviceId | undefined> {
    const { rows } = await db.query<{ device: Buffer; account: Buffer }>(
      `DELETE FROM device WHERE device = (SELECT device FROM device WHERE updated_ms <= $1
        ORDER BY updated_ms, device LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING device, account`,
      [nowMs - this.#limits.mailboxIdleMsMax],
    )
    const row = rows[0]
    if (row === undefined) return undefined
    this.#reached.count('mailboxIdleMsMax')
    await db.query('DELETE FROM prekey_onetime WHERE device = $1', [row.device])
    await db.query('DELETE FROM prekey_taken WHERE device = $1', [row.device])
    await dropOrphan(db, row.account)
    return deviceIdOf(row.device)
  }

  /** Devices that have published within each of `activeWithinMs`, as it was at most `activeMsMax` ago: it takes a look at each. */
  async countActive(db: Queryable, nowMs: number): Promise<readonly number[]> {
    if (Math.abs(nowMs - this.#active.atMs) < activeMsMax) return this.#active.counts
    const counts: number[] = []
    for (const ms of activeWithinMs) {
      const { rows } = await db.query<{ count: number }>('SELECT count(*) AS count FROM device WHERE updated_ms > $1', [
        nowMs - ms,
      ])
      counts.push(rows[0]?.count ?? 0)
    }
    this.#active = { atMs: nowMs, counts }
    return counts
  }

  async #spend(db: Queryable, device: Buffer): Promise<{ id: number; key: Uint8Array } | undefined> {
    const { rows } = await db.query<{ id: number; key: Buffer }>(
      `DELETE FROM prekey_onetime WHERE device = $1 AND id = (SELECT id FROM prekey_onetime WHERE device = $1
        ORDER BY id LIMIT 1) RETURNING id, key`,
      [device],
    )
    const row = rows[0]
    if (row === undefined) return undefined
    await db.query('INSERT INTO prekey_taken (device, id) VALUES ($1, $2) ON CONFLICT DO NOTHING', [device, row.id])
    const { rowCount } = await db.query(
      `DELETE FROM prekey_taken WHERE device = $1 AND seq <= (
        SELECT seq FROM prekey_taken WHERE device = $1 ORDER BY seq DESC LIMIT 1 OFFSET $2)`,
      [device, this.#limits.preKeysTakenKeptMax],
    )
    if ((rowCount ?? 0) > 0) this.#reached.count('preKeysTakenKeptMax')
    return { id: row.id, key: new Uint8Array(row.key) }
  }

  async #addPreKeys(db: Queryable, device: Buffer, preKeys: Ask<'publish'>['preKeys']): Promise<number> {
    const held = await left(db, device)
    const room = this.#limits.preKeysKeptMax - held
    if (room <= 0 || preKeys.length === 0) return held
    const added = await db.query(
      `INSERT INTO prekey_onetime SELECT $1, new.id, new.key
        FROM unnest($2::integer[], $3::bytea[]) WITH ORDINALITY AS new (id, key, nth)
        WHERE NOT EXISTS (SELECT 1 FROM prekey_taken AS taken WHERE taken.device = $1 AND taken.id = new.id)
        AND NOT EXISTS (SELECT 1 FROM prekey_onetime AS held WHERE held.device = $1 AND held.id = new.id)
        ORDER BY nth LIMIT $4 ON CONFLICT DO NOTHING`,
      [device, preKeys.map(({ id }) => id), preKeys.map((one) => Buffer.from(one.key)), room],
    )
    return held + (added.rowCount ?? 0)
  }
}

interface HeldRow {
  readonly version: number | null
  readonly account: Buffer | null
  readonly revision: number | null
}

async function left(db: Queryable, device: Buffer): Promise<number> {
  const { rows } = await db.query<{ count: number }>('SELECT count(*) AS count FROM prekey_onetime WHERE device = $1', [
    device,
  ])
  return rows[0]?.count ?? 0
}

async function dropOrphan(db: Queryable, account: Buffer): Promise<void> {
  await db.query(
    'DELETE FROM card WHERE account = $1 AND NOT EXISTS (SELECT 1 FROM device WHERE device.account = $1)',
    [account],
  )
}

function key(id: Parameters<typeof idBytes>[0]): Buffer {
  return Buffer.from(idBytes(id))
}
