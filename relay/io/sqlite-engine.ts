/** Carries out store calls on one SQLite database. Transactions are the caller's. */
import type Database from 'better-sqlite3-multiple-ciphers'
import { Reached } from '../core/reached.ts'
import type { QuietLimit, StoreCall, StoreOutcome } from '../core/store-calls.ts'
import { SqliteDirectory } from './sqlite-directory.ts'
import { SqliteMailboxes } from './sqlite-mailboxes.ts'
import { SqliteWaiting } from './sqlite-waiting.ts'
import type { Engine, StoreLimits } from './store.ts'

export class SqliteEngine implements Engine {
  readonly #directory: SqliteDirectory
  readonly #waiting: SqliteWaiting
  readonly #mailboxes: SqliteMailboxes

  /** `newestMax` envelopes are known in memory only. */
  constructor(db: Database.Database, limits: StoreLimits, newestMax?: number) {
    const reached = new Reached<QuietLimit>()
    this.#directory = new SqliteDirectory(db, limits, reached)
    this.#waiting = new SqliteWaiting(db, newestMax)
    this.#mailboxes = new SqliteMailboxes(db, limits, this.#directory, this.#waiting, reached)
  }

  /** To be told before a batch begins. */
  begun(): void {
    this.#waiting.begin()
    this.#mailboxes.batchBegins()
  }

  /** To be told before a batch is committed. */
  ending(): void {
    this.#waiting.file()
  }

  /** To be told after every rollback. */
  rolledBack(): void {
    this.#waiting.rolledBack()
    this.#mailboxes.forgetLevels()
    this.#directory.forgetCounts()
  }

  run(call: StoreCall): StoreOutcome {
    switch (call.op) {
      case 'enqueue':
        return { ok: true, op: call.op, answer: this.#mailboxes.enqueue(call) }
      case 'page':
        return { ok: true, op: call.op, answer: this.#mailboxes.page(call) }
      case 'ack':
        return { ok: true, op: call.op, answer: this.#mailboxes.ack(call) }
      case 'tombstones':
        return { ok: true, op: call.op, answer: this.#mailboxes.tombstones(call) }
      case 'sweep':
        return { ok: true, op: call.op, answer: this.#mailboxes.sweep(call) }
      case 'publish':
        return { ok: true, op: call.op, answer: this.#directory.publish(call) }
      case 'find-card':
        return { ok: true, op: call.op, answer: this.#directory.findCard(call) }
      case 'take-prekey':
        return { ok: true, op: call.op, answer: this.#directory.takePreKey(call) }
      case 'count-prekeys':
        return { ok: true, op: call.op, answer: this.#directory.countPreKeys(call) }
      case 'census':
        return { ok: true, op: call.op, answer: { ...this.#directory.census(call.nowMs), ...this.#mailboxes.census() } }
    }
  }
}
