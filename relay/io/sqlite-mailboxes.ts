/** The SQLite store's waiting envelopes and tombstones. Runs inside the transaction of whoever calls it. */
import type Database from 'better-sqlite3-multiple-ciphers'
import { deviceIdOf, envelopeIdOf, idBytes, type DeviceId, type EnvelopeId } from '../../protocol/ids.ts'
import { clockSkewMsMax, messageLifeMs, urgencyMax } from '../../protocol/limits.ts'
import type { Envelope, LossReason } from '../../protocol/wire/mailbox.ts'
import type { Answer, Ask, Census, Enqueued, LostEnvelope } from '../core/store-calls.ts'
import type { SqliteDirectory } from './sqlite-directory.ts'
import type { StoreLimits } from './store.ts'

/** How full a mailbox is. Counted once and then kept in memory, since this thread is the only writer. */
interface Level {
  count: number
  bytes: number
}

/** Mailboxes whose level is kept in memory. */
const levelsMax = 20_000

export class SqliteMailboxes {
  readonly #limits: StoreLimits
  readonly #directory: SqliteDirectory
  readonly #sql: ReturnType<typeof prepare>
  readonly #levels = new Map<DeviceId, Level>()

  constructor(db: Database.Database, limits: StoreLimits, directory: SqliteDirectory) {
    this.#limits = limits
    this.#directory = directory
    this.#sql = prepare(db)
  }

  /** After a rollback what is in memory may be ahead of what is on disk. */
  forgetLevels(): void {
    this.#levels.clear()
  }

