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

export class Depositors {
  readonly #limits: RelayLimits
  readonly #streams: Streams
  readonly #reached: Reached
  readonly #awaitingRoom = new Map<DeviceId, Set<StreamId>>()
  /** Who deposited an envelope, and into which mailbox, since ids are the sender's choice; the oldest first. */
  readonly #byEnvelope = new Map<EnvelopeId, { readonly mailbox: DeviceId; readonly stream: StreamId }>()

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
    this.#byEnvelope.set(id, { mailbox, stream })
    if (this.#byEnvelope.size <= this.#limits.depositorsMax) return
    this.#reached.count('depositorsMax')
    const [oldest] = this.#byEnvelope.keys()
    if (oldest !== undefined) this.#byEnvelope.delete(oldest)
  }

  /** The recipient has it: nothing is left to tell. */
  forget(mailbox: DeviceId, ids: readonly EnvelopeId[]): void {
    for (const id of ids) if (this.#byEnvelope.get(id)?.mailbox === mailbox) this.#byEnvelope.delete(id)
  }

  tellLost(mailbox: DeviceId, id: EnvelopeId, reason: LossReason, turn: Turn): void {
    const known = this.#byEnvelope.get(id)
    if (known?.mailbox !== mailbox) return
    this.#byEnvelope.delete(id)
    if (this.#streams.get(known.stream) !== undefined) turn.sendMailbox(known.stream, { kind: 'lost', id, reason })
  }
}
