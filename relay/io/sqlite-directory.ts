/** The SQLite store's cards, bundles and prekeys. Runs inside the transaction of whoever calls it. */
import type Database from 'better-sqlite3-multiple-ciphers'
import { deviceIdOf, idBytes, type DeviceId } from '../../protocol/ids.ts'
import { activeWithinMs } from '../core/store-calls.ts'
import type { Reached } from '../core/reached.ts'
import type { Answer, Ask, Census, Published, QuietLimit, Taken } from '../core/store-calls.ts'
import { decodeBundle, encodeBundle } from './kept-bundle.ts'
import { Counted } from './sqlite-totals.ts'
import type { StoreLimits } from './store.ts'

export class SqliteDirectory {
  readonly #limits: StoreLimits
  readonly #sql: ReturnType<typeof prepare>
  readonly #reached: Reached<QuietLimit>

  /** Those of everybody. */
  readonly #preKeys: Counted

  constructor(db: Database.Database, limits: StoreLimits, reached: Reached<QuietLimit>) {
    this.#limits = limits
    this.#reached = reached
    this.#sql = prepare(db)
    this.#preKeys = new Counted(() => this.#sql.countAllPreKeys.get()?.count ?? 0)
  }

  /** The number of a device's mailbox; undefined when it has none. */
  boxOf(device: DeviceId): number | undefined {
    return this.#sql.box.get(idBytes(device))?.box
  }

