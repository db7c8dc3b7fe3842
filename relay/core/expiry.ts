/**
 * Expiry: what nobody fetched in time is dropped, a little at a time, and never in silence. Whether something has expired
 * is the envelope's own expiry against this relay's clock; an expired envelope is never delivered, swept or not.
 */
import type { DeviceId } from '../../protocol/ids.ts'
import type { Depositors } from './depositors.ts'
import type { RelayLimits } from './limits.ts'
import type { Reached } from './reached.ts'
import { refused, type StoreDesk } from './store-desk.ts'
import type { Subscriptions } from './subscriptions.ts'
import type { Turn } from './turn.ts'

export interface ExpiryInit {
  readonly limits: RelayLimits
  readonly desk: StoreDesk
  readonly subscriptions: Subscriptions
  readonly depositors: Depositors
  readonly reached: Reached
}

export class Expiry {
  readonly #init: ExpiryInit
  /** Undefined while a sweep is under way. */
  #nextSweepMs: number | undefined = 0

  constructor(init: ExpiryInit) {
    this.#init = init
  }

  nextDeadline(): number | undefined {
    return this.#nextSweepMs
  }

  ticked(turn: Turn): void {
    if (this.#nextSweepMs === undefined || turn.nowMs < this.#nextSweepMs) return
    this.#sweep(turn)
  }

  #sweep(turn: Turn): void {
    const { limits, desk, subscriptions, depositors, reached } = this.#init
    this.#nextSweepMs = undefined
    desk.ask(turn, 'sweep', { nowMs: turn.nowMs, countMax: limits.sweepRowsMax }, (answer, later) => {
      this.#nextSweepMs = later.nowMs + limits.sweepEveryMs
      if (later.nowMs - turn.nowMs > limits.sweepEveryMs) reached.count('sweepEveryMs')
      if (refused(answer)) return
      reached.add(answer.reached)
      if (answer.lost.length >= limits.sweepRowsMax) reached.count('sweepRowsMax')
      const roomy = new Set<DeviceId>()
      for (const { mailbox, id, reason } of answer.lost) {
        depositors.tellLost(mailbox, id, reason, later)
        roomy.add(mailbox)
      }
      for (const mailbox of roomy) {
        subscriptions.lost(mailbox, later)
        depositors.tellRoom(mailbox, later)
      }
      if (answer.more) this.#sweep(later)
    })
  }
}
