/**
 * Which envelopes wait in which mailbox, and in which order. The newest are known in memory only: were each filed at once,
 * it would change another page of an index wherever many mailboxes have much waiting, and pages go to the log whole. Once
 * there are `memtableMax` of them, they are filed in the table `waiting` a few hundred at a time, mailbox by mailbox in
 * rounds, so that those filed together share their pages. A start reads from the envelopes which of them are not filed yet.
 */
import type Database from 'better-sqlite3-multiple-ciphers'
import { envelopeIdOf, idBytes, type EnvelopeId } from '../../protocol/ids.ts'
import { Memtable, type Listed } from './memtable.ts'
import type { Total } from './sqlite-totals.ts'

/** Some 200 bytes of memory each. A start looks for at most twice as many. */
const memtableMax = 65_536
/** Filed in one transaction at the least: fewer would not share their pages. */
const filedMin = 256

/** Once through all mailboxes, filing what had arrived when it began. */
interface Round {
  readonly boxes: Float64Array
  next: number
  readonly upToSeq: number
}

export class SqliteWaiting {
  readonly #sql: ReturnType<typeof prepare>
  readonly #memtableMax: number
  readonly #filedMin: number
  #memtable: Memtable | undefined
  #round: Round | undefined
  /** Whether anything is filed: where nothing is, nobody needs to look. */
  #isFiled = false

  constructor(db: Database.Database, newestMax: number = memtableMax) {
    this.#sql = prepare(db)
    this.#memtableMax = newestMax
    this.#filedMin = Math.min(filedMin, newestMax)
  }

  /** To be called before a transaction begins. */
  begin(): void {
    this.#newest.begin()
  }

  /** What a round has done may be undone: the next begins anew. */
  rolledBack(): void {
    this.#memtable?.undo()
    this.#round = undefined
  }

  add(box: number, row: Listed): void {
    this.#newest.add(box, row)
  }

  /** Its number; undefined when it does not wait there. */
  find(box: number, id: EnvelopeId): number | undefined {
    const newest = this.#newest.find(box, id)
    if (newest !== undefined) return newest.seq
    return this.#isFiled ? this.#sql.find.get(box, idBytes(id))?.seq : undefined
  }

  /** Its number; undefined when it did not wait there. */
  remove(box: number, id: EnvelopeId): number | undefined {
    const newest = this.#newest.remove(box, id)
    if (newest !== undefined) return newest.seq
    return this.#isFiled ? this.#sql.remove.get(box, idBytes(id))?.seq : undefined
  }

