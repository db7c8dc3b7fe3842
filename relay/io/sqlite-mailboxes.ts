/** The SQLite store's waiting envelopes and tombstones. Runs inside the transaction of whoever calls it. */
import type Database from 'better-sqlite3-multiple-ciphers'
import { deviceIdOf, envelopeIdOf, idBytes, type DeviceId, type EnvelopeId } from '../../protocol/ids.ts'
import { clockSkewMsMax, messageLifeMs } from '../../protocol/limits.ts'
import type { Envelope, LossReason } from '../../protocol/wire/mailbox.ts'
import type { Reached } from '../core/reached.ts'
import type { Answer, Ask, Census, Enqueued, LostEnvelope, QuietLimit } from '../core/store-calls.ts'
import type { SqliteDirectory } from './sqlite-directory.ts'
import { Counted, Totals, type Total } from './sqlite-totals.ts'
import { fullBy, type StoreLimits } from './store.ts'

/** A mailbox and how full it is. Counted once and then kept in memory, since this thread is the only writer. */
interface Level {
  readonly box: number
  count: number
  bytes: number
  /** At least as many as there are: those forgotten for their age are not counted off. */
  tombstones: number
}

/** Mailboxes whose level is kept in memory. */
const levelsMax = 20_000

export class SqliteMailboxes {
  readonly #limits: StoreLimits
  readonly #directory: SqliteDirectory
  readonly #sql: ReturnType<typeof prepare>
  readonly #totals: Totals
  readonly #reached: Reached<QuietLimit>
  readonly #levels = new Map<DeviceId, Level>()
  /** In all mailboxes. */
  readonly #tombstones: Counted
  /** Bytes in use when this batch began, and what it has added since; unknown until one of its calls asks. */
  #usedBytes: number | undefined

  constructor(db: Database.Database, limits: StoreLimits, directory: SqliteDirectory, reached: Reached<QuietLimit>) {
    this.#limits = limits
    this.#directory = directory
    this.#reached = reached
    this.#sql = prepare(db)
    this.#totals = new Totals(() => this.#sql.census.all())
    this.#tombstones = new Counted(() => this.#sql.countTombstones.get()?.count ?? 0)
  }

  batchBegins(): void {
    this.#usedBytes = undefined
  }

  /** After a rollback what is in memory may be ahead of what is on disk. */
  forgetLevels(): void {
    this.#levels.clear()
    this.#totals.forget()
    this.#tombstones.forget()
  }

