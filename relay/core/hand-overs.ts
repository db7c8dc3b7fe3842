/**
 * Past the disk: what is deposited for somebody who is there is handed to them at once and held here for a moment. Their
 * acknowledgement within that moment settles it, and the depositor is told `delivered`; otherwise it is stored like any other,
 * and their acknowledgement, when it comes, takes it out again. Nothing is answered before one of the two, so a relay that
 * dies meanwhile has promised nothing, and the depositor offers it again.
 */
import type { DeviceId, EnvelopeId } from '../../protocol/ids.ts'
import type { Envelope } from '../../protocol/wire/mailbox.ts'
import type { RelayLimits } from './limits.ts'
import type { StoreDesk } from './store-desk.ts'
import type { OpenStream } from './streams.ts'
import type { Turn } from './turn.ts'

export interface Deposit {
  readonly stream: OpenStream
  readonly mailbox: DeviceId
  readonly envelope: Envelope
}

interface Held extends Deposit {
  readonly untilMs: number
}

export class HandOvers {
  readonly #limits: RelayLimits
  readonly #desk: StoreDesk
  readonly #byMailbox = new Map<DeviceId, Map<EnvelopeId, Held>>()
  /** In the order they came: all wait equally long, so the first is the first to go to the store. */
  readonly #inOrder = new Set<Held>()

  constructor(limits: RelayLimits, desk: StoreDesk) {
    this.#limits = limits
    this.#desk = desk
  }

  /** It has been sent to its recipient. */
  hold(deposit: Deposit, turn: Turn): void {
    const { mailbox, envelope } = deposit
    const held: Held = { ...deposit, untilMs: turn.nowMs + this.#limits.handOverMsMax }
    let ofMailbox = this.#byMailbox.get(mailbox)
    if (ofMailbox === undefined) this.#byMailbox.set(mailbox, (ofMailbox = new Map()))
    ofMailbox.set(envelope.id, held)
    this.#inOrder.add(held)
    this.#desk.hold(envelope.sealed.length)
  }

  /** Lets go of one, if it is held. */
  take(mailbox: DeviceId, id: EnvelopeId): Deposit | undefined {
    const held = this.#byMailbox.get(mailbox)?.get(id)
    if (held !== undefined) this.#letGo(held)
    return held
  }

  /** Lets go of all that is held for one mailbox. */
  takeAll(mailbox: DeviceId): Deposit[] {
    const all = [...(this.#byMailbox.get(mailbox)?.values() ?? [])]
    for (const held of all) this.#letGo(held)
    return all
  }

  /** Lets go of what has been held long enough. */
  takeOverdue(nowMs: number): Deposit[] {
    const overdue: Deposit[] = []
    for (const held of this.#inOrder) {
      if (held.untilMs > nowMs) break
      this.#letGo(held)
      overdue.push(held)
    }
    return overdue
  }

  nextDeadline(): number | undefined {
    for (const { untilMs } of this.#inOrder) return untilMs
    return undefined
  }

  #letGo(held: Held): void {
    const { mailbox, envelope } = held
    this.#inOrder.delete(held)
    const ofMailbox = this.#byMailbox.get(mailbox)
    ofMailbox?.delete(envelope.id)
    if (ofMailbox?.size === 0) this.#byMailbox.delete(mailbox)
    this.#desk.letGo(envelope.sealed.length)
  }
}
