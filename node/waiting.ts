/** Waiting for a message to come so far, without asking again and again: whoever waits is woken by each of its statuses. */
import type { MessageId } from '../protocol/ids.ts'
import { NodeError } from './api.ts'
import type { Message } from './core/state.ts'

type State = Message['state']
type Goal = 'stored' | 'delivered' | 'read'

/** How far an outgoing message has come. An expired one comes no further, so nobody waits for it. */
const rank: Partial<Record<State, number>> = { queued: 0, stored: 1, delivered: 2, read: 3, expired: 4 }

interface Waiter {
  readonly id: MessageId
  readonly goal: Goal
  readonly settle: (state: State | undefined) => void
  readonly fail: (error: Error) => void
}

export class Waiters {
  readonly #stateOf: (id: MessageId) => State | undefined
  readonly #waiters = new Set<Waiter>()

  constructor(stateOf: (id: MessageId) => State | undefined) {
    this.#stateOf = stateOf
  }

  wait(id: MessageId, goal: Goal, timeoutMs: number): Promise<State | undefined> {
    const state = this.#stateOf(id)
    if (state === undefined) return Promise.reject(new NodeError('not-found', `no outgoing message has the id ${id}`))
    if (reached(state, goal)) return Promise.resolve(state)
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        id,
        goal,
        settle: (result) => {
          clearTimeout(timer)
          this.#waiters.delete(waiter)
          resolve(result)
        },
        fail: (error) => {
          clearTimeout(timer)
          reject(error)
        },
      }
      const timer = setTimeout(() => waiter.settle(undefined), Math.min(timeoutMs, timerMsMax))
      this.#waiters.add(waiter)
    })
  }

  /** Something has become of this message. */
  wake(id: MessageId): void {
    for (const waiter of this.#waiters) {
      if (waiter.id !== id) continue
      const state = this.#stateOf(id)
      if (state !== undefined && reached(state, waiter.goal)) waiter.settle(state)
    }
  }

  failAll(error: Error): void {
    for (const waiter of this.#waiters) waiter.fail(error)
    this.#waiters.clear()
  }
}

/** Longer timers overflow and fire at once. */
const timerMsMax = 2 ** 31 - 1

function reached(state: State, goal: Goal): boolean {
  return (rank[state] ?? 0) >= (rank[goal] ?? 0)
}
