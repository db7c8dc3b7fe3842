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

interface Held {
  /** Undefined once it was let go of. */
  deposit: Deposit | undefined
  readonly untilMs: number
}

/**
 * Lists and not maps: thousands come and go every second, and a map leaves a table behind for every few of them, each pointing to the
 * next, which lets what they once held grow old in memory.
 */
export class HandOvers {
  readonly #limits: RelayLimits
  readonly #desk: StoreDesk
  /** In the order they came, in which most are acknowledged. */
  readonly #byMailbox = new Map<DeviceId, Held[]>()
  /** In the order they came, and with those let go of behind the first: all wait equally long, so it is the first to go to the store. */
  readonly #inOrder: Held[] = []

  constructor(limits: RelayLimits, desk: StoreDesk) {
    this.#limits = limits
    this.#desk = desk
  }

  /** It has been sent to its recipient. */
  hold(deposit: Deposit, turn: Turn): void {
    const { mailbox, envelope } = deposit
    const held: Held = { deposit, untilMs: turn.nowMs + this.#limits.handOverMsMax }
    const ofMailbox = this.#byMailbox.get(mailbox)
    if (ofMailbox === undefined) this.#byMailbox.set(mailbox, [held])
    else ofMailbox.push(held)
    this.#inOrder.push(held)
    this.#desk.hold(envelope.sealed.length)
  }

  /** Lets go of one, if it is held. */
  take(mailbox: DeviceId, id: EnvelopeId): Deposit | undefined {
    const ofMailbox = this.#byMailbox.get(mailbox) ?? []
    const at = ofMailbox.findIndex(({ deposit }) => deposit?.envelope.id === id)
    const [held] = at < 0 ? [] : ofMailbox.splice(at, 1)
    return held === undefined ? undefined : this.#letGo(held)
  }

  /** Lets go of all that is held for one mailbox, whose recipient is gone. */
  takeAll(mailbox: DeviceId): Deposit[] {
    const all = this.#byMailbox.get(mailbox) ?? []
    this.#byMailbox.delete(mailbox)
    return all.flatMap((held) => this.#letGo(held) ?? [])
  }

  /** Lets go of what has been held long enough. */
  takeOverdue(nowMs: number): Deposit[] {
    const overdue: Deposit[] = []
    for (let first = this.#first(); first?.deposit !== undefined && first.untilMs <= nowMs; first = this.#first()) {
      const { mailbox, envelope } = first.deposit
      const deposit = this.take(mailbox, envelope.id)
      if (deposit !== undefined) overdue.push(deposit)
    }
    return overdue
  }

  nextDeadline(): number | undefined {
    return this.#first()?.untilMs
  }

  /** The first that is still held. */
  #first(): Held | undefined {
    while (this.#inOrder.length > 0 && this.#inOrder[0]?.deposit === undefined) this.#inOrder.shift()
    return this.#inOrder[0]
  }

  #letGo(held: Held): Deposit | undefined {
    const { deposit } = held
    held.deposit = undefined
    if (deposit !== undefined) this.#desk.letGo(deposit.envelope.sealed.length)
    return deposit
  }
}
