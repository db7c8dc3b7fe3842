/**
 * Shows what one sender said in the order they said it. A message that arrives ahead of an earlier one is held until that
 * one comes, until its sender says it never will (the floor), or for `gapWaitMs`; then it is shown and the gap is told.
 */
import type { DeviceId } from '../../protocol/ids.ts'
import { gapWaitMs, heldMax } from '../../protocol/limits.ts'
import { body as bodyCodec } from '../../protocol/wire/content.ts'
import { isoTime, type Draft } from './draft.ts'
import type { Reads } from './reads.ts'
import type { Contact, Inbound, Message } from './state.ts'

/** A message as it came, with its sender's word on what is still to come. */
export interface Arrival {
  readonly message: Message
  readonly floor: number
  readonly via: 'direct' | 'relay'
}

interface StepView {
  readonly draft: Draft
  readonly inbound: Map<DeviceId, Inbound>
}

/** What orders a held message, and where its row is found: the row may be large, and there may be `heldMax` of them. */
type Held = Pick<Message, 'id' | 'conversation' | 'seq'>

export class Ordering {
  /** When the wait of each device with held messages is over. */
  readonly #waits = new Map<DeviceId, number>()
  /** Of devices that wait, by `seq`; read from the store once, and not with every message that comes meanwhile. */
  readonly #lists = new Map<DeviceId, Held[]>()
  /** What this step has moved on: the store shows it only after the step. */
  #step: StepView | undefined

  constructor(reads: Reads) {
    for (const device of reads.heldDevices()) this.#waits.set(device, 0)
  }

