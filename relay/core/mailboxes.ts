/**
 * Store and forward: a message for someone who is away is kept until their device takes it.
 *
 * Decides what is let into a mailbox and what is answered, and only answers `stored` once the store says that the envelope
 * is on disk. A mailbox's owner is whoever the Noise handshake proved: frames name no owner, so nobody can ask for another's
 * mailbox. A full mailbox takes a more urgent newcomer at the price of its least urgent oldest; both sides are told. An
 * envelope that was dropped and is offered again is a new deposit like any other. How envelopes reach the owner is
 * `subscriptions.ts`; what is told to depositors later, `depositors.ts`; expiry, `expiry.ts`.
 */
import type { DeviceId, EnvelopeId } from '../../protocol/ids.ts'
import { clockSkewMsMax, messageLifeMs } from '../../protocol/limits.ts'
import type { DepositRefusal, Envelope, MailboxFrame } from '../../protocol/wire/mailbox.ts'
import type { Depositors } from './depositors.ts'
import type { Deposit, HandOvers } from './hand-overs.ts'
import type { RelayLimits } from './limits.ts'
import type { Quotas } from './quotas.ts'
import type { Reached } from './reached.ts'
import { refused, type StoreDesk } from './store-desk.ts'
import type { Enqueued, StoreRefusal } from './store-calls.ts'
import { trust, type OpenStream, type Streams } from './streams.ts'
import type { Subscriptions } from './subscriptions.ts'
import type { Turn } from './turn.ts'

export interface MailboxesInit {
  readonly limits: RelayLimits
  readonly quotas: Quotas
  readonly desk: StoreDesk
  readonly streams: Streams
  readonly subscriptions: Subscriptions
  readonly depositors: Depositors
  readonly handOvers: HandOvers
  readonly reached: Reached
}

export class Mailboxes {
  readonly #init: MailboxesInit

  constructor(init: MailboxesInit) {
    this.#init = init
  }

  received(stream: OpenStream, frame: MailboxFrame, turn: Turn): void {
    switch (frame.kind) {
      case 'deposit':
        return this.#deposit({ stream, mailbox: frame.mailbox, envelope: frame.envelope }, turn)
      case 'subscribe':
        return this.#subscribe(stream, frame.credit, turn)
      case 'more':
        return this.#init.subscriptions.addCredit(stream, frame.credit, turn)
      case 'ack':
        return this.#acknowledge(stream, frame.ids, turn)
      case 'stored':
      case 'delivered':
      case 'refused':
      case 'room':
      case 'lost':
      case 'page':
      case 'tombstones':
      case 'prekeys-left':
      case 'closing':
        return turn.act({ kind: 'close', stream: stream.id, reason: 'sent a frame that only a relay sends' })
    }
  }

  /** A subscriber of it may be gone now: nobody is left to acknowledge what was handed to them. */
  closed(stream: OpenStream, turn: Turn): void {
    const { subscriptions, handOvers } = this.#init
    if (stream.device === undefined || !subscriptions.closed(stream)) return
    for (const deposit of handOvers.takeAll(stream.device)) this.#store(deposit, turn)
  }

  ticked(turn: Turn): void {
    const { subscriptions, handOvers } = this.#init
    for (const deposit of handOvers.takeOverdue(turn.nowMs)) {
      subscriptions.wasSlow(deposit.mailbox)
      this.#store(deposit, turn)
    }
  }

  nextDeadline(): number | undefined {
    return this.#init.handOvers.nextDeadline()
  }