  publish(ask: Ask<'publish'>): Published {
    const device = idBytes(ask.device)
    const held = this.#sql.device.get(device)
    const heldRevision = this.#sql.revision.get(idBytes(ask.account))?.revision
    if (held !== undefined && held.version > ask.version) return { state: 'stale' }
    if (heldRevision !== undefined && heldRevision > ask.revision) return { state: 'stale' }
    if (held === undefined && this.#count() >= this.#limits.mailboxesMax) return { state: 'full' }
    const account = idBytes(ask.account)
    if (heldRevision === undefined || heldRevision < ask.revision) {
      this.#sql.keepCard.run(account, ask.revision, ask.card.card, ask.card.signature, ask.nowMs)
    }
    this.#sql.keepDevice.run(device, account, ask.version, encodeBundle(ask.bundle), ask.nowMs)
    if (held !== undefined && !Buffer.from(account).equals(held.account))
      this.#sql.dropOrphan.run(held.account, held.account)
    return { state: 'published', left: this.#addPreKeys(device, ask.preKeys) }
  }

  findCard({ account }: Ask<'find-card'>): Answer<'find-card'> {
    const row = this.#sql.card.get(idBytes(account))
    return { card: row === undefined ? undefined : { card: plain(row.card), signature: plain(row.signature) } }
  }

  takePreKey({ device, spend }: Ask<'take-prekey'>): Taken {
    const key = idBytes(device)
    const row = this.#sql.device.get(key)
    if (row === undefined) return { state: 'not-found' }
    const first = spend ? this.#sql.firstPreKey.get(key) : undefined
    if (first !== undefined) {
      this.#preKeys.gone(this.#sql.dropPreKey.run(key, first.id).changes)
      this.#sql.rememberTaken.run(key, first.id)
      const forgotten = this.#sql.forgetTaken.run(key, key, this.#limits.preKeysTakenKeptMax).changes
      if (forgotten > 0) this.#reached.count('preKeysTakenKeptMax')
    }
    return {
      state: 'taken',
      bundle: decodeBundle(plain(row.bundle)),
      preKey: first === undefined ? undefined : { id: first.id, key: plain(first.key) },
      left: this.#left(key),
    }
  }

  countPreKeys({ device }: Ask<'count-prekeys'>): Answer<'count-prekeys'> {
    return { published: this.boxOf(device) !== undefined, left: this.#left(idBytes(device)) }
  }

  /** Forgets one device that has not published for too long, and says which, and what its mailbox's number was. */
  dropIdle(nowMs: number): { readonly device: DeviceId; readonly box: number } | undefined {
    const row = this.#sql.idle.get(nowMs - this.#limits.mailboxIdleMsMax)
    if (row === undefined) return undefined
    this.#reached.count('mailboxIdleMsMax')
    this.#sql.dropDevice.run(row.device)
    this.#preKeys.gone(this.#sql.dropPreKeys.run(row.device).changes)
    this.#sql.dropTaken.run(row.device)
    this.#sql.dropOrphan.run(row.account, row.account)
    return { device: deviceIdOf(row.device), box: row.box }
  }

  census(nowMs: number): Pick<Census, 'mailboxes' | 'preKeys' | 'cards' | 'active'> {
    const { mailboxes, cards } = this.#sql.census.get() ?? { mailboxes: 0, cards: 0 }
    const active = activeWithinMs.map((ms) => this.#sql.countActive.get(nowMs - ms)?.count ?? 0)
    return { mailboxes, preKeys: this.#preKeys.now, cards, active }
  }

  /** After a rollback what is in memory may be ahead of what is on disk. */
  forgetCounts(): void {
    this.#preKeys.forget()
  }

  #count(): number {
    return this.#sql.countDevices.get()?.count ?? 0
  }

  #left(device: Uint8Array): number {
    return this.#sql.countPreKeys.get(device)?.count ?? 0
  }

  #addPreKeys(device: Uint8Array, preKeys: Ask<'publish'>['preKeys']): number {
    let left = this.#left(device)
    for (const { id, key } of preKeys) {
      if (left >= this.#limits.preKeysKeptMax) break
      if (this.#sql.wasTaken.get(device, id) !== undefined) continue
      left -= this.#preKeys.gone(-this.#sql.addPreKey.run(device, id, key).changes)
    }
    return left
  }
}

/** Prepared once: compiling a statement costs several times what running it does. */
function prepare(db: Database.Database) {
  const dropOrphan = 'DELETE FROM card WHERE account = ? AND NOT EXISTS (SELECT 1 FROM device WHERE account = ?)'
  const forgetTaken = `DELETE FROM prekey_taken WHERE device = ? AND seq <= (
    SELECT seq FROM prekey_taken WHERE device = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)`
  const keepDevice = `INSERT INTO device (device, account, version, bundle, updated_ms) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (device) DO UPDATE SET account = excluded.account, version = excluded.version,
    bundle = excluded.bundle, updated_ms = excluded.updated_ms`
  const census = `SELECT (SELECT count(*) FROM device) AS mailboxes, (SELECT count(*) FROM card) AS cards`
  return {
    device: db.prepare<[Bytes], DeviceRow>('SELECT account, version, bundle FROM device WHERE device = ?'),
    countDevices: db.prepare<[], Count>('SELECT count(*) AS count FROM device'),
    box: db.prepare<[Bytes], { box: number }>('SELECT box FROM device WHERE device = ?'),
    keepDevice: db.prepare(keepDevice),
    dropDevice: db.prepare('DELETE FROM device WHERE device = ?'),
    idle: db.prepare<[number], { box: number; device: Buffer; account: Buffer }>(
      'SELECT box, device, account FROM device WHERE updated_ms <= ? ORDER BY updated_ms, device LIMIT 1',
    ),
    card: db.prepare<[Bytes], CardRow>('SELECT card, signature FROM card WHERE account = ?'),
    revision: db.prepare<[Bytes], { revision: number }>('SELECT revision FROM card WHERE account = ?'),
    keepCard: db.prepare('INSERT OR REPLACE INTO card VALUES (?, ?, ?, ?, ?)'),
    dropOrphan: db.prepare(dropOrphan),
    firstPreKey: db.prepare<[Bytes], PreKeyRow>(
      'SELECT id, key FROM prekey_onetime WHERE device = ? ORDER BY id LIMIT 1',
    ),
    addPreKey: db.prepare('INSERT INTO prekey_onetime VALUES (?, ?, ?) ON CONFLICT DO NOTHING'),
    dropPreKey: db.prepare('DELETE FROM prekey_onetime WHERE device = ? AND id = ?'),
    dropPreKeys: db.prepare('DELETE FROM prekey_onetime WHERE device = ?'),
    countPreKeys: db.prepare<[Bytes], Count>('SELECT count(*) AS count FROM prekey_onetime WHERE device = ?'),
    wasTaken: db.prepare<[Bytes, number]>('SELECT 1 FROM prekey_taken WHERE device = ? AND id = ?'),
    rememberTaken: db.prepare('INSERT INTO prekey_taken (device, id) VALUES (?, ?) ON CONFLICT DO NOTHING'),
    forgetTaken: db.prepare(forgetTaken),
    dropTaken: db.prepare('DELETE FROM prekey_taken WHERE device = ?'),
    countActive: db.prepare<[number], Count>('SELECT count(*) AS count FROM device WHERE updated_ms > ?'),
    countAllPreKeys: db.prepare<[], Count>('SELECT count(*) AS count FROM prekey_onetime'),
    census: db.prepare<[], Pick<Census, 'mailboxes' | 'cards'>>(census),
  }
}

type Bytes = Uint8Array

interface Count {
  readonly count: number
}

interface DeviceRow {
  readonly account: Buffer
  readonly version: number
  readonly bundle: Buffer
}

interface CardRow {
  readonly card: Buffer
  readonly signature: Buffer
}

interface PreKeyRow {
  readonly id: number
  readonly key: Buffer
}

/** A plain array, as the store in memory answers; a Buffer also shares memory where an array's `slice` would copy. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer)
}