  enqueue({ mailbox, envelope, nowMs }: Ask<'enqueue'>): Enqueued {
    const level = this.#levelOf(mailbox)
    if (level === undefined) return { state: 'unknown-mailbox' }
    const id = idBytes(envelope.id)
    this.#usedBytes ??= this.#fileBytes().used
    const isCrowded = this.#usedBytes + envelope.sealed.length > this.#limits.relayBytesMax
    if (isCrowded || !this.#hasRoom(level, envelope)) return this.#squeeze(level, envelope, nowMs, isCrowded)
    return this.#insert(level, id, envelope, nowMs, [])
  }

  /** Where there is no room: what is there already is, and what is more urgent may push others out. */
  #squeeze(level: Level, envelope: Envelope, nowMs: number, isCrowded: boolean): Enqueued {
    const id = idBytes(envelope.id)
    const held = this.#sql.held.get(level.box, id)
    if (held !== undefined) return { state: 'duplicate', ...held }
    if (isCrowded) return { state: 'crowded' }
    const victims = this.#victims(level, envelope)
    if (!Array.isArray(victims)) return { state: 'full', limit: victims }
    for (const victim of victims) this.#drop(level, victim, 'pruned', nowMs)
    return this.#insert(
      level,
      id,
      envelope,
      nowMs,
      victims.map((victim) => envelopeIdOf(victim.id)),
    )
  }

  #insert(level: Level, id: Uint8Array, envelope: Envelope, nowMs: number, pruned: readonly EnvelopeId[]): Enqueued {
    const { urgency, expiresMs, sealed } = envelope
    const { box } = level
    if (this.#sql.insert.run(box, id, urgency, nowMs, expiresMs, sealed.length, sealed).changes === 0) {
      const held = this.#sql.held.get(box, id)
      if (held === undefined) throw new Error('a row that was just in the way is gone')
      return { state: 'duplicate', ...held }
    }
    this.#dropTombstone(level, id)
    level.count += 1
    level.bytes += sealed.length
    this.#totals.changed(urgency, 1, sealed.length)
    this.#usedBytes = (this.#usedBytes ?? 0) + sealed.length
    return { state: 'stored', storedMs: nowMs, expiresMs, pruned }
  }

  page(ask: Ask<'page'>): Answer<'page'> {
    const except = new Set(ask.except)
    const chosen: number[] = []
    let bytes = 0
    let more = false
    const box = this.#levelOf(ask.mailbox)?.box
    if (box === undefined) return { envelopes: [], more }
    for (const row of this.#sql.order.iterate(box, ask.nowMs)) {
      if (except.has(envelopeIdOf(row.id))) continue
      bytes += row.bytes + ask.overheadBytes
      more = chosen.length >= ask.countMax || (bytes > ask.bytesMax && chosen.length > 0)
      if (more) break
      chosen.push(row.seq)
    }
    return { envelopes: chosen.map((seq) => this.#read(seq)), more }
  }

  ack({ mailbox, ids }: Ask<'ack'>): Answer<'ack'> {
    const storedMs: number[] = []
    const level = this.#levelOf(mailbox)
    if (level === undefined) return { deleted: 0, storedMs }
    for (const id of ids) {
      const key = idBytes(id)
      this.#dropTombstone(level, key)
      const row = this.#sql.removeById.get(level.box, key)
      if (row === undefined) continue
      level.count -= 1
      level.bytes -= row.bytes
      this.#totals.changed(row.urgency, -1, row.bytes)
      storedMs.push(row.storedMs)
    }
    return { deleted: storedMs.length, storedMs }
  }

  tombstones(ask: Ask<'tombstones'>): Answer<'tombstones'> {
    const except = new Set(ask.except)
    // Those already told are few and bounded, so they are read and stepped over.
    const level = this.#levelOf(ask.mailbox)
    if (level === undefined || level.tombstones === 0) return { lost: [], more: false }
    const rows = this.#sql.tombstones.all(level.box, ask.countMax + except.size + 1)
    const lost = rows.map(({ id, reason, atMs }) => ({ id: envelopeIdOf(id), reason, atMs }))
    const untold = lost.filter(({ id }) => !except.has(id))
    return { lost: untold.slice(0, ask.countMax), more: untold.length > ask.countMax }
  }

  sweep({ nowMs, countMax }: Ask<'sweep'>): Answer<'sweep'> {
    const lost: LostEnvelope[] = []
    const expired = this.#sql.expired.all(nowMs, countMax)
    for (const row of expired) {
      const mailbox = deviceIdOf(row.device)
      const level = this.#levelOf(mailbox)
      if (level !== undefined) this.#drop(level, row, 'expired', nowMs)
      lost.push({ mailbox, id: envelopeIdOf(row.id), reason: 'expired' })
    }
    if (expired.length >= countMax) return { lost, more: true, reached: this.#reached.take() }
    const forgotten = this.#tombstones.gone(
      this.#sql.forgetTombstones.run(nowMs - messageLifeMs - clockSkewMsMax, countMax).changes,
    )
    const idle = this.#directory.dropIdle(nowMs)
    if (idle !== undefined) lost.push(...this.#giveUp(idle))
    return { lost, more: forgotten >= countMax || idle !== undefined, reached: this.#reached.take() }
  }

  census(): Pick<Census, 'messages' | 'messageBytes' | 'byUrgency' | 'oldestMs' | 'tombstones' | 'diskBytes'> {
    return {
      ...this.#totals.now,
      oldestMs: this.#sql.oldest.get()?.oldestMs,
      tombstones: this.#tombstones.now,
      diskBytes: this.#fileBytes().all,
    }
  }

  #hasRoom({ count, bytes }: Pick<Level, 'count' | 'bytes'>, { sealed }: Envelope): boolean {
    return count + 1 <= this.#limits.mailboxMessagesMax && bytes + sealed.length <= this.#limits.mailboxBytesMax
  }

  /** The least urgent, then oldest, that must go for the newcomer; the bound in its way when they are no less urgent than it. */
  #victims(level: Level, newcomer: Envelope): Row[] | ReturnType<typeof fullBy> {
    const left = { count: level.count, bytes: level.bytes }
    const victims: Row[] = []
    if (this.#hasRoom(left, newcomer)) return victims
    for (const row of this.#sql.lessUrgent.all(level.box, newcomer.urgency)) {
      if (this.#hasRoom(left, newcomer)) break
      victims.push(row)
      left.count -= 1
      left.bytes -= row.bytes
    }
    return this.#hasRoom(left, newcomer) ? victims : fullBy(left.count, this.#limits)
  }

  /** Undefined when there is no such mailbox. */
  #levelOf(mailbox: DeviceId): Level | undefined {
    const known = this.#levels.get(mailbox)
    if (known !== undefined) return known
    const box = this.#directory.boxOf(mailbox)
    if (box === undefined) return undefined
    const { count, bytes, tombstones } = this.#sql.level.get(box, box) ?? { count: 0, bytes: 0, tombstones: 0 }
    const level = { box, count, bytes, tombstones }
    if (this.#levels.size >= levelsMax) this.#levels.clear()
    this.#levels.set(mailbox, level)
    return level
  }

  #drop(level: Level, row: Row, reason: LossReason, atMs: number): void {
    this.#sql.remove.run(row.seq)
    level.count -= 1
    level.bytes -= row.bytes
    this.#totals.changed(row.urgency, -1, row.bytes)
    this.#dropTombstone(level, row.id) // Of an earlier loss of the same.
    this.#sql.addTombstone.run(level.box, row.id, reason, atMs)
    level.tombstones += 1
    this.#tombstones.gone(-1)
    const { tombstonesMax } = this.#limits
    if (level.tombstones > tombstonesMax) {
      const forgotten = this.#tombstones.gone(this.#sql.trimTombstones.run(level.box, level.box, tombstonesMax).changes)
      if (forgotten > 0) this.#reached.count('tombstonesMax')
      level.tombstones -= forgotten
    }
  }

  #dropTombstone(level: Level, id: Uint8Array): void {
    if (level.tombstones > 0) {
      level.tombstones -= this.#tombstones.gone(this.#sql.dropTombstone.run(level.box, id).changes)
    }
  }

  #giveUp({ device, box }: { readonly device: DeviceId; readonly box: number }): LostEnvelope[] {
    const rows = this.#sql.allOf.all(box)
    for (const { urgency, bytes } of rows) this.#totals.changed(urgency, -1, bytes)
    this.#sql.removeAll.run(box)
    this.#tombstones.gone(this.#sql.dropTombstones.run(box).changes)
    this.#levels.delete(device)
    return rows.map(({ id }) => ({ mailbox: device, id: envelopeIdOf(id), reason: 'expired' }))
  }

  #read(seq: number): Envelope {
    const row = this.#sql.read.get(seq)
    if (row === undefined) throw new Error('a row that was just listed is gone')
    const { id, urgency, expiresMs, sealed } = row
    return { id: envelopeIdOf(id), urgency, expiresMs, sealed: new Uint8Array(sealed) }
  }

  /** Bytes of the file, and of the pages in it that hold something. */
  #fileBytes(): { readonly all: number; readonly used: number } {
    const { pages, free, size } = this.#sql.pages.get() ?? { pages: 0, free: 0, size: 0 }
    return { all: pages * size, used: (pages - free) * size }
  }
}