  enqueue({ mailbox, envelope, nowMs }: Ask<'enqueue'>): Enqueued {
    const device = idBytes(mailbox)
    const id = idBytes(envelope.id)
    const held = this.#sql.held.get(device, id)
    if (held !== undefined) return { state: 'duplicate', ...held }
    if (!this.#directory.has(mailbox)) return { state: 'unknown-mailbox' }
    if (this.#usedBytes() + envelope.sealed.length > this.#limits.relayBytesMax) return { state: 'crowded' }
    const level = this.#levelOf(mailbox)
    const victims = this.#victims(device, level, envelope)
    if (victims === undefined) return { state: 'full' }
    for (const victim of victims) this.#drop(mailbox, victim, 'pruned', nowMs)
    const { urgency, expiresMs, sealed } = envelope
    this.#sql.insert.run(device, id, urgency, nowMs, expiresMs, sealed.length, sealed)
    this.#sql.dropTombstone.run(device, id)
    level.count += 1
    level.bytes += sealed.length
    return { state: 'stored', storedMs: nowMs, expiresMs, pruned: victims.map((victim) => envelopeIdOf(victim.id)) }
  }

  page(ask: Ask<'page'>): Answer<'page'> {
    const except = new Set(ask.except)
    const chosen: number[] = []
    let bytes = 0
    let more = false
    for (const row of this.#sql.order.iterate(idBytes(ask.mailbox), ask.nowMs)) {
      if (except.has(envelopeIdOf(row.id))) continue
      bytes += row.bytes + ask.overheadBytes
      more = chosen.length >= ask.countMax || (bytes > ask.bytesMax && chosen.length > 0)
      if (more) break
      chosen.push(row.seq)
    }
    return { envelopes: chosen.map((seq) => this.#read(seq)), more }
  }

  ack({ mailbox, ids }: Ask<'ack'>): Answer<'ack'> {
    const device = idBytes(mailbox)
    const storedMs: number[] = []
    for (const id of ids) {
      const key = idBytes(id)
      this.#sql.dropTombstone.run(device, key)
      const row = this.#sql.find.get(device, key)
      if (row === undefined) continue
      this.#remove(mailbox, row)
      storedMs.push(row.storedMs)
    }
    return { deleted: storedMs.length, storedMs }
  }

  tombstones(ask: Ask<'tombstones'>): Answer<'tombstones'> {
    const except = new Set(ask.except)
    // Those already told are few and bounded, so they are read and stepped over.
    const rows = this.#sql.tombstones.all(idBytes(ask.mailbox), ask.countMax + except.size + 1)
    const lost = rows.map(({ id, reason, atMs }) => ({ id: envelopeIdOf(id), reason, atMs }))
    const untold = lost.filter(({ id }) => !except.has(id))
    return { lost: untold.slice(0, ask.countMax), more: untold.length > ask.countMax }
  }

  sweep({ nowMs, countMax }: Ask<'sweep'>): Answer<'sweep'> {
    const lost: LostEnvelope[] = []
    const expired = this.#sql.expired.all(nowMs, countMax)
    for (const row of expired) {
      const mailbox = deviceIdOf(row.device)
      this.#drop(mailbox, row, 'expired', nowMs)
      lost.push({ mailbox, id: envelopeIdOf(row.id), reason: 'expired' })
    }
    if (expired.length >= countMax) return { lost, more: true }
    const forgotten = this.#sql.forgetTombstones.run(nowMs - messageLifeMs - clockSkewMsMax, countMax).changes
    const idle = this.#directory.dropIdle(nowMs)
    if (idle !== undefined) lost.push(...this.#giveUp(idle))
    return { lost, more: forgotten >= countMax || idle !== undefined }
  }

  census(): Pick<Census, 'messages' | 'messageBytes' | 'byUrgency' | 'oldestMs' | 'tombstones' | 'diskBytes'> {
    const byUrgency = Array.from({ length: urgencyMax + 1 }, () => 0)
    let messageBytes = 0
    for (const { urgency, messages, bytes } of this.#sql.census.all()) {
      byUrgency[urgency] = messages
      messageBytes += bytes
    }
    const { oldestMs, tombstones } = this.#sql.oldest.get() ?? { oldestMs: null, tombstones: 0 }
    const messages = byUrgency.reduce((sum, count) => sum + count, 0)
    return {
      messages,
      messageBytes,
      byUrgency,
      oldestMs: oldestMs ?? undefined,
      tombstones,
      diskBytes: this.#diskBytes(),
    }
  }

  /** The least urgent, then oldest, that must go for the newcomer; undefined when they are no less urgent than it. */
  #victims(device: Uint8Array, level: Level, newcomer: Envelope): Row[] | undefined {
    const { mailboxMessagesMax, mailboxBytesMax } = this.#limits
    let count = level.count + 1
    let bytes = level.bytes + newcomer.sealed.length
    const victims: Row[] = []
    const fits = (): boolean => count <= mailboxMessagesMax && bytes <= mailboxBytesMax
    if (fits()) return victims
    for (const row of this.#sql.lessUrgent.all(device, newcomer.urgency)) {
      if (fits()) break
      victims.push(row)
      count -= 1
      bytes -= row.bytes
    }
    return fits() ? victims : undefined
  }

  #levelOf(mailbox: DeviceId): Level {
    const known = this.#levels.get(mailbox)
    if (known !== undefined) return known
    const { count, bytes } = this.#sql.level.get(idBytes(mailbox)) ?? { count: 0, bytes: 0 }
    const level = { count, bytes }
    if (this.#levels.size >= levelsMax) this.#levels.clear()
    this.#levels.set(mailbox, level)
    return level
  }

  #drop(mailbox: DeviceId, row: Row, reason: LossReason, atMs: number): void {
    const device = idBytes(mailbox)
    this.#remove(mailbox, row)
    this.#sql.addTombstone.run(device, row.id, reason, atMs)
    this.#sql.trimTombstones.run(device, device, this.#limits.tombstonesMax)
  }

  #remove(mailbox: DeviceId, { seq, bytes }: Row): void {
    this.#sql.remove.run(seq)
    const level = this.#levels.get(mailbox)
    if (level === undefined) return
    level.count -= 1
    level.bytes -= bytes
  }

  #giveUp(mailbox: DeviceId): LostEnvelope[] {
    const device = idBytes(mailbox)
    const ids = this.#sql.allIds.all(device).map(({ id }) => envelopeIdOf(id))
    this.#sql.removeAll.run(device)
    this.#sql.dropTombstones.run(device)
    this.#levels.delete(mailbox)
    return ids.map((id: EnvelopeId) => ({ mailbox, id, reason: 'expired' }))
  }

  #read(seq: number): Envelope {
    const row = this.#sql.read.get(seq)
    if (row === undefined) throw new Error('a row that was just listed is gone')
    const { id, urgency, expiresMs, sealed } = row
    return { id: envelopeIdOf(id), urgency, expiresMs, sealed: new Uint8Array(sealed) }
  }

  /** Bytes in use by everything here: pages that hold something. */
  #usedBytes(): number {
    const { pages, free, size } = this.#sql.pages.get() ?? { pages: 0, free: 0, size: 0 }
    return (pages - free) * size
  }

  #diskBytes(): number {
    const { pages, size } = this.#sql.pages.get() ?? { pages: 0, size: 0 }
    return pages * size
  }
}

