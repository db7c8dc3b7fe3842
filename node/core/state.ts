/**
 * What a device keeps: the rows of its store, as values. Rules live beside this file; where rows are put, in `node/io`.
 */
import type { AccountId, DeviceId, EnvelopeId, MessageId } from '../../protocol/ids.ts'
import type { MessageType, PreKey } from '../../protocol/session/types.ts'
import type { Card, SignedCard } from '../../protocol/wire/card.ts'
import type { ReceiptState } from '../../protocol/wire/content.ts'

/**
 * `adding`: we have their invite and seek their card. `requested`: they wrote first, without a token, and wait for us.
 * `added`: we talk. `blocked`: what they send is refused.
 */
export type ContactState = 'adding' | 'requested' | 'added' | 'blocked'

export interface Contact {
  readonly account: AccountId
  /** What this user calls them; unique among contacts. */
  readonly name: string
  readonly state: ContactState
  /** Their newest card known, opened, and as signed; absent while `adding`. */
  readonly card?: Card
  readonly signedCard?: SignedCard
  /** From the invite: where to ask for the card until there is one. Full multiaddrs. */
  readonly hints: readonly string[]
  /** The invite's token, sent along until they are known to have us. */
  readonly token?: Uint8Array
  /** They have acknowledged something of ours, so they have our card: introductions may stop. */
  readonly introduced: boolean
  /** The safety number was compared; reset when their devices change. */
  readonly verified: boolean
  /** Next position in our side of the conversation, from 1. */
  readonly nextSeq: number
  readonly addedMs: number
}

/**
 * Outgoing: `queued` (safe here), `stored` (a relay signed for it), `delivered`, `read`, `expired`.
 * Incoming: `held` (waits for an earlier one, or for the contact to be accepted), `shown`, `seen` (shown and acknowledged
 * by whoever displays messages).
 */
export type MessageState = 'queued' | 'stored' | 'delivered' | 'read' | 'expired' | 'held' | 'shown' | 'seen'

export interface Message {
  readonly id: MessageId
  /** The contact this was said to or by. */
  readonly conversation: AccountId
  readonly outgoing: boolean
  /** The device it came from; absent on outgoing ones. */
  readonly device?: DeviceId
  /** The encoded `Body`, also of kinds this version does not know. */
  readonly body: Uint8Array
  readonly seq: number
  readonly sentMs: number
  readonly receivedMs?: number
  readonly state: MessageState
  /** Order of display in this device's history; 0 while held. */
  readonly position: number
  /** Outgoing: when it is given up. */
  readonly expiresMs?: number
  /** Outgoing: deliveries exist for every device of the contact. False while their card is not known. */
  readonly dispatched?: boolean
  /** Outgoing: why it is still here, in the word of whoever refused it last. */
  readonly waiting?: string
}

/** A message on its way to one device. Gone when that device has it, or it expired. */
export interface Delivery {
  readonly messageId: MessageId
  readonly device: DeviceId
  readonly account: AccountId
  /** False for receipts, cards and retries, which no user waits for. */
  readonly visible: boolean
  readonly body: Uint8Array
  readonly seq: number
  readonly sentMs: number
  readonly expiresMs: number
  /** Order of sending within the device's lane. */
  readonly order: number
  readonly urgency: number
  /** Present once encrypted; every retry sends these same bytes. */
  readonly sealedFor?: Encrypted
  /** The relay that signed for it, and when; absent while no relay holds it. */
  readonly stored?: { readonly relay: string; readonly atMs: number }
}

export interface Encrypted {
  readonly envelopeId: EnvelopeId
  readonly type: MessageType
  readonly ciphertext: Uint8Array
}

export type Route = 'direct' | 'relay' | 'directory'

/** One attempt to move a message, for `why`. */
export interface Attempt {
  readonly messageId: MessageId
  readonly device?: DeviceId
  readonly atMs: number
  readonly route: Route
  /** An address or relay, in full. */
  readonly via: string
  /** What came of it, in a few plain words. */
  readonly outcome: string
}

/** A one-time prekey and the relay whose directory hands it out, since each may be handed out by one place only. */
export interface PooledPreKey extends PreKey {
  readonly relay: string
}

export interface OpenInvite {
  /** 16 bytes. */
  readonly token: Uint8Array
  readonly createdMs: number
  readonly expiresMs: number
  /** Whoever used it. */
  readonly usedBy?: AccountId
}

/** How far one sender's device has come in its conversation with us. */
export interface Inbound {
  readonly device: DeviceId
  readonly account: AccountId
  /** The next position to show. */
  readonly expected: number
}

/** A receipt not yet handed to the outbox. */
export interface OwedReceipt {
  readonly account: AccountId
  readonly messageId: MessageId
  readonly state: ReceiptState
}

/** What a user or a program is told. Documented in `node/events.ts`; kept until whoever shows it acknowledges. */
export interface StoredEvent {
  readonly seq: number
  readonly event: NodeEvent
}

/** Fields are those of the JSON output; times are ISO 8601. */
export type NodeEvent =
  | {
      readonly type: 'message'
      readonly id: MessageId
      readonly conversation: AccountId
      readonly from: string
      /** Absent when the message needs a newer version of the program. */
      readonly text?: string
      readonly unsupported?: true
      readonly sentAt: string
      readonly receivedAt: string
      readonly via: 'direct' | 'relay'
    }
  | {
      readonly type: 'status'
      readonly id: MessageId
      readonly conversation: AccountId
      readonly to: string
      readonly state: 'queued' | 'stored' | 'delivered' | 'read' | 'expired'
      readonly at: string
      readonly via?: 'direct' | 'relay'
      /** With `queued`: why it waits. */
      readonly reason?: string
    }
  | {
      readonly type: 'contact'
      readonly account: AccountId
      readonly name: string
      readonly state: 'requested' | 'added' | 'key-changed' | 'unreachable'
      readonly reason?: string
    }
  | { readonly type: 'gap'; readonly conversation: AccountId; readonly from: string; readonly missing: number }
