/**
 * What depositors who are still connected must be told later: that there is room again, or that something they deposited
 * was dropped unread. A courtesy with a fixed size: a sender that is not told offers its message again in time.
 */
import type { DeviceId, EnvelopeId } from '../../protocol/ids.ts'
import type { LossReason } from '../../protocol/wire/mailbox.ts'
import type { StreamId } from './inputs.ts'
import type { RelayLimits } from './limits.ts'
import type { Reached } from './reached.ts'
import type { Streams } from './streams.ts'
import type { Turn } from './turn.ts'

interface Deposited {
  /** Since ids are the sender's choice. */
  readonly mailbox: DeviceId
  readonly stream: StreamId
}

export class Depositors {
  readonly #limits: RelayLimits
  readonly #streams: Streams
  readonly #reached: Reached
  readonly #awaitingRoom = new Map<DeviceId, Set<StreamId>>()
  /**
   * Who deposited an envelope. In two halves, of which the older is forgotten as a whole: the oldest entry of one map would have to be
   * looked for behind the places of all that were taken out before it, which cost more than all else that a deposit needs.
   */
  #recent = new Map<EnvelopeId, Deposited>()
  #older = new Map<EnvelopeId, Deposited>()

  constructor(limits: RelayLimits, streams: Streams, reached: Reached) {
    this.#limits = limits
    this.#streams = streams
    this.#reached = reached
  }

  /** This stream was refused because the mailbox is full. */
  awaitRoom(mailbox: DeviceId, stream: StreamId): void {
    let waiters = this.#awaitingRoom.get(mailbox)
    if (waiters === undefined) {
      if (this.#awaitingRoom.size >= this.#limits.mailboxesAwaitedMax) return this.#reached.count('mailboxesAwaitedMax')
      this.#awaitingRoom.set(mailbox, (waiters = new Set()))
    }
    for (const waiter of waiters) if (this.#streams.get(waiter) === undefined) waiters.delete(waiter)
    if (waiters.size < this.#limits.waitersPerMailboxMax) waiters.add(stream)
    else this.#reached.count('waitersPerMailboxMax')
  }

  /** Something left the mailbox. */
  tellRoom(mailbox: DeviceId, turn: Turn): void {
    const waiters = this.#awaitingRoom.get(mailbox)
    if (waiters === undefined) return
    this.#awaitingRoom.delete(mailbox)
    for (const waiter of waiters) {
      if (this.#streams.get(waiter) !== undefined) turn.sendMailbox(waiter, { kind: 'room', mailbox })
    }
  }

  remember(mailbox: DeviceId, id: EnvelopeId, stream: StreamId): void {
    this.#recent.set(id, { mailbox, stream })
    if (this.#recent.size < this.#limits.depositorsMax / 2) return
    if (this.#older.size > 0) this.#reached.count('depositorsMax')
    this.#older = this.#recent
    this.#recent = new Map()
  }

  /** The recipient has it: nothing is left to tell. */
  forget(mailbox: DeviceId, ids: readonly EnvelopeId[]): void {
    for (const id of ids) if (this.#find(id)?.mailbox === mailbox) this.#drop(id)
  }

  tellLost(mailbox: DeviceId, id: EnvelopeId, reason: LossReason, turn: Turn): void {
    const known = this.#find(id)
    if (known?.mailbox !== mailbox) return
    this.#drop(id)
    if (this.#streams.get(known.stream) !== undefined) turn.sendMailbox(known.stream, { kind: 'lost', id, reason })
  }

  #find(id: EnvelopeId): Deposited | undefined {
    return this.#recent.get(id) ?? this.#older.get(id)
  }

  #drop(id: EnvelopeId): void {
    this.#recent.delete(id)
    this.#older.delete(id)
  }
}