/** Prepared once: compiling a statement costs several times what running it does. */
function prepare(db: Database.Database) {
  const row = 'seq, device, id, bytes'
  const trimTombstones = `DELETE FROM tombstone WHERE device = ? AND seq <= (
    SELECT seq FROM tombstone WHERE device = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)`
  const forgetTombstones =
    'DELETE FROM tombstone WHERE seq IN (SELECT seq FROM tombstone WHERE at_ms <= ? ORDER BY at_ms LIMIT ?)'
  const census = `SELECT urgency, count(*) AS messages, sum(bytes) AS bytes FROM mailbox INDEXED BY mailbox_order
    GROUP BY urgency`
  const oldest = `SELECT (SELECT stored_ms FROM mailbox ORDER BY seq LIMIT 1) AS oldestMs,
    (SELECT count(*) FROM tombstone) AS tombstones`
  const pages = `SELECT page_count AS pages, freelist_count AS free, page_size AS size
    FROM pragma_page_count, pragma_freelist_count, pragma_page_size`
  const order = `SELECT seq, id, bytes FROM mailbox WHERE device = ? AND expires_ms > ? ORDER BY urgency, seq`
  return {
    held: db.prepare<[Bytes, Bytes], { storedMs: number; expiresMs: number }>(
      'SELECT stored_ms AS storedMs, expires_ms AS expiresMs FROM mailbox WHERE device = ? AND id = ?',
    ),
    find: db.prepare<[Bytes, Bytes], Row & { readonly storedMs: number }>(
      `SELECT ${row}, stored_ms AS storedMs FROM mailbox WHERE device = ? AND id = ?`,
    ),
    insert: db.prepare(
      'INSERT INTO mailbox (device, id, urgency, stored_ms, expires_ms, bytes, sealed) VALUES (?, ?, ?, ?, ?, ?, ?)',
    ),
    level: db.prepare<[Bytes], Level>(
      'SELECT count(*) AS count, coalesce(sum(bytes), 0) AS bytes FROM mailbox WHERE device = ?',
    ),
    lessUrgent: db.prepare<[Bytes, number], Row>(
      `SELECT ${row} FROM mailbox WHERE device = ? AND urgency > ? ORDER BY urgency DESC, seq`,
    ),
    order: db.prepare<[Bytes, number], Omit<Row, 'device'>>(order),
    read: db.prepare<[number], EnvelopeRow>(
      'SELECT id, urgency, expires_ms AS expiresMs, sealed FROM mailbox WHERE seq = ?',
    ),
    remove: db.prepare('DELETE FROM mailbox WHERE seq = ?'),
    removeAll: db.prepare('DELETE FROM mailbox WHERE device = ?'),
    allIds: db.prepare<[Bytes], { id: Buffer }>('SELECT id FROM mailbox WHERE device = ?'),
    expired: db.prepare<[number, number], Row>(
      `SELECT ${row} FROM mailbox WHERE expires_ms <= ? ORDER BY expires_ms LIMIT ?`,
    ),
    addTombstone: db.prepare('INSERT OR REPLACE INTO tombstone (device, id, reason, at_ms) VALUES (?, ?, ?, ?)'),
    dropTombstone: db.prepare('DELETE FROM tombstone WHERE device = ? AND id = ?'),
    dropTombstones: db.prepare('DELETE FROM tombstone WHERE device = ?'),
    tombstones: db.prepare<[Bytes, number], TombstoneRow>(
      'SELECT id, reason, at_ms AS atMs FROM tombstone WHERE device = ? ORDER BY seq LIMIT ?',
    ),
    trimTombstones: db.prepare(trimTombstones),
    forgetTombstones: db.prepare(forgetTombstones),
    pages: db.prepare<[], { pages: number; free: number; size: number }>(pages),
    census: db.prepare<[], { urgency: number; messages: number; bytes: number }>(census),
    oldest: db.prepare<[], { oldestMs: number | null; tombstones: number }>(oldest),
  }
}

type Bytes = Uint8Array

interface Row {
  readonly seq: number
  readonly device: Buffer
  readonly id: Buffer
  readonly bytes: number
}

interface EnvelopeRow {
  readonly id: Buffer
  readonly urgency: number
  readonly expiresMs: number
  readonly sealed: Buffer
}

interface TombstoneRow {
  readonly id: Buffer
  readonly reason: LossReason
  readonly atMs: number
}
