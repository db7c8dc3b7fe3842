/**
 * A MESSAGE ARRIVES, over a direct link or from one of our relays. Drops what was dealt with before, opens it, lets its
 * sender in or not, and hands on what it says. It is acknowledged only by effects, so only once all of that is on disk.
 *
 * Leaves the order of display to `ordering.ts`, contacts to `contacts.ts`, what receipts mean to `outcomes.ts`.
 */
import type { DeviceId, EnvelopeId, MessageId } from '../../protocol/ids.ts'
import { clockSkewMsMax, messageLifeMs, requestMessagesMax } from '../../protocol/limits.ts'
import type { MessageType } from '../../protocol/session/types.ts'
import { body as bodyCodec, type Body, type Content } from '../../protocol/wire/content.ts'
import type { Contacts } from './contacts.ts'
import type { ConversationSessions } from './conversation-sessions.ts'
import type { Draft } from './draft.ts'
import type { Ordering } from './ordering.ts'
import type { Outbox } from './outbox.ts'
import type { Outcomes } from './outcomes.ts'
import type { Receipts } from './receipts.ts'
import type { Repeats } from './repeats.ts'
import type { Contact, Message } from './state.ts'

export interface InboxInit {
  readonly sessions: ConversationSessions
  readonly contacts: Contacts
  readonly ordering: Ordering
  readonly receipts: Receipts
  readonly repeats: Repeats
  readonly outbox: Outbox
  readonly outcomes: Outcomes
}

/** A session message, whichever way it came. */
export interface Incoming {
  readonly device: DeviceId
  readonly envelopeId: EnvelopeId
  readonly type: MessageType
  readonly ciphertext: Uint8Array
  readonly via: 'direct' | 'relay'
}

/**
 * `taken`: genuine, and on disk with this step. `known`: its envelope was dealt with before, whoever brings it now. Otherwise
 * why it is not; nothing was changed but that its sender may be asked to repeat it.
 */
export type Taken = 'taken' | 'known' | 'undecryptable' | 'refused'

export class Inbox {
  readonly #init: InboxInit

  constructor(init: InboxInit) {
    this.#init = init
  }

  arrive(incoming: Incoming, draft: Draft): Taken {
    const known = draft.reads.seen(incoming.envelopeId)
    if (known !== undefined) {
      const contact = draft.contactOfDevice(incoming.device)
      if (contact !== undefined && known.messageId !== undefined) {
        this.#oweAgain(incoming, known.messageId, contact, draft)
      }
      return 'known'
    }
    const sender = draft.contactOfDevice(incoming.device)
    if (sender?.state === 'blocked') return 'refused'

    // Whoever may not come in leaves no trace: no session, no prekey used up.
    return draft.tentatively(() => this.#open(incoming, sender, draft)) ?? 'refused'
  }

  /** Undefined when the sender may not come in. */
  #open(incoming: Incoming, sender: Contact | undefined, draft: Draft): Taken | undefined {
    const opened = this.#init.sessions.decrypt(incoming.device, incoming.type, incoming.ciphertext, draft)
    // Also when its key was used, or let go of as too old: what was taken before is known by its envelope, and this is not.
    if (!opened.ok) return this.#unreadable(incoming, sender, draft)
    const { content } = opened
    if (content === undefined) {
      if (sender === undefined) return undefined
      this.#remember(incoming, undefined, draft)
      return 'taken' // Genuine and senseless: asking again would bring the same.
    }
    const contact = this.#letIn(incoming.device, sender, content, draft)
    if (contact === undefined || contact.state === 'blocked') return undefined
    // Not taken, and not remembered: its sender keeps it, and offers it again.
    if (content.seq > 0 && !hasRoomFor(contact, draft)) return undefined
    const said = bodyCodec.decode(content.body)
    const receipted = content.seq > 0 || said?.kind === 'hello'
    this.#remember(incoming, receipted ? content.id : undefined, draft)
    if (content.seq > 0) this.#keepMessage(incoming, content, contact, draft)
    else if (said !== undefined) this.#obey(incoming, content.id, said, contact, draft)
    return 'taken'
  }

