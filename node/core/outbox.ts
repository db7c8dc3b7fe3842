/**
 * A MESSAGE IS SENT. Keeps a lane for every device that something waits for.
 *
 *     ready → in flight (direct | relay) → stored (a relay signed for it) → delivered, or expired
 *
 * Nothing leaves without a delivery receipt or an expiry the user is shown; "stored" is a status, not the end. Lanes do
 * not wait for each other. How a lane moves is in `sending.ts`, what each answer means in `outcomes.ts`, what a state
 * change tells the user in `settling.ts`.
 */
import type { AccountId, DeviceId, MessageId } from '../../protocol/ids.ts'
import { messageLifeMs, requestMsMax, urgency as urgencies } from '../../protocol/limits.ts'
import { body as bodyCodec, type Body } from '../../protocol/wire/content.ts'
import type { Draft } from './draft.ts'
import { Lane, type Entry } from './lane.ts'
import type { Reads } from './reads.ts'
import { raise, recordAttempt } from './settling.ts'
import type { Sending } from './sending.ts'
import type { Contact, Delivery, Message } from './state.ts'

export class Outbox {
  readonly #lanes = new Map<DeviceId, Lane>()
  /** Those of them in which something waits: the others want nothing. */
  readonly #busy = new Set<Lane>()
  readonly #sending: Sending

  constructor(reads: Reads, sending: Sending) {
    this.#sending = sending
    for (const delivery of reads.deliveries()) this.#enter(delivery)
  }

  /** Puts a new message on its way to every device of a contact, or leaves it to `dispatchWaiting` when none is known. */
  submit(contact: Contact, message: Message, draft: Draft): void {
    const dispatched = contact.card !== undefined
    draft.putMessage({ ...message, dispatched })
    if (dispatched) this.#fanOut(contact, fromMessage(message), draft)
  }

  /** The contact's card is known now: everything that waited for it goes out. */
  dispatchWaiting(contact: Contact, draft: Draft): void {
    for (const message of draft.reads.undispatched(contact.account)) {
      draft.putMessage({ ...message, dispatched: true })
      this.#fanOut(contact, fromMessage(message), draft)
    }
  }

  /** Sends what takes no place in the conversation: a receipt, a card, a greeting. */
  submitControl(contact: Contact, body: Body, draft: Draft): void {
    const control: Item = {
      messageId: draft.newMessageId(),
      account: contact.account,
      visible: body.kind === 'hello',
      body: bodyCodec.encode(body),
      seq: 0,
      sentMs: draft.nowMs,
      expiresMs: draft.nowMs + messageLifeMs,
      urgency: urgencies.receipt,
    }
    this.#fanOut(contact, control, draft)
  }

  /** Such a thing, without a place in the conversation, still waits to be taken from here. */
  isSaying(contact: Contact, matches: (body: Body) => boolean): boolean {
    for (const { device } of contact.card?.devices ?? []) {
      for (const { delivery } of this.#lanes.get(device)?.entries() ?? []) {
        if (delivery.seq > 0 || delivery.stored !== undefined) continue
        const said = bodyCodec.decode(delivery.body)
        if (said !== undefined && matches(said)) return true
      }
    }
    return false
  }

  submitToAll(body: Body, draft: Draft): void {
    for (const contact of draft.reads.contacts())
      if (contact.state === 'added') this.submitControl(contact, body, draft)
  }

  /** Moves what waits for devices no longer theirs to those that are. */
  devicesChanged(contact: Contact, gone: readonly DeviceId[], draft: Draft): void {
    for (const device of gone) {
      const lane = this.#lanes.get(device)
      if (lane === undefined) continue
      for (const entry of lane.entries()) {
        this.drop(lane, entry, draft)
        recordAttempt(entry.delivery, 'directory', '', 'their device was replaced; sending to the new one', draft)
        if (entry.delivery.visible) this.#fanOut(contact, entry.delivery, draft)
      }
      this.#lanes.delete(device)
    }
    this.#offerElsewhere(contact)
    this.wake(contact, draft)
  }

