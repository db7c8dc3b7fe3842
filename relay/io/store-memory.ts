/**
 * A store that forgets everything when the process ends: for tests, the simulator, and trying things out. It keeps the same
 * contract as the one on disk, except that nothing survives.
 */
import { UsageError } from '../../protocol/errors.ts'
import { Reached } from '../core/reached.ts'
import type { QuietLimit, StoreCall, StoreOutcome } from '../core/store-calls.ts'
import { MemoryDirectory } from './memory-directory.ts'
import { MemoryMailboxes } from './memory-mailboxes.ts'
import type { Engine, Store, StoreInit, StoreLimits } from './store.ts'

export class MemoryEngine implements Engine {
  readonly #directory: MemoryDirectory
  readonly #mailboxes: MemoryMailboxes

  constructor(limits: StoreLimits, from?: MemoryEngine) {
    const reached = new Reached<QuietLimit>()
    this.#directory = new MemoryDirectory(limits, reached, from && from.#directory)
    this.#mailboxes = new MemoryMailboxes(limits, this.#directory, reached, from && from.#mailboxes)
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
        return {
          ok: true,
          op: call.op,
          answer: { ...this.#mailboxes.census(), ...this.#directory.census(call.nowMs), diskBytes: 0 },
        }
    }
  }
}

export function memoryStore({ limits }: StoreInit): Store {
  const engine = new MemoryEngine(limits)
  return {
    waiting: 0,
    ask: (call) => Promise.resolve(engine.run(call)),
    backup: () => Promise.reject(new UsageError('A store in memory cannot be backed up.')),
    close: () => Promise.resolve(),
  }
}
