/**
 * What each answer means for what is on its way: a link rose or fell, a device confirmed or could not read, a relay signed,
 * refused or dropped. Every answer may come twice, late, or for something long settled.
 */
import type { DeviceId, EnvelopeId, MessageId } from '../../protocol/ids.ts'
import { inFlightMax, retryMsMax, retryMsMin } from '../../protocol/limits.ts'
import type { LossReason } from '../../protocol/wire/mailbox.ts'
import { backoffInStagesMs, backoffMs } from './backoff.ts'
import { CustodyChecks } from './custody-checks.ts'
import type { Draft } from './draft.ts'
import { isUnheard, startAfresh } from './fresh-start.ts'
import type { DepositAnswer, Input } from './inputs.ts'
import { holderOf, offerAgainMs, without, type Entry, type Lane } from './lane.ts'
import { relayDevice, type OtherRelays } from './other-relays.ts'
import type { Outbox } from './outbox.ts'
import { depositRefusalWords } from './refusals.ts'
import { isCircuit } from './routes.ts'
import { markWaiting, raise, recordAttempt } from './settling.ts'
import { addressesOf, type Sending } from './sending.ts'
import type { Contact, Route } from './state.ts'

const retry = { minMs: retryMsMin, maxMs: retryMsMax }
/** A relay that does not answer is being restarted, most likely, and is asked again soon; later it is given time. */
const restarting = { minMs: 2_000, maxMs: 12_000, triesMax: 60 }
const away = { minMs: restarting.maxMs, maxMs: 300_000 }
/** Without a relay there is no other way than to dial: often in the first hour or so, and then as for someone long gone. */
const onlyWay = { minMs: 2_000, maxMs: 60_000, triesMax: 80 }
const longGone = { minMs: onlyWay.maxMs, maxMs: 1_200_000 }

/** One failed dial is noted on so many of those that wait: a long queue must not turn it into thousands of rows. */
const attemptsPerFailureMax = 100

type LostLink = { readonly device: DeviceId; readonly number: number; readonly address: string }

export interface OutcomesInit {
  readonly outbox: Outbox
  readonly sending: Sending
  readonly others: OtherRelays
  /** Asks for a contact's newest card, when what we have leads nowhere. */
  readonly refreshCard: (contact: Contact, draft: Draft) => void
  /** A dial failed: what we have may lead nowhere. */
  readonly doubtCard: (contact: Contact, draft: Draft) => void
}

export class Outcomes {
  readonly #outbox: Outbox
  readonly #sending: Sending
  readonly #others: OtherRelays
  readonly #refreshCard: OutcomesInit['refreshCard']
  readonly #doubtCard: OutcomesInit['doubtCard']
  readonly #custody = new CustodyChecks()

  constructor({ outbox, sending, others, refreshCard, doubtCard }: OutcomesInit) {
    this.#outbox = outbox
    this.#sending = sending
    this.#others = others
    this.#refreshCard = refreshCard
    this.#doubtCard = doubtCard
  }

  linkRisen(lane: Lane, link: NonNullable<Lane['link']>, draft: Draft): void {
    lane.risen(link, draft.nowMs)
    this.#sending.move(lane, draft)
  }

  linkLost({ device, number, address }: LostLink, reason: string, draft: Draft): void {
    const lane = this.#outbox.lane(device)
    if (lane === undefined) return
    const unsent = lane.unsend(number)
    for (const { delivery } of unsent)
      recordAttempt(delivery, 'direct', address, `link lost before it was confirmed: ${reason}`, draft)
    if (lane.link?.number !== number && unsent.length === 0) return
    if (lane.link?.number === number) {
      lane.link = undefined
      // Whoever hangs up on every link is not dialled again at once: a link that confirmed nothing is a dial that failed.
      if (lane.size > 0 && !lane.linkProved) {
        lane.dialFailures++
        lane.dialFromMs = draft.nowMs + backoffMs(lane.dialFailures, retry, draft.random)
      }
    }
    this.#sending.move(lane, draft)
  }

  dialFailed({ device, called, reason }: Extract<Input, { kind: 'dial-failed' }>, draft: Draft): void {
    const lane = this.#outbox.lane(device)
    if (lane === undefined || !lane.dialling) return // A link stands meanwhile.
    const contact = draft.contact(lane.account)
    const isOnlyWay = contact?.card?.relays.length === 0
    const tried = contact === undefined ? [] : addressesOf(contact, device).filter((a) => called || !isCircuit(a))
    for (const entry of [...lane.entries()].slice(0, attemptsPerFailureMax)) {
      if (entry.delivery.stored === undefined) recordAttempt(entry.delivery, 'direct', tried.join(' '), reason, draft)
      if (isOnlyWay) markWaiting(entry.delivery, 'no relay, and not reachable directly', draft)
    }
    if (lane.calling && !called) return // Circuits are still tried.
    lane.dialling = false
    lane.calling = false
    lane.dialFailures++
    const pauseMs = isOnlyWay
      ? backoffInStagesMs(lane.dialFailures, onlyWay, longGone, draft.random)
      : backoffMs(lane.dialFailures, retry, draft.random)
    if (!isOnlyWay) this.#sending.missed(lane, contact, draft)
    lane.dialFromMs = Math.max(draft.nowMs + pauseMs, lane.missedUntilMs)
    if (contact !== undefined && lane.size > 0) this.#doubtCard(contact, draft)
    this.#sending.move(lane, draft)
  }