  /** What lies at a relay they have left, most likely because it is gone, is wanted at those they are at now. */
  #offerElsewhere({ card }: Contact): void {
    for (const { device } of card?.devices ?? []) {
      for (const entry of this.#lanes.get(device)?.entries() ?? []) {
        const { stored } = entry.delivery
        if (stored !== undefined && card?.relays.includes(stored.relay) === false) entry.offerFromMs = 0
      }
    }
  }

  /** The user wants nothing more to do with them, and is shown what will not arrive. */
  forget(contact: Contact, draft: Draft): void {
    for (const { device } of contact.card?.devices ?? []) {
      const lane = this.#lanes.get(device)
      if (lane === undefined) continue
      for (const entry of lane.entries()) {
        this.drop(lane, entry, draft)
        recordAttempt(entry.delivery, 'direct', '', 'given up: you blocked them', draft)
        raise(entry.delivery, 'expired', 'relay', draft)
      }
      lane.dialling = false // A link that comes of it is closed, and nobody says that the dial is over.
      lane.calling = false
    }
    for (const message of draft.reads.undispatched(contact.account)) giveUp(message, draft)
  }

  /** What has waited too long for the contact's card. */
  expireWaiting(contact: Contact, draft: Draft): void {
    if (contact.card !== undefined) return
    for (const message of draft.reads.undispatched(contact.account)) {
      if (fromMessage(message).expiresMs <= draft.nowMs) giveUp(message, draft)
    }
  }

  /** Something changed for the better: addresses, relays, a bundle. */
  wake(contact: Contact, draft: Draft): void {
    for (const { device } of contact.card?.devices ?? []) {
      const lane = this.#lanes.get(device)
      if (lane === undefined) continue
      lane.forgetMisses()
      if (!lane.dialling) lane.dialFromMs = 0
      lane.relayFromMs.clear()
      this.#sending.move(lane, draft)
    }
  }

  /** Whatever closed the ways may be over: all of them are tried. */
  hurry(draft: Draft): void {
    for (const lane of this.#busy) {
      lane.wakeMs = Math.min(lane.wakeMs, draft.nowMs)
      lane.forgetMisses()
      lane.putOffNoLonger(draft.nowMs)
      if (!lane.dialling) lane.dialFromMs = 0
      lane.bundleFromMs = 0
      lane.relayFromMs.clear()
      lane.relayFailures.clear()
      this.#sending.move(lane, draft)
    }
  }

  /** They are there, so a dial that is waited with need not wait. */
  dialSoon(device: DeviceId, draft: Draft): void {
    const lane = this.#lanes.get(device)
    if (lane === undefined || lane.link !== undefined) return
    lane.dialFromMs = lane.missedUntilMs
    lane.dialFailures = 0
    this.#sending.move(lane, draft)
  }

  /** They seem to be on our network, and may be dialled for that, and asked for keys, from `fromMs` on. */
  dialNearby(device: DeviceId, fromMs: number, draft: Draft): void {
    const lane = this.#lanes.get(device)
    if (lane === undefined || lane.link !== undefined) return
    lane.forgetMisses()
    if (!lane.dialling) lane.dialFromMs = Math.min(lane.dialFromMs, fromMs)
    lane.bundleFromMs = Math.min(lane.bundleFromMs, fromMs)
    this.#sending.move(lane, draft)
  }

  /** They sent something at `sentMs`, so they are there, and what lies at a relay for them should have reached them. */
  heardFrom(device: DeviceId, sentMs: number, draft: Draft): void {
    const lane = this.#lanes.get(device)
    const card = lane && draft.contact(lane.account)?.card
    if (lane !== undefined && card !== undefined) this.#sending.heardFrom(lane, card.relays, sentMs, draft)
  }

  move(device: DeviceId, draft: Draft): void {
    const lane = this.#lanes.get(device)
    if (lane !== undefined) this.#sending.move(lane, draft)
  }

  lane(device: DeviceId): Lane | undefined {
    return this.#lanes.get(device)
  }

  lanes(): IterableIterator<Lane> {
    return this.#lanes.values()
  }

  /** The lane of a device, made when nothing waited for it so far. */
  laneFor(device: DeviceId, account: AccountId): Lane {
    const known = this.#lanes.get(device)
    if (known !== undefined) return known
    const lane = new Lane(device, account)
    this.#lanes.set(device, lane)
    return lane
  }

  drop(lane: Lane, entry: Entry, draft: Draft): void {
    lane.remove(entry)
    if (lane.size === 0) this.#busy.delete(lane)
    draft.keep({ kind: 'drop-delivery', messageId: entry.delivery.messageId, device: lane.device })
  }

  nextTryMs(messageId: MessageId, device: DeviceId): number | undefined {
    const lane = this.#lanes.get(device)
    if (lane?.entry(messageId) === undefined || !Number.isFinite(lane.wakeMs)) return undefined
    return lane.wakeMs
  }

  /** What the user waits for, and since when the oldest of it. */
  standing(): { readonly waiting: number; readonly oldestMs?: number } {
    const entries = [...this.#lanes.values()].flatMap((lane) => [...lane.entries()])
    const sentMs = entries.filter(({ delivery }) => delivery.seq > 0).map(({ delivery }) => delivery.sentMs)
    return sentMs.length === 0 ? { waiting: 0 } : { waiting: sentMs.length, oldestMs: Math.min(...sentMs) }
  }

  /** Of somebody whose card was never found nothing has left, so all that was ever said to them counts. */
  waitingFor({ card, nextSeq }: Contact): number {
    if (card === undefined) return nextSeq - 1
    return Math.max(0, ...card.devices.map(({ device }) => this.#lanes.get(device)?.size ?? 0))
  }

  tick(draft: Draft): void {
    for (const lane of this.#busy) {
      if (lane.wakeMs > draft.nowMs) continue
      this.#expire(lane, draft)
      closeSilentLink(lane, draft)
      this.#sending.move(lane, draft)
      if (lane.size === 0 && lane.link === undefined && !lane.dialling) this.#lanes.delete(lane.device)
    }
  }

  /** After a start, when nothing is in flight, and whenever a way may be another one now. */
  moveAll(draft: Draft): void {
    for (const lane of this.#busy) this.#sending.move(lane, draft)
  }

  nextDeadline(): number {
    let earliestMs = Number.POSITIVE_INFINITY
    for (const lane of this.#busy) if (lane.wakeMs < earliestMs) earliestMs = lane.wakeMs
    return earliestMs
  }

  #fanOut(contact: Contact, item: Item, draft: Draft): void {
    for (const { device } of contact.card?.devices ?? []) {
      if (this.#lanes.get(device)?.entry(item.messageId) !== undefined) continue // On its way there already.
      const delivery: Delivery = {
        messageId: item.messageId,
        account: item.account,
        device,
        visible: item.visible,
        body: item.body,
        seq: item.seq,
        sentMs: item.sentMs,
        expiresMs: item.expiresMs,
        urgency: item.urgency,
        order: draft.counters.nextOrder(),
      }
      const lane = this.#enter(delivery)
      this.#sending.move(lane, draft)
      // Moved on, it was kept as it is by then.
      if (lane.entry(delivery.messageId)?.delivery === delivery) draft.keep({ kind: 'put-delivery', delivery })
    }
  }

  #enter(delivery: Delivery): Lane {
    const lane = this.laneFor(delivery.device, delivery.account)
    lane.add(delivery)
    this.#busy.add(lane)
    return lane
  }

  #expire(lane: Lane, draft: Draft): void {
    for (const entry of lane.entries()) {
      if (entry.delivery.expiresMs > draft.nowMs) continue
      this.drop(lane, entry, draft)
      recordAttempt(entry.delivery, 'relay', '', 'given up: it was not delivered in 30 days', draft)
      raise(entry.delivery, 'expired', 'relay', draft)
    }
  }
}

/** What is fanned out: a delivery but for its device. */
type Item = Omit<Delivery, 'device' | 'order' | 'sealedFor' | 'stored'>

/** A message that never had a delivery. */
function giveUp(message: Message, draft: Draft): void {
  draft.putMessage({ ...message, dispatched: true })
  raise({ account: message.conversation, messageId: message.id }, 'expired', 'relay', draft)
}

function fromMessage(message: Message): Item {
  return {
    messageId: message.id,
    account: message.conversation,
    visible: true,
    body: message.body,
    seq: message.seq,
    sentMs: message.sentMs,
    expiresMs: message.expiresMs ?? message.sentMs + messageLifeMs,
    urgency: urgencies.text,
  }
}

/** A link that confirms nothing is dead, whatever TCP thinks. */
function closeSilentLink(lane: Lane, draft: Draft): void {
  const sinceMs = lane.unansweredSinceMs
  if (lane.link === undefined || sinceMs === undefined || sinceMs + requestMsMax > draft.nowMs) return
  draft.act({ kind: 'close-link', link: lane.link.number, reason: 'no answer' })
}