  #deposit(deposit: Deposit, turn: Turn): void {
    const { subscriptions, handOvers } = this.#init
    const { stream, mailbox, envelope } = deposit
    const refusal = this.#refusal(stream, envelope, turn.nowMs)
    if (refusal !== undefined) return refuse(stream, envelope.id, refusal, turn)
    stream.pending += 1
    const again = handOvers.take(mailbox, envelope.id) // Offered twice: both are answered by the store.
    if (again !== undefined) this.#store(again, turn)
    if (again === undefined && subscriptions.handOver(mailbox, envelope, turn)) handOvers.hold(deposit, turn)
    else this.#store(deposit, turn)
  }

  #store(deposit: Deposit, turn: Turn): void {
    const { mailbox, envelope } = deposit
    const settle = (answer: Enqueued | StoreRefusal, later: Turn): void => {
      deposit.stream.pending -= 1
      this.#answer(deposit, answer, later)
    }
    this.#init.desk.ask(turn, 'enqueue', { mailbox, envelope, nowMs: turn.nowMs }, settle, envelope.sealed.length)
  }

  /** What can be refused without asking the store; the cheapest first. */
  #refusal(stream: OpenStream, { sealed, expiresMs }: Envelope, nowMs: number): Refusal | undefined {
    const { limits, quotas, desk, reached } = this.#init
    if (sealed.length > limits.sealedBytesMax) {
      reached.count('sealedBytesMax')
      return { reason: 'too-large', retryMs: 0 }
    }
    if (expiresMs <= nowMs) return { reason: 'expired', retryMs: 0 }
    if (expiresMs > nowMs + messageLifeMs + clockSkewMsMax) return { reason: 'far-future', retryMs: 0 }
    const waitMs =
      quotas.takeFor(stream.connection, 'deposits', 1, nowMs) ||
      quotas.takeFor(stream.connection, 'depositBytes', sealed.length, nowMs)
    if (waitMs > 0) return { reason: 'rate-limited', retryMs: waitMs }
    if (stream.pending >= limits.pendingPerStreamMax) reached.count('pendingPerStreamMax')
    else if (desk.hasRoom(sealed.length)) return undefined
    return { reason: 'busy', retryMs: limits.busyRetryMs }
  }

  #answer(deposit: Deposit, answer: Enqueued | StoreRefusal, turn: Turn): void {
    const { stream } = deposit
    const { id } = deposit.envelope
    const busyRetryMs = this.#init.limits.busyRetryMs
    if (refused(answer)) return refuse(stream, id, { reason: 'busy', retryMs: busyRetryMs }, turn)
    switch (answer.state) {
      case 'stored':
        return this.#stored(deposit, answer, turn)
      case 'duplicate':
        return this.#promise(deposit, answer, turn)
      case 'full':
        this.#init.reached.count(answer.limit)
        this.#init.depositors.awaitRoom(deposit.mailbox, stream.id)
        trust(stream, turn)
        return refuse(stream, id, { reason: 'full', retryMs: 0 }, turn)
      case 'crowded':
        this.#init.reached.count('relayBytesMax')
        return refuse(stream, id, { reason: 'busy', retryMs: busyRetryMs * crowdedPatience }, turn)
      case 'unknown-mailbox':
        return refuse(stream, id, { reason: 'unknown-mailbox', retryMs: 0 }, turn)
    }
  }

  #stored(deposit: Deposit, answer: Extract<Enqueued, { state: 'stored' }>, turn: Turn): void {
    const { depositors, subscriptions } = this.#init
    const { stream, mailbox, envelope } = deposit
    for (const id of answer.pruned) depositors.tellLost(mailbox, id, 'pruned', turn)
    if (answer.pruned.length > 0) subscriptions.lost(mailbox, turn)
    depositors.remember(mailbox, envelope.id, stream.id)
    this.#promise(deposit, answer, turn)
    subscriptions.stored(mailbox, envelope, turn)
  }

  /** The relay's signed word. Not worth signing when nobody is there to hear it: the sender will ask again. */
  #promise({ stream, mailbox, envelope }: Deposit, times: Times, turn: Turn): void {
    if (this.#init.streams.get(stream.id) === undefined) return
    const { storedMs, expiresMs } = times
    turn.promise(stream.id, { mailbox, id: envelope.id, storedMs, expiresMs })
    trust(stream, turn)
  }

  #subscribe(stream: OpenStream, credit: number, turn: Turn): void {
    if (stream.device === undefined) {
      return turn.act({ kind: 'close', stream: stream.id, reason: 'subscribed without an Ed25519 key' })
    }
    // No refusal answers a subscription, and each costs three looks at the disk.
    if (this.#init.quotas.takeFor(stream.connection, 'subscriptions', 1, turn.nowMs) > 0) {
      return turn.act({ kind: 'close', stream: stream.id, reason: 'subscribed too often' })
    }
    for (const deposit of this.#init.handOvers.takeAll(stream.device)) this.#store(deposit, turn)
    this.#init.subscriptions.subscribe(stream, stream.device, credit, turn)
  }

  #acknowledge(stream: OpenStream, ids: readonly EnvelopeId[], turn: Turn): void {
    if (stream.device === undefined || ids.length === 0) return
    if (this.#init.quotas.takeFor(stream.connection, 'acknowledgements', ids.length, turn.nowMs) > 0) {
      return turn.act({ kind: 'close', stream: stream.id, reason: 'acknowledged more than it can have received' })
    }
    this.#init.subscriptions.confirmed(stream.device, ids, turn.nowMs)
    const stored = this.#settleHeld(stream.device, ids, turn)
    if (stored.length === 0) return
    if (stream.toAcknowledge !== undefined) return void stream.toAcknowledge.push(...stored)
    this.#delete(stream, stream.device, stored, turn)
  }

  /** Those that were held never saw the disk, and are settled; the others are returned. */
  #settleHeld(device: DeviceId, ids: readonly EnvelopeId[], turn: Turn): readonly EnvelopeId[] {
    const { handOvers, subscriptions, streams } = this.#init
    const settled: EnvelopeId[] = []
    const others: EnvelopeId[] = []
    for (const id of ids) {
      const deposit = handOvers.take(device, id)
      if (deposit === undefined) {
        others.push(id)
        continue
      }
      settled.push(id)
      deposit.stream.pending -= 1
      if (streams.get(deposit.stream.id) === undefined) continue
      turn.delivered(deposit.stream.id, id)
      trust(deposit.stream, turn)
    }
    if (settled.length > 0) subscriptions.acknowledged(device, settled, turn)
    return others
  }

  /** One request at a time; what is acknowledged meanwhile goes together in the next. */
  #delete(stream: OpenStream, device: DeviceId, ids: readonly EnvelopeId[], turn: Turn): void {
    const { desk, depositors, subscriptions } = this.#init
    stream.toAcknowledge = []
    desk.ask(turn, 'ack', { mailbox: device, ids }, (answer, later) => {
      const next = stream.toAcknowledge ?? []
      stream.toAcknowledge = undefined
      if (next.length > 0) this.#delete(stream, device, next, later)
      // Not deleted, so they are sent again on the next subscription, where the device drops them as duplicates; on this one
      // they would fill the window for good.
      if (refused(answer)) return later.act({ kind: 'close', stream: stream.id, reason: 'the store is busy' })
      depositors.forget(device, ids)
      subscriptions.acknowledged(device, ids, later)
      if (answer.deleted > 0) depositors.tellRoom(device, later)
    })
  }
}

interface Refusal {
  readonly reason: DepositRefusal
  readonly retryMs: number
}

interface Times {
  readonly storedMs: number
  readonly expiresMs: number
}

/** A relay without disk space recovers over minutes, not seconds. */
const crowdedPatience = 60

function refuse(stream: OpenStream, id: EnvelopeId, { reason, retryMs }: Refusal, turn: Turn): void {
  turn.sendMailbox(stream.id, { kind: 'refused', id, reason, retryMs })
}
