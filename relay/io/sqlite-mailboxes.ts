/** The SQLite store's waiting envelopes and tombstones. Runs inside the transaction of whoever calls it. */
import type Database from 'better-sqlite3-multiple-ciphers'
import { deviceIdOf, envelopeIdOf, idBytes, type DeviceId, type EnvelopeId } from '../../protocol/ids.ts'
import { clockSkewMsMax, messageLifeMs } from '../../protocol/limits.ts'
import type { Envelope, LossReason } from '../../protocol/wire/mailbox.ts'
import type { Reached } from '../core/reached.ts'
import type { Answer, Ask, Census, Enqueued, LostEnvelope, QuietLimit } from '../core/store-calls.ts'
import type { SqliteDirectory } from './sqlite-directory.ts'
import { Counted, Totals } from './sqlite-totals.ts'
import type { Placed, SqliteWaiting } from './sqlite-waiting.ts'
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
  readonly #waiting: SqliteWaiting
  readonly #totals: Totals
  readonly #reached: Reached<QuietLimit>
  readonly #levels = new Map<DeviceId, Level>()
  /** In all mailboxes. */
  readonly #tombstones: Counted
  /** Bytes in use when this batch began, and what it has added since; unknown until one of its calls asks. */
  #usedBytes: number | undefined

  constructor(
    db: Database.Database,
    limits: StoreLimits,
    directory: SqliteDirectory,
    waiting: SqliteWaiting,
    reached: Reached<QuietLimit>,
  ) {
    this.#limits = limits
    this.#directory = directory
    this.#waiting = waiting
    this.#reached = reached
    this.#sql = prepare(db)
    this.#totals = new Totals(() => waiting.totals())
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
    const seq = this.#waiting.find(level.box, envelope.id)
    if (seq !== undefined) return { state: 'duplicate', ...this.#held(seq) }
    this.#usedBytes ??= this.#fileBytes().used
    if (this.#usedBytes + envelope.sealed.length > this.#limits.relayBytesMax) return { state: 'crowded' }
    const victims = this.#victims(level, envelope)
    if (!Array.isArray(victims)) return { state: 'full', limit: victims }
    for (const { id } of victims) this.#drop(level, id, 'pruned', nowMs)
    this.#insert(level, envelope, nowMs)
    return { state: 'stored', storedMs: nowMs, expiresMs: envelope.expiresMs, pruned: victims.map(({ id }) => id) }
  }

  #insert(level: Level, { id, urgency, expiresMs, sealed }: Envelope, nowMs: number): void {
    const key = idBytes(id)
    const bytes = sealed.length
    const seq = Number(this.#sql.insert.run(level.box, key, urgency, nowMs, expiresMs, bytes, sealed).lastInsertRowid)
    this.#waiting.add(level.box, { seq, id, urgency, bytes, expiresMs })
    this.#dropTombstone(level, key)
    level.count += 1
    level.bytes += bytes
    this.#totals.changed(urgency, 1, bytes)
    this.#usedBytes = (this.#usedBytes ?? 0) + bytes
  }

  page(ask: Ask<'page'>): Answer<'page'> {
    const except = new Set(ask.except)
    const chosen: number[] = []
    let bytes = 0
    let more = false
    const box = this.#levelOf(ask.mailbox)?.box
    if (box === undefined) return { envelopes: [], more }
    for (const row of this.#waiting.inOrder(box)) {
      if (row.expiresMs <= ask.nowMs || except.has(row.id)) continue
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
      this.#dropTombstone(level, idBytes(id))
      const row = this.#remove(level, id)
      if (row !== undefined) storedMs.push(row.storedMs)
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
      const id = envelopeIdOf(row.id)
      if (level !== undefined) this.#drop(level, id, 'expired', nowMs)
      lost.push({ mailbox, id, reason: 'expired' })
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
  #victims(level: Level, newcomer: Envelope): Placed[] | ReturnType<typeof fullBy> {
    const left = { count: level.count, bytes: level.bytes }
    const victims: Placed[] = []
    if (this.#hasRoom(left, newcomer)) return victims
    for (const row of this.#waiting.lessUrgent(level.box, newcomer.urgency)) {
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
    const tombstones = this.#sql.countTombstonesOf.get(box)?.count ?? 0
    const level = { box, ...this.#waiting.levelOf(box), tombstones }
    if (this.#levels.size >= levelsMax) this.#levels.clear()
    this.#levels.set(mailbox, level)
    return level
  }

  /** Undefined when it did not wait there. */
  #remove(level: Level, id: EnvelopeId): Removed | undefined {
    const seq = this.#waiting.remove(level.box, id)
    const row = seq === undefined ? undefined : this.#sql.remove.get(seq)
    if (row === undefined) return undefined
    level.count -= 1
    level.bytes -= row.bytes
    this.#totals.changed(row.urgency, -1, row.bytes)
    return row
  }

  #drop(level: Level, id: EnvelopeId, reason: LossReason, atMs: number): void {
    this.#remove(level, id)
    const key = idBytes(id)
    this.#dropTombstone(level, key) // Of an earlier loss of the same.
    this.#sql.addTombstone.run(level.box, key, reason, atMs)
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
    const level = { box, count: 0, bytes: 0, tombstones: 0 }
    const ids = Array.from(this.#waiting.inOrder(box), ({ id }) => id)
    for (const id of ids) this.#remove(level, id)
    this.#tombstones.gone(this.#sql.dropTombstones.run(box).changes)
    this.#levels.delete(device)
    return ids.map((id) => ({ mailbox: device, id, reason: 'expired' }))
  }

  /** When it was stored first, and until when it is kept. */
  #held(seq: number): Held {
    const held = this.#sql.held.get(seq)
    if (held === undefined) throw new Error('a row that was just found is gone')
    return held
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
  const pages = `SELECT page_count AS pages, freelist_count AS free, page_size AS size
    FROM pragma_page_count, pragma_freelist_count, pragma_page_size`
  const expired = `SELECT device, id FROM mailbox JOIN device USING (box)
    WHERE expires_ms <= ? ORDER BY expires_ms LIMIT ?`
  return {
    held: db.prepare<[number], Held>(
      'SELECT stored_ms AS storedMs, expires_ms AS expiresMs FROM mailbox WHERE seq = ?',
    ),
    insert: db.prepare(`INSERT INTO mailbox (box, id, urgency, stored_ms, expires_ms, bytes, sealed)
      VALUES (?, ?, ?, ?, ?, ?, ?)`),
    read: db.prepare<[number], EnvelopeRow>(
      'SELECT id, urgency, expires_ms AS expiresMs, sealed FROM mailbox WHERE seq = ?',
    ),
    remove: db.prepare<[number], Removed>(
      'DELETE FROM mailbox WHERE seq = ? RETURNING bytes, stored_ms AS storedMs, urgency',
    ),
    expired: db.prepare<[number, number], { readonly device: Buffer; readonly id: Buffer }>(expired),
    addTombstone: db.prepare('INSERT INTO tombstone (box, id, reason, at_ms) VALUES (?, ?, ?, ?)'),
    dropTombstone: db.prepare('DELETE FROM tombstone WHERE box = ? AND id = ?'),
    dropTombstones: db.prepare('DELETE FROM tombstone WHERE box = ?'),
    tombstones: db.prepare<[number, number], { id: Buffer; reason: LossReason; atMs: number }>(
      'SELECT id, reason, at_ms AS atMs FROM tombstone WHERE box = ? ORDER BY seq LIMIT ?',
    ),
    trimTombstones: db.prepare(trimTombstones),
    forgetTombstones: db.prepare(forgetTombstones),
    pages: db.prepare<[], { pages: number; free: number; size: number }>(pages),
    oldest: db.prepare<[], { oldestMs: number }>('SELECT stored_ms AS oldestMs FROM mailbox ORDER BY seq LIMIT 1'),
    countTombstonesOf: db.prepare<[number], { count: number }>('SELECT count(*) AS count FROM tombstone WHERE box = ?'),
    countTombstones: db.prepare<[], { count: number }>('SELECT count(*) AS count FROM tombstone'),
  }
}

interface Held {
  readonly storedMs: number
  readonly expiresMs: number
}

interface Removed {
  readonly bytes: number
  readonly storedMs: number
  readonly urgency: number
}

interface EnvelopeRow {
  readonly id: Buffer
  readonly urgency: number
  readonly expiresMs: number
  readonly sealed: Buffer
}
