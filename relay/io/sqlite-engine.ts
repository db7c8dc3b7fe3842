/** Carries out store calls on one SQLite database. Transactions are the caller's. */
import type Database from 'better-sqlite3-multiple-ciphers'
import { Reached } from '../core/reached.ts'
import type { QuietLimit, StoreCall, StoreOutcome } from '../core/store-calls.ts'
import { SqliteDirectory } from './sqlite-directory.ts'
import { SqliteMailboxes } from './sqlite-mailboxes.ts'
import type { Engine, StoreLimits } from './store.ts'

export class SqliteEngine implements Engine {
  readonly #directory: SqliteDirectory
  readonly #mailboxes: SqliteMailboxes

  constructor(db: Database.Database, limits: StoreLimits) {
    const reached = new Reached<QuietLimit>()
    this.#directory = new SqliteDirectory(db, limits, reached)
    this.#mailboxes = new SqliteMailboxes(db, limits, this.#directory, reached)
  }

  /** To be told when a batch begins. */
  begun(): void {
    this.#mailboxes.batchBegins()
  }

  /** To be told after every rollback. */
  rolledBack(): void {
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
