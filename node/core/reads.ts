/**
 * What the rules may ask the store: plain synchronous calls, answered from the transaction in progress. One contract suite
 * (`test/node/store-contract.ts`) holds every implementation to the same answers.
 */
import type { AccountId, DeviceId, EnvelopeId, MessageId } from '../../protocol/ids.ts'
import type { KyberPreKey, PreKeyReads, SessionRecord, SignedPreKey } from '../../protocol/session/types.ts'
import type { FactKey } from './effects.ts'
import type { Attempt, Contact, Delivery, Inbound, Message, OpenInvite, OwedReceipt, StoredEvent } from './state.ts'

export interface Reads extends PreKeyReads {
  fact(key: FactKey): Uint8Array | undefined

  contact(account: AccountId): Contact | undefined
  /** Whose card lists this device. */
  contactOfDevice(device: DeviceId): Contact | undefined
  contactNamed(name: string): Contact | undefined
  /** In the order they were added. */
  contacts(): readonly Contact[]

  /** One person's side of a conversation has at most one message with an id. */
  message(conversation: AccountId, outgoing: boolean, id: MessageId): Message | undefined
  /** Outgoing or incoming, in any conversation: ids are random, so at most a sender's copy to himself has a twin. */
  findMessage(id: MessageId): Message | undefined
  /** Shown and outgoing messages of a conversation, oldest first: the last `limit` before position `before`. */
  history(conversation: AccountId, limit: number, before?: number): readonly Message[]
  /** Highest position given so far, 0 when none. */
  lastPosition(): number
  /** Held messages of one device, by `seq`. */
  held(device: DeviceId): readonly Message[]
  /** Devices with held messages. */
  heldDevices(): readonly DeviceId[]
  /** Held messages of a contact not yet accepted, in order of arrival. */
  heldOf(account: AccountId): readonly Message[]
  /** Outgoing messages without deliveries, because the contact's card was not known; by `seq`. */
  undispatched(account: AccountId): readonly Message[]

  deliveriesOf(messageId: MessageId): readonly Delivery[]
  /** Everything on its way, by `order`. Read once, at start. */
  deliveries(): readonly Delivery[]
  attempts(messageId: MessageId): readonly Attempt[]

  session(device: DeviceId): SessionRecord | undefined
  signedPreKeys(): readonly SignedPreKey[]
  kyberPreKeys(): readonly KyberPreKey[]
  /** Ids of the one-time keys handed to this relay and not yet used, the lowest first. */
  preKeysOf(relay: string): readonly number[]

  seen(envelopeId: EnvelopeId): { readonly messageId?: MessageId } | undefined
  invite(token: Uint8Array): OpenInvite | undefined
  invites(): readonly OpenInvite[]
  inbound(device: DeviceId): Inbound | undefined
  /** In the order they were added. */
  owed(): readonly OwedReceipt[]

  /** Events after `seq`, oldest first. */
  events(after: number, limit: number): readonly StoredEvent[]
  /** Highest event number ever given, also when the event is gone; 0 when none. */
  lastEventSeq(): number
}