/** Prepared once: compiling a statement costs several times what running it does. */
function prepare(db: Database.Database) {
  const trimTombstones = `DELETE FROM tombstone WHERE box = ? AND seq <= (
    SELECT seq FROM tombstone WHERE box = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)`
  const forgetTombstones = `DELETE FROM tombstone WHERE seq IN (
    SELECT seq FROM tombstone WHERE at_ms <= ? ORDER BY at_ms LIMIT ?)`
  const census = `SELECT urgency, count(*) AS messages, sum(bytes) AS bytes FROM mailbox INDEXED BY mailbox_order
    GROUP BY urgency`
  const pages = `SELECT page_count AS pages, freelist_count AS free, page_size AS size
    FROM pragma_page_count, pragma_freelist_count, pragma_page_size`
  const expired = `SELECT seq, device, id, bytes, urgency FROM mailbox JOIN device USING (box)
    WHERE expires_ms <= ? ORDER BY expires_ms LIMIT ?`
  const level = `SELECT count(*) AS count, coalesce(sum(bytes), 0) AS bytes,
    (SELECT count(*) FROM tombstone WHERE box = ?) AS tombstones FROM mailbox WHERE box = ?`
  return {
    held: db.prepare<[number, Bytes], { storedMs: number; expiresMs: number }>(
      'SELECT stored_ms AS storedMs, expires_ms AS expiresMs FROM mailbox WHERE box = ? AND id = ?',
    ),
    insert: db.prepare(`INSERT INTO mailbox (box, id, urgency, stored_ms, expires_ms, bytes, sealed)
      VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (box, id) DO NOTHING`),
    level: db.prepare<[number, number], Omit<Level, 'box'>>(level),
    lessUrgent: db.prepare<[number, number], Row>(
      'SELECT seq, id, bytes, urgency FROM mailbox WHERE box = ? AND urgency > ? ORDER BY urgency DESC, seq',
    ),
    order: db.prepare<[number, number], Row>(
      'SELECT seq, id, bytes, urgency FROM mailbox WHERE box = ? AND expires_ms > ? ORDER BY urgency, seq',
    ),
    read: db.prepare<[number], EnvelopeRow>(
      'SELECT id, urgency, expires_ms AS expiresMs, sealed FROM mailbox WHERE seq = ?',
    ),
    remove: db.prepare('DELETE FROM mailbox WHERE seq = ?'),
    removeById: db.prepare<[number, Bytes], { bytes: number; storedMs: number; urgency: number }>(
      'DELETE FROM mailbox WHERE box = ? AND id = ? RETURNING bytes, stored_ms AS storedMs, urgency',
    ),
    removeAll: db.prepare('DELETE FROM mailbox WHERE box = ?'),
    allOf: db.prepare<[number], Row>('SELECT seq, id, bytes, urgency FROM mailbox WHERE box = ?'),
    expired: db.prepare<[number, number], Row & { readonly device: Buffer }>(expired),
    addTombstone: db.prepare('INSERT INTO tombstone (box, id, reason, at_ms) VALUES (?, ?, ?, ?)'),
    dropTombstone: db.prepare('DELETE FROM tombstone WHERE box = ? AND id = ?'),
    dropTombstones: db.prepare('DELETE FROM tombstone WHERE box = ?'),
    tombstones: db.prepare<[number, number], { id: Buffer; reason: LossReason; atMs: number }>(
      'SELECT id, reason, at_ms AS atMs FROM tombstone WHERE box = ? ORDER BY seq LIMIT ?',
    ),
    trimTombstones: db.prepare(trimTombstones),
    forgetTombstones: db.prepare(forgetTombstones),
    pages: db.prepare<[], { pages: number; free: number; size: number }>(pages),
    census: db.prepare<[], Total>(census),
    oldest: db.prepare<[], { oldestMs: number }>('SELECT stored_ms AS oldestMs FROM mailbox ORDER BY seq LIMIT 1'),
    countTombstones: db.prepare<[], { count: number }>('SELECT count(*) AS count FROM tombstone'),
  }
}

type Bytes = Uint8Array

interface Row {
  readonly seq: number
  readonly id: Buffer
  readonly bytes: number
  readonly urgency: number
}

interface EnvelopeRow {
  readonly id: Buffer
  readonly urgency: number
  readonly expiresMs: number
  readonly sealed: Buffer
}
