/**
 * Counts what a relay does, by words from a fixed vocabulary: kinds of frames, reasons, names of calls. There is no label
 * that could name a person, a device or a message, so there is none to leak and their number cannot grow.
 */
import { preKeysLow } from '../../protocol/limits.ts'
import type { Answer, StoreOp, StoreOutcome } from '../core/store-calls.ts'
import type { Observer, ServedFrame, TurnedAway } from '../io/observer.ts'

type Counts = Map<string, number>

export interface TallyInit {
  /** Seconds from custody to acknowledgement of one message. */
  readonly delivered: (seconds: number) => void
  /** Seconds that one call of the store took. */
  readonly stored: (op: StoreOp, seconds: number) => void
  readonly nowMs: () => number
}

export class Tally implements Observer {
  readonly #init: TallyInit
  readonly received: Counts = new Map()
  readonly sent: Counts = new Map()
  /** What deposits were answered with: `stored`, `delivered`, or why not. */
  readonly deposits: Counts = new Map()
  /** What directory questions were refused for. */
  readonly refusals: Counts = new Map()
  readonly lost: Counts = new Map()
  readonly turned: Counts = new Map()
  readonly storeRefusals: Counts = new Map()
  delivered = 0
  duplicates = 0
  bundlesWithPreKey = 0
  bundlesWithout = 0
  poolsLow = 0

  constructor(init: TallyInit) {
    this.#init = init
  }

  frameReceived(frame: ServedFrame): void {
    count(this.received, frame.kind)
  }

  frameSent(frame: ServedFrame): void {
    count(this.sent, frame.kind)
    switch (frame.kind) {
      case 'stored':
        return count(this.deposits, frame.kind, frame.receipt.taken.length)
      case 'delivered':
        this.delivered += frame.ids.length
        return count(this.deposits, frame.kind, frame.ids.length)
      case 'refused':
        return count('id' in frame ? this.deposits : this.refusals, frame.reason)
      case 'bundle':
        if (frame.preKey === undefined) this.bundlesWithout += 1
        else this.bundlesWithPreKey += 1
        return
      case 'prekeys-left':
        if (frame.left < preKeysLow / 2) this.poolsLow += 1
        return
      default:
        return
    }
  }

  storeAnswered(op: StoreOp, outcome: StoreOutcome, tookMs: number): void {
    this.#init.stored(op, tookMs / 1_000)
    if (!outcome.ok) return count(this.storeRefusals, outcome.reason)
    if (outcome.op === 'enqueue') this.#enqueued(outcome.answer)
    else if (outcome.op === 'sweep') for (const { reason } of outcome.answer.lost) count(this.lost, reason)
    else if (outcome.op === 'ack') this.#acknowledged(outcome.answer)
  }

  turnedAway(why: TurnedAway): void {
    count(this.turned, why)
  }

  #enqueued(answer: Answer<'enqueue'>): void {
    if (answer.state === 'duplicate') this.duplicates += 1
    if (answer.state === 'stored') for (const _ of answer.pruned) count(this.lost, 'pruned')
  }

  #acknowledged({ deleted, storedMs }: Answer<'ack'>): void {
    this.delivered += deleted
    const nowMs = this.#init.nowMs()
    for (const ms of storedMs) this.#init.delivered(Math.max(0, nowMs - ms) / 1_000)
  }
}

function count(counts: Counts, word: string, times = 1): void {
  counts.set(word, (counts.get(word) ?? 0) + times)
}
