/**
 * One step in the making: what has been decided so far about one input, and reads that already see it. The store shows a
 * step's changes only after the step is over; rules that touch the same contact, session or message twice read here.
 */
import type { Random } from '../../protocol/crypto/random.ts'
import { messageIdLength, messageIdOf, type AccountId, type DeviceId, type MessageId } from '../../protocol/ids.ts'

import type { SessionRecord } from '../../protocol/session/types.ts'
import type { Step } from '../../protocol/step.ts'
import type { Answer, Refusal } from './answers.ts'
import type { Change, Effect } from './effects.ts'
import type { Reads } from './reads.ts'
import type { Contact, Message, NodeEvent } from './state.ts'

/** Numbers that only grow, read from the store once at start. */
export class Counters {
  #eventSeq: number
  #position: number
  #order: number
  #ask = 0

  constructor(reads: Reads) {
    this.#eventSeq = reads.lastEventSeq()
    this.#position = reads.lastPosition()
    this.#order = reads.deliveries().at(-1)?.order ?? 0
  }

  nextEventSeq(): number {
    return ++this.#eventSeq
  }

  nextPosition(): number {
    return ++this.#position
  }

  nextOrder(): number {
    return ++this.#order
  }

  nextAsk(): number {
    return ++this.#ask
  }
}

export interface DraftInit {
  readonly reads: Reads
  readonly random: Random
  readonly counters: Counters
}

export class Draft implements Step<Change, Effect> {
  readonly changes: Change[] = []
  readonly effects: Effect[] = []
  readonly reads: Reads
  readonly random: Random
  readonly counters: Counters
  readonly nowMs: number
  /** What this step has put, over what the store has; most steps put little or nothing. */
  #contacts: Map<AccountId, Contact> | undefined
  #sessions: Map<DeviceId, SessionRecord> | undefined
  #messages: Map<MessageId, readonly Message[]> | undefined

  constructor({ reads, random, counters }: DraftInit, nowMs: number) {
    this.reads = reads
    this.random = random
    this.counters = counters
    this.nowMs = nowMs
  }

  /** Runs `attempt`; if it answers undefined, everything it decided is taken back. */
  tentatively<T>(attempt: () => T | undefined): T | undefined {
    const [changes, effects] = [this.changes.length, this.effects.length]
    const contacts = this.#contacts && new Map(this.#contacts)
    const sessions = this.#sessions && new Map(this.#sessions)
    const messages = this.#messages && new Map(this.#messages)
    const result = attempt()
    if (result !== undefined) return result
    this.changes.length = changes
    this.effects.length = effects
    this.#contacts = contacts
    this.#sessions = sessions
    this.#messages = messages
    return undefined
  }

  keep(change: Change): void {
    this.changes.push(change)
  }

  act(effect: Effect): void {
    this.effects.push(effect)
  }

  answer(request: number, answer: Answer): void {
    this.act({ kind: 'answer', request, answer })
  }

  refuse(request: number, reason: Refusal, message: string): void {
    this.answer(request, { ok: false, reason, message })
  }

  contact(account: AccountId): Contact | undefined {
    return this.#contacts?.get(account) ?? this.reads.contact(account)
  }

  /** Of this step's contacts first, since a card may have moved a device a moment ago. */
  contactOfDevice(device: DeviceId): Contact | undefined {
    for (const contact of this.#contacts?.values() ?? []) {
      if (contact.card?.devices.some((d) => d.device === device) === true) return contact
    }
    const known = this.reads.contactOfDevice(device)
    return known && this.#contacts?.has(known.account) ? undefined : known
  }

  /** Whether another contact already goes by this name. */
  nameTaken(name: string, by: AccountId): boolean {
    for (const contact of this.#contacts?.values() ?? []) {
      if (contact.name === name && contact.account !== by) return true
    }
    const known = this.reads.contactNamed(name)
    return known !== undefined && known.account !== by && this.#contacts?.has(known.account) !== true
  }

  putContact(contact: Contact): Contact {
    this.#contacts ??= new Map()
    this.#contacts.set(contact.account, contact)
    this.keep({ kind: 'put-contact', contact })
    return contact
  }

  session(device: DeviceId): SessionRecord | undefined {
    return this.#sessions?.get(device) ?? this.reads.session(device)
  }

  putSession(device: DeviceId, record: SessionRecord): void {
    this.#sessions ??= new Map()
    this.#sessions.set(device, record)
    this.keep({ kind: 'put-session', device, record })
  }

  message(conversation: AccountId, outgoing: boolean, id: MessageId): Message | undefined {
    const put = this.#messages?.get(id)?.find((m) => m.conversation === conversation && m.outgoing === outgoing)
    return put ?? this.reads.message(conversation, outgoing, id)
  }

  putMessage(message: Message): void {
    this.#messages ??= new Map()
    const twins = this.#messages
      .get(message.id)
      ?.filter((m) => m.conversation !== message.conversation || m.outgoing !== message.outgoing)
    this.#messages.set(message.id, twins === undefined ? [message] : [...twins, message])
    this.keep({ kind: 'put-message', message })
  }

  newMessageId(): MessageId {
    return messageIdOf(this.random.bytes(messageIdLength))
  }

  /** Keeps an event for whoever shows it, and tells listeners once that is on disk. */
  tell(event: NodeEvent): void {
    const stored = { seq: this.counters.nextEventSeq(), event }
    this.keep({ kind: 'add-event', stored })
    this.act({ kind: 'notify', stored, conversation: event.type === 'contact' ? undefined : event.conversation })
  }
}

/** Times as people and programs read them. */
export function isoTime(ms: number): string {
  if (ms === lastSpelled.ms) return lastSpelled.text
  // oxlint-disable-next-line no-restricted-globals -- spells out a time it is given; it does not ask for one
  lastSpelled = { ms, text: new Date(ms).toISOString() }
  return lastSpelled.text
}

/** One step tells of one time, often more than once. */
let lastSpelled = { ms: Number.NaN, text: '' }
