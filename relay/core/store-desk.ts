/**
 * Requests to the store that have not been answered yet, and what to do when they are. Bounded in number and in bytes, so
 * that a slow disk becomes `busy` at the door and not memory here.
 */
import { LocalError } from '../../protocol/errors.ts'
import type { RequestId } from './inputs.ts'
import type { RelayLimits } from './limits.ts'
import type { Reached } from './reached.ts'
import type { Answer, Ask, StoreCall, StoreOp, StoreOutcome, StoreRefusal } from './store-calls.ts'
import type { Turn } from './turn.ts'

/** What to do with the answer; it is a refusal's reason when nothing was changed. */
export type Resume<O extends StoreOp> = (answer: Answer<O> | StoreRefusal, turn: Turn) => void

/** Those refused offer again within minutes, so what nobody tried for so long is not known. */
const refusalKnownMs = 600_000

interface Waiting {
  readonly op: StoreOp
  readonly bytes: number
  readonly resume: (answer: never, turn: Turn) => void
}

export class StoreDesk {
  readonly #limits: RelayLimits
  readonly #reached: Reached
  readonly #waiting = new Map<RequestId, Waiting>()
  #bytes = 0
  #held = 0
  #last: RequestId = 0
  #couldNotKeepMs = Number.NEGATIVE_INFINITY

  constructor(limits: RelayLimits, reached: Reached) {
    this.#limits = limits
    this.#reached = reached
  }

  get waiting(): number {
    return this.#waiting.size + this.#held
  }

  /** A deposit that may yet become a request counts as one. */
  hold(bytes: number): void {
    this.#held += 1
    this.#bytes += bytes
  }

  letGo(bytes: number): void {
    this.#held -= 1
    this.#bytes -= bytes
  }

  /** Whether a request of a stranger, carrying so many bytes, would still be taken. */
  hasRoom(bytes: number): boolean {
    const reached =
      this.waiting >= this.#limits.pendingMax
        ? 'pendingMax'
        : this.#bytes + bytes > this.#limits.pendingBytesMax
          ? 'pendingBytesMax'
          : undefined
    if (reached !== undefined) this.#reached.count(reached)
    return reached === undefined
  }

  /** Whether the last deposit could not be kept, whosever it was: the relay's room is used up, or its disk fails. */
  keepsNothing(nowMs: number): boolean {
    return nowMs - this.#couldNotKeepMs < refusalKnownMs
  }

  ask<O extends StoreOp>(turn: Turn, op: O, ask: Ask<O>, resume: Resume<O>, bytes = 0): void {
    const request = ++this.#last
    this.#bytes += bytes
    this.#waiting.set(request, { op, bytes, resume })
    turn.act({ kind: 'ask-store', request, call: { op, ...ask } as unknown as StoreCall })
  }

  answered(request: RequestId, outcome: StoreOutcome, turn: Turn): void {
    const waiting = this.#waiting.get(request)
    if (waiting === undefined) throw new LocalError('the store answered a request that nobody made')
    this.#waiting.delete(request)
    this.#bytes -= waiting.bytes
    if (outcome.ok && outcome.op !== waiting.op) throw new LocalError('the store answered another question')
    if (waiting.op === 'enqueue') this.#note(outcome, turn.nowMs)
    waiting.resume((outcome.ok ? outcome.answer : outcome.reason) as never, turn)
  }

  #note(outcome: StoreOutcome, nowMs: number): void {
    if (!outcome.ok) this.#couldNotKeepMs = outcome.reason === 'failed' ? nowMs : this.#couldNotKeepMs
    else if (outcome.op !== 'enqueue') return
    else if (outcome.answer.state === 'crowded') this.#couldNotKeepMs = nowMs
    else if (outcome.answer.state === 'stored') this.#couldNotKeepMs = Number.NEGATIVE_INFINITY
  }
}

/** Tells a refusal from an answer. */
export function refused(answer: object | StoreRefusal): answer is StoreRefusal {
  return typeof answer === 'string'
}