  /** The most urgent first, and of the same urgency the oldest. Nothing may be changed before the last was taken. */
  *inOrder(box: number): Iterable<Listed> {
    const newest = [...this.#newest.of(box)].toSorted(order).values()
    let next = newest.next()
    if (this.#isFiled) {
      for (const { id, ...row } of this.#sql.inOrder.iterate(box)) {
        for (; next.done !== true && order(next.value, row) < 0; next = newest.next()) yield next.value
        yield { ...row, id: envelopeIdOf(id) }
      }
    }
    for (; next.done !== true; next = newest.next()) yield next.value
  }

  /** What is less urgent than that: the least urgent first, and of the same urgency the oldest. */
  lessUrgent(box: number, urgency: number): Placed[] {
    const newest = [...this.#newest.of(box)].filter((row) => row.urgency > urgency)
    const rows = this.#isFiled ? this.#sql.lessUrgent.all(box, urgency) : []
    const all = [...rows.map(({ id, ...row }) => ({ ...row, id: envelopeIdOf(id) })), ...newest]
    return all.toSorted((a, b) => b.urgency - a.urgency || a.seq - b.seq)
  }

  /** Envelopes, and their bytes. */
  levelOf(box: number): { readonly count: number; readonly bytes: number } {
    let { count, bytes } = (this.#isFiled ? this.#sql.level.get(box) : undefined) ?? { count: 0, bytes: 0 }
    for (const row of this.#newest.of(box)) {
      count += 1
      bytes += row.bytes
    }
    return { count, bytes }
  }

  /** Envelopes and bytes, in parts: an urgency may come more than once. */
  *totals(): Iterable<Total> {
    yield* this.#sql.totals.all()
    for (const { urgency, bytes } of this.#newest.all()) yield { urgency, messages: 1, bytes }
  }

  /** To be called before a transaction ends. */
  file(): void {
    const excess = this.#newest.size - this.#memtableMax
    if (excess < this.#filedMin) return
    this.#isFiled = true
    for (let left = excess; left > 0;) {
      this.#round ??= this.#newRound()
      left -= this.#fileSome(this.#round, left)
    }
  }

  #newRound(): Round {
    return { boxes: this.#newest.boxes(), next: 0, upToSeq: this.#sql.lastSeq.get()?.seq ?? 0 }
  }

  /** Of one mailbox, `countMax` at most; says how many. After the last mailbox the round is over. */
  #fileSome(round: Round, countMax: number): number {
    const box = round.boxes[round.next]
    if (box === undefined) {
      this.#sql.fileUpTo.run(round.upToSeq)
      this.#round = undefined
      return 0
    }
    let count = 0
    for (const { seq, id, urgency, bytes } of this.#newest.of(box)) {
      if (count >= countMax) return count
      if (seq > round.upToSeq) continue
      this.#newest.remove(box, id)
      this.#sql.file.run(box, idBytes(id), seq, urgency, bytes)
      count += 1
    }
    round.next += 1
    return count
  }

  get #newest(): Memtable {
    return (this.#memtable ??= this.#read())
  }

  #read(): Memtable {
    this.#isFiled = this.#sql.isFiled.get() !== undefined
    const memtable = new Memtable()
    for (const { box, id, ...row } of this.#sql.unfiled.all()) memtable.add(box, { ...row, id: envelopeIdOf(id) })
    return memtable
  }
}

function order(a: Pick<Listed, 'urgency' | 'seq'>, b: Pick<Listed, 'urgency' | 'seq'>): number {
  return a.urgency - b.urgency || a.seq - b.seq
}

function prepare(db: Database.Database) {
  const unfiled = `SELECT seq, box, id, urgency, bytes, expires_ms AS expiresMs FROM mailbox
    WHERE seq > (SELECT seq FROM filed)
      AND NOT EXISTS (SELECT 1 FROM waiting WHERE waiting.box = mailbox.box AND waiting.id = mailbox.id) ORDER BY seq`
  const inOrder = `SELECT seq, waiting.id AS id, waiting.urgency AS urgency, waiting.bytes AS bytes, expires_ms AS expiresMs
    FROM waiting CROSS JOIN mailbox USING (seq) WHERE waiting.box = ? ORDER BY waiting.urgency, seq`
  return {
    isFiled: db.prepare('SELECT 1 FROM waiting LIMIT 1'),
    find: db.prepare<[number, Uint8Array], Numbered>('SELECT seq FROM waiting WHERE box = ? AND id = ?'),
    remove: db.prepare<[number, Uint8Array], Numbered>('DELETE FROM waiting WHERE box = ? AND id = ? RETURNING seq'),
    inOrder: db.prepare<[number], Omit<Listed, 'id'> & { readonly id: Buffer }>(inOrder),
    lessUrgent: db.prepare<[number, number], Omit<Placed, 'id'> & { readonly id: Buffer }>(
      'SELECT seq, id, urgency, bytes FROM waiting WHERE box = ? AND urgency > ?',
    ),
    level: db.prepare<[number], { count: number; bytes: number }>(
      'SELECT count(*) AS count, coalesce(sum(bytes), 0) AS bytes FROM waiting WHERE box = ?',
    ),
    totals: db.prepare<[], Total>(
      'SELECT urgency, count(*) AS messages, sum(bytes) AS bytes FROM waiting GROUP BY urgency',
    ),
    file: db.prepare('INSERT INTO waiting (box, id, seq, urgency, bytes) VALUES (?, ?, ?, ?, ?)'),
    lastSeq: db.prepare<[], Numbered>('SELECT max(seq) AS seq FROM mailbox'),
    fileUpTo: db.prepare('UPDATE filed SET seq = ?'),
    unfiled: db.prepare<[], Omit<Listed, 'id'> & { readonly id: Buffer; readonly box: number }>(unfiled),
  }
}

/** What the table knows of each. */
export type Placed = Omit<Listed, 'expiresMs'>

interface Numbered {
  readonly seq: number
}