  /** Their device has these on its disk. */
  acked(device: DeviceId, ids: readonly EnvelopeId[], draft: Draft): void {
    const lane = this.#outbox.lane(device)
    if (lane === undefined) return
    for (const id of ids) {
      const entry = lane.entryOfEnvelope(id)
      if (entry !== undefined)
        this.#settle(lane, entry, { state: 'delivered', by: 'direct', via: lane.link?.address ?? '' }, draft)
    }
    lane.resets = 0
    lane.linkRefusals = 0
    lane.unheard = false
    lane.linkProved = true
    lane.dialFailures = 0
    lane.dialFromMs = 0
    this.#sending.move(lane, draft)
  }

  /** Their device will not take it over this link: not from us, or not now. */
  directRefused(device: DeviceId, id: EnvelopeId, reason: 'refused' | 'busy', draft: Draft): void {
    const lane = this.#outbox.lane(device)
    const entry = lane?.entryOfEnvelope(id)
    if (lane === undefined || entry === undefined) return
    lane.linkRefusals++
    lane.linkFromMs = draft.nowMs + backoffMs(lane.linkRefusals, retry, draft.random)
    lane.unsend()
    const outcome = reason === 'busy' ? 'their device is busy' : 'their device does not take messages from you'
    recordAttempt(entry.delivery, 'direct', lane.link?.address ?? '', outcome, draft)
    markWaiting(entry.delivery, outcome, draft)
    this.#sending.move(lane, draft)
  }

  /** A delivery or read receipt from one of a contact's devices. */
  receiptArrived(
    device: DeviceId,
    contact: Contact,
    { state, ids }: { state: 'delivered' | 'read'; ids: readonly MessageId[] },
    draft: Draft,
  ): void {
    const lane = this.#outbox.lane(device)
    for (const id of ids) {
      const entry = lane?.entry(id)
      if (lane !== undefined && entry !== undefined) {
        this.#settle(lane, entry, { state, by: 'relay', via: holderOf(entry)?.relay ?? '' }, draft)
      } else {
        raise({ messageId: id, account: contact.account }, state, 'relay', draft)
      }
    }
    if (lane === undefined) return
    lane.relayFromMs.clear() // They are here and have emptied something: what waited for that need not wait out its pause.
    this.#sending.move(lane, draft)
  }