  #letIn(device: DeviceId, sender: Contact | undefined, { introduction }: Content, draft: Draft): Contact | undefined {
    if (introduction === undefined) return sender
    return this.#init.contacts.introduce(device, introduction, draft) ?? sender
  }

  /** What takes a place in the conversation: kept, also when this version cannot read it. */
  #keepMessage(incoming: Incoming, content: Content, contact: Contact, draft: Draft): void {
    if (draft.message(contact.account, false, content.id) !== undefined) {
      this.#oweAgain(incoming, content.id, contact, draft)
      return
    }
    const message: Message = {
      id: content.id,
      conversation: contact.account,
      outgoing: false,
      device: incoming.device,
      body: content.body,
      seq: content.seq,
      sentMs: content.sentMs,
      receivedMs: draft.nowMs,
      state: 'held',
      position: 0,
    }
    const arrival = { message, floor: content.floor, via: incoming.via }
    if (contact.state === 'added' || contact.state === 'adding') {
      this.#init.ordering.place(arrival, contact, draft)
      this.#owe(incoming, content.id, contact, draft)
    } else {
      this.#init.ordering.hold(arrival, contact, draft) // Shown, and receipted, when the user lets them in.
    }
  }

  #obey(incoming: Incoming, id: MessageId, said: Body, contact: Contact, draft: Draft): void {
    switch (said.kind) {
      case 'hello':
        this.#owe(incoming, id, contact, draft)
        return
      case 'receipt':
        this.#init.outcomes.receiptArrived(incoming.device, contact, { state: said.state, ids: said.ids }, draft)
        return
      case 'retry':
        this.#init.outcomes.undecryptable(incoming.device, said.ids, draft)
        return
      case 'card':
        this.#init.contacts.takeCard(contact.account, said.card, draft)
        return
      case 'text':
        return // A text has a place in the conversation; one without is nobody's to show.
    }
  }

  /** Over a link the sender is told at once; through a relay, by a message in a session that works. */
  #unreadable(incoming: Incoming, sender: Contact | undefined, draft: Draft): Taken {
    if (incoming.via === 'direct') return 'undecryptable'
    // Not remembered: should the request for a repeat be lost, the same bytes come again, and are asked for again.
    if (sender?.state === 'added') this.#init.repeats.want(incoming.device, incoming.envelopeId, sender, draft)
    return 'undecryptable'
  }

  #remember(incoming: Incoming, messageId: MessageId | undefined, draft: Draft): void {
    draft.keep({
      kind: 'add-seen',
      envelopeId: incoming.envelopeId,
      ...(messageId && { messageId }),
      untilMs: draft.nowMs + messageLifeMs + clockSkewMsMax,
    })
  }

  /**
   * Their copy of our receipt was lost, or they would not send this again; unless it has not left yet. Whoever repeats
   * themselves where our receipts cannot reach them would otherwise fill our outbox. What was read meanwhile is said to be
   * read: that receipt may have gone with the other.
   */
  #oweAgain(incoming: Incoming, id: MessageId, contact: Contact, draft: Draft): void {
    const message = draft.message(contact.account, false, id)
    // A seal says who sent it and proves nothing, and who once held an envelope knows its id: only its writer hears of it.
    if (message === undefined && draft.reads.findMessage(id) !== undefined) return
    const isOwed = (said: Body): boolean => said.kind === 'receipt' && said.ids.includes(id)
    if (this.#init.outbox.isSaying(contact, isOwed)) return
    const state = message?.state === 'seen' ? 'read' : 'delivered'
    if (state === 'delivered' && incoming.via === 'direct') return // Its acknowledgement is the receipt.
    this.#init.receipts.oweAgain(contact.account, id, state, draft)
  }

  #owe(incoming: Incoming, id: MessageId, contact: Contact, draft: Draft): void {
    if (incoming.via === 'relay') this.#init.receipts.owe(contact.account, id, 'delivered', draft)
  }
}

/** A stranger at the door leaves a few messages there, and no more. */
function hasRoomFor(contact: Contact, draft: Draft): boolean {
  return contact.state !== 'requested' || draft.reads.heldOf(contact.account).length < requestMessagesMax
}