  /** After a start, what is missing gets its time again: its sender may have been waiting for us. */
  begin(draft: Draft): void {
    for (const device of this.#waits.keys()) this.#waits.set(device, draft.nowMs + gapWaitMs)
  }

  /** Keeps a new message of an accepted contact, shown or held. */
  place({ message, floor, via }: Arrival, contact: Contact, draft: Draft): void {
    const device = message.device
    if (device === undefined) return
    const fresh = this.#inbound(device, draft) === undefined
    let expected = this.#inbound(device, draft)?.expected ?? Math.max(floor, 1)
    if (floor > expected) expected = this.#skipTo(floor, device, contact, { from: expected, silent: fresh }, draft)
    if (message.seq > expected && this.#held(device, draft).length >= heldMax) {
      expected = this.#skipTo(message.seq, device, contact, { from: expected, silent: false }, draft)
    }

    if (message.seq > expected) {
      draft.putMessage({ ...message, state: 'held', position: 0 })
      insertBySeq(this.#held(device, draft), placeOf(message))
      if (!this.#waits.has(device)) this.#waits.set(device, draft.nowMs + gapWaitMs)
      if (fresh) this.#setExpected(device, contact, expected, draft)
      return
    }
    show(message, contact, via, draft)
    // One that was given up as a gap comes late: it is shown, and the count stays where it is.
    if (message.seq >= expected) expected = this.#release(message.seq + 1, device, contact, draft)
    this.#setExpected(device, contact, expected, draft)
  }

  /**
   * Keeps a message of somebody who is not let in yet. Where their count begins is known only from its floor: relays
   * deliver in any order, so the first to come need not be the first that was said.
   */
  hold({ message, floor }: Arrival, contact: Contact, draft: Draft): void {
    draft.putMessage(message)
    const { device } = message
    if (device === undefined || this.#inbound(device, draft) !== undefined) return
    this.#setExpected(device, contact, Math.max(floor, 1), draft)
  }

  /** Shows what a contact wrote before they were accepted; what is missing in between gets its time, as always. */
  accepted(contact: Contact, draft: Draft): void {
    const waiting = draft.reads.heldOf(contact.account)
    for (const device of new Set(waiting.map((message) => message.device))) {
      if (device === undefined) continue
      this.#lists.delete(device) // It knows nothing of them.
      this.#waits.set(device, draft.nowMs + gapWaitMs)
      const expected = this.#inbound(device, draft)?.expected ?? 1
      this.#setExpected(device, contact, this.#release(expected, device, contact, draft), draft)
    }
  }

  tick(draft: Draft): void {
    for (const [device, untilMs] of this.#waits) {
      if (untilMs > draft.nowMs) continue
      const held = this.#held(device, draft)
      this.#waits.delete(device)
      const contact = draft.contactOfDevice(device) ?? ownerOf(held, draft)
      const [first] = held
      if (contact?.state !== 'added' || first === undefined) {
        this.#lists.delete(device)
        continue
      }
      const from = this.#inbound(device, draft)?.expected ?? 1
      const expected = this.#skipTo(first.seq, device, contact, { from, silent: false }, draft)
      this.#setExpected(device, contact, expected, draft)
      if (held.length > 0) this.#waits.set(device, draft.nowMs + gapWaitMs) // Behind another gap.
    }
  }

  nextDeadline(): number {
    let earliestMs = Number.POSITIVE_INFINITY
    for (const untilMs of this.#waits.values()) earliestMs = Math.min(earliestMs, untilMs)
    return earliestMs
  }

  /** Moves on to a position nothing below which will come; shows what was held there and tells what is missing. */
  #skipTo(
    to: number,
    device: DeviceId,
    contact: Contact,
    { from, silent }: { readonly from: number; readonly silent: boolean },
    draft: Draft,
  ): number {
    let missing = 0
    let expected = from
    const held = this.#held(device, draft)
    for (let next = held[0]; next !== undefined && next.seq < to; next = held[0]) {
      held.shift()
      missing += next.seq - expected
      this.#tellGap(missing, contact, draft)
      missing = 0
      showHeld(next, contact, draft)
      expected = next.seq + 1
    }
    missing += Math.max(0, to - expected)
    if (!silent) this.#tellGap(missing, contact, draft)
    return this.#release(Math.max(to, expected), device, contact, draft)
  }

  #tellGap(missing: number, contact: Contact, draft: Draft): void {
    if (missing <= 0) return
    draft.tell({ type: 'gap', conversation: contact.account, from: contact.name, missing })
  }

  /** Shows held messages from `expected` on as long as they follow each other. */
  #release(expected: number, device: DeviceId, contact: Contact, draft: Draft): number {
    const held = this.#held(device, draft)
    let next = expected
    while (held[0] !== undefined && held[0].seq <= next) {
      const first = held.shift()
      if (first === undefined) break
      showHeld(first, contact, draft)
      next = Math.max(next, first.seq + 1)
    }
    if (held.length === 0) {
      this.#waits.delete(device)
      this.#lists.delete(device)
    }
    return next
  }

  #inbound(device: DeviceId, draft: Draft): Inbound | undefined {
    return this.#of(draft).inbound.get(device) ?? draft.reads.inbound(device)
  }

  #setExpected(device: DeviceId, contact: Contact, expected: number, draft: Draft): void {
    if (this.#inbound(device, draft)?.expected === expected) return
    const inbound = { device, account: contact.account, expected }
    this.#of(draft).inbound.set(device, inbound)
    draft.keep({ kind: 'put-inbound', inbound })
  }

  /** By `seq`; the list is changed in place. */
  #held(device: DeviceId, draft: Draft): Held[] {
    let list = this.#lists.get(device)
    if (list === undefined) {
      list = this.#waits.has(device) ? draft.reads.held(device).map((message) => placeOf(message)) : []
      this.#lists.set(device, list)
    }
    return list
  }

  #of(draft: Draft): StepView {
    if (this.#step?.draft !== draft) this.#step = { draft, inbound: new Map() }
    return this.#step
  }
}

function placeOf({ id, conversation, seq }: Message): Held {
  return { id, conversation, seq }
}

function insertBySeq(list: Held[], held: Held): void {
  const after = list.findLastIndex((other) => other.seq <= held.seq)
  list.splice(after + 1, 0, held)
}

function ownerOf(held: readonly Held[], draft: Draft): Contact | undefined {
  return held[0] && draft.contact(held[0].conversation)
}

function showHeld({ conversation, id }: Held, contact: Contact, draft: Draft): void {
  const message = draft.message(conversation, false, id)
  if (message !== undefined) show(message, contact, 'relay', draft)
}

function show(message: Message, contact: Contact, via: 'direct' | 'relay', draft: Draft): void {
  draft.putMessage({ ...message, state: 'shown', position: draft.counters.nextPosition() })
  const said = bodyCodec.decode(message.body)
  draft.tell({
    type: 'message',
    id: message.id,
    conversation: contact.account,
    from: contact.name,
    ...(said?.kind === 'text' ? { text: said.text } : { unsupported: true as const }),
    sentAt: isoTime(message.sentMs),
    receivedAt: isoTime(message.receivedMs ?? draft.nowMs),
    via,
  })
}