  depositAnswered({ mailbox, relay, id, answer }: Extract<Input, { kind: 'deposit-answered' }>, draft: Draft): void {
    const lane = this.#outbox.lane(mailbox)
    const entry = lane?.entryOfEnvelope(id)
    if (lane === undefined || entry === undefined) return
    if (answer.kind === 'unreachable') this.#others.keepsSilent(relay)
    else this.#others.answered(relay, entry.depositAt.length === 1 ? entry.depositMs : undefined, draft.nowMs)
    entry.depositAt = without(entry.depositAt, relay)
    switch (answer.kind) {
      case 'stored':
        this.#stored(lane, entry, relay, answer, draft)
        break
      case 'delivered':
        // The relay's word is not the device's: if that has it, its own receipt is on the way.
        entry.offerFromMs = offerAgainMs({ stored: { relay, atMs: draft.nowMs }, sentMs: entry.delivery.sentMs })
        entry.claimed = { relay, atMs: draft.nowMs }
        recordAttempt(entry.delivery, 'relay', relay, 'the relay says that their device has it', draft)
        if (!entry.delivery.visible)
          this.#outbox.drop(lane, entry, draft) // Nobody sends a receipt for one.
        else this.#doubtSession(lane, entry, relay, draft.nowMs, draft)
        break
      case 'refused':
        this.#refused(
          lane,
          entry,
          relay,
          { reason: depositRefusalWords[answer.reason], retryMs: answer.retryMs },
          draft,
        )
        break
      case 'unreachable':
        this.#refused(
          lane,
          entry,
          relay,
          { reason: `relay not reachable (${answer.reason})`, unreachable: true },
          draft,
        )
        break
    }
    this.#sending.move(lane, draft)
  }

  roomNoticed(relay: string, device: DeviceId, draft: Draft): void {
    const lane = this.#outbox.lane(device)
    if (lane === undefined) return
    lane.relayFromMs.delete(relay)
    lane.relayFailures.delete(relay)
    this.#sending.move(lane, draft)
  }

  /** One of our relays answers again, and it is also theirs: what waits for it need not wait out its pause. */
  relayBack(relay: string, draft: Draft): void {
    for (const lane of this.#outbox.lanes()) {
      if (lane.size > 0 && lane.relayFromMs.has(relay)) this.roomNoticed(relay, lane.device, draft)
    }
  }

  /** A relay dropped what it had signed for: we still have it, and go on. */
  lossNoticed(relay: string, id: EnvelopeId, reason: LossReason, draft: Draft): void {
    for (const lane of this.#outbox.lanes()) {
      const entry = lane.entryOfEnvelope(id)
      if (entry === undefined) continue
      entry.offerFromMs = draft.nowMs + backoffMs(4, retry, draft.random)
      const { stored: _, ...unstored } = entry.delivery
      lane.update(entry, unstored)
      draft.keep({ kind: 'put-delivery', delivery: unstored })
      recordAttempt(entry.delivery, 'relay', relay, `the relay dropped it (${reason}); it will be offered again`, draft)
      this.#sending.move(lane, draft)
      return
    }
  }

  /** Their device could not read these: a new session is opened and they are encrypted anew. */
  undecryptable(device: DeviceId, ids: readonly EnvelopeId[], draft: Draft): void {
    const lane = this.#outbox.lane(device)
    if (lane === undefined || !ids.some((id) => lane.entryOfEnvelope(id) !== undefined)) return
    // Of a session's first message, the one-time key may be why: a relay that was put back gives keys that are spent.
    if (ids.some((id) => lane.entryOfEnvelope(id)?.delivery.sealedFor?.type === 3)) lane.unheard = true
    if (startAfresh(lane, 'their device could not decrypt it', draft)) this.#sending.move(lane, draft)
  }

  #stored(
    lane: Lane,
    entry: Entry,
    relay: string,
    { receipt }: Extract<DepositAnswer, { kind: 'stored' }>,
    draft: Draft,
  ): void {
    const { delivery } = entry
    if (!this.#custody.holds(receipt, relayDevice(relay), lane.device, delivery.sealedFor?.envelopeId)) {
      this.#refused(lane, entry, relay, { reason: 'the relay did not sign for it', retryMs: 0 }, draft)
      return
    }
    lane.relayFailures.delete(relay)
    const room = lane.relayRoom.get(relay)
    if (room !== undefined) lane.relayRoom.set(relay, Math.min(2 * room, inFlightMax))
    recordAttempt(delivery, 'relay', relay, 'stored: the relay signed for it', draft)
    raise(delivery, 'stored', 'relay', draft)
    if (!delivery.visible) {
      this.#outbox.drop(lane, entry, draft)
      return
    }
    const storedMs = receipt.taken.find((one) => one.id === delivery.sealedFor?.envelopeId)?.storedMs ?? draft.nowMs
    if (this.#doubtSession(lane, entry, relay, storedMs, draft)) return
    const next = { ...delivery, stored: { relay, atMs: draft.nowMs } }
    lane.update(entry, next)
    delete entry.claimed
    entry.offerFromMs = offerAgainMs(next)
    draft.keep({ kind: 'put-delivery', delivery: next })
  }

  /** True when what was taken goes out once more, encrypted anew: nobody seems to be able to read it. */
  #doubtSession(lane: Lane, entry: Entry, relay: string, tookMs: number, draft: Draft): boolean {
    if (!isUnheard(lane, entry, relay, tookMs, draft.contact(lane.account))) return false
    lane.unheard = true
    return startAfresh(lane, 'collected, and never confirmed', draft)
  }

  /** This relay is left alone for a while; the next one is tried at once. */
  #refused(
    lane: Lane,
    entry: Entry,
    relay: string,
    why: { reason: string; retryMs?: number; unreachable?: true },
    draft: Draft,
  ): void {
    // All that was offered fails at once when a relay goes: that is one failure.
    if ((lane.relayFromMs.get(relay) ?? 0) <= draft.nowMs) {
      const failures = (lane.relayFailures.get(relay) ?? 0) + 1
      lane.relayFailures.set(relay, failures)
      lane.relayRoom.set(relay, 1)
      const pauseMs =
        why.unreachable === true
          ? backoffInStagesMs(failures, restarting, away, draft.random)
          : backoffMs(failures, retry, draft.random)
      const saidMs = Math.min(why.retryMs ?? 0, retryMsMax) // It cannot say to stay away for good.
      lane.relayFromMs.set(relay, draft.nowMs + Math.max(saidMs, pauseMs))
    }
    recordAttempt(entry.delivery, 'relay', relay, why.reason, draft)
    if (entry.delivery.stored !== undefined) return
    markWaiting(entry.delivery, why.reason, draft)
    const contact = draft.contact(lane.account)
    if (contact !== undefined) this.#refreshCard(contact, draft)
  }

  #settle(lane: Lane, entry: Entry, how: { state: 'delivered' | 'read'; by: Route; via: string }, draft: Draft): void {
    this.#outbox.drop(lane, entry, draft)
    if (how.by === 'relay' && !entry.wentElsewhere) lane.doubted.delete(how.via)
    recordAttempt(entry.delivery, how.by, how.via, 'delivered: their device confirmed it', draft)
    raise(entry.delivery, how.state, how.by, draft)
    const contact = draft.contact(lane.account)
    if (contact === undefined || contact.introduced) return
    const { token: _, ...known } = contact
    draft.putContact({ ...known, introduced: true })
  }
}
