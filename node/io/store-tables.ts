/**
 * Every table of a device's store in memory, the ways its rows are found, and what each change does to them. The answers
 * are read off in `store-memory.ts`.
 */
import { bytesToHex } from '../../protocol/hex.ts'
import type { AccountId, DeviceId, EnvelopeId, MessageId } from '../../protocol/ids.ts'
import { attemptsKeptMax } from '../../protocol/limits.ts'
import type { BaseKeyMark, KyberPreKey, SessionRecord, SignedPreKey } from '../../protocol/session/types.ts'
import type { Change } from '../core/effects.ts'
import type {
  Attempt,
  Contact,
  Delivery,
  Inbound,
  Message,
  OpenInvite,
  OwedReceipt,
  PooledPreKey,
  StoredEvent,
} from '../core/state.ts'
import { Table, UndoLog, type Group } from './store-table.ts'

interface Seen {
  readonly envelopeId: EnvelopeId
  readonly messageId?: MessageId
  readonly untilMs: number
}

export class Tables {
  readonly undo: UndoLog = new UndoLog()
  readonly facts: Table<Uint8Array> = new Table(this.undo)
  readonly contacts: Table<Contact> = new Table(this.undo)
  readonly messages: Table<Message> = new Table(this.undo)
  readonly deliveries: Table<Delivery> = new Table(this.undo)
  readonly attempts: Table<readonly Attempt[]> = new Table(this.undo)
  readonly sessions: Table<SessionRecord> = new Table(this.undo)
  readonly preKeys: Table<PooledPreKey> = new Table(this.undo)
  readonly signedPreKeys: Table<SignedPreKey> = new Table(this.undo)
  readonly kyberPreKeys: Table<KyberPreKey> = new Table(this.undo)
  readonly baseKeys: Table<BaseKeyMark> = new Table(this.undo)
  readonly seen: Table<Seen> = new Table(this.undo)
  /** Nothing in `seen` has ever ended before this, so that for a month no sweep has anything to look for. */
  seenUntilMs: number = Number.POSITIVE_INFINITY
  readonly invites: Table<OpenInvite> = new Table(this.undo)
  readonly inbound: Table<Inbound> = new Table(this.undo)
  readonly owed: Table<OwedReceipt> = new Table(this.undo)
  readonly events: Table<StoredEvent> = new Table(this.undo)
  /** Numbers that outlive the rows they were given to. */
  readonly highest: Table<number> = new Table(this.undo)

  readonly contactsByName: Group<Contact> = this.contacts.groupedBy((c) => c.name)
  readonly contactsByDevice: Group<Contact> = this.contacts.groupedBy((c) => c.card?.devices.map((d) => d.device) ?? [])
  readonly messagesById: Group<Message> = this.messages.groupedBy((m) => m.id)
  readonly history: Group<Message> = this.messages.groupedBy((m) => (m.position > 0 ? m.conversation : undefined))
  readonly heldByDevice: Group<Message> = this.messages.groupedBy((m) =>
    m.state === 'held' && m.device !== undefined ? m.device : undefined,
  )
  readonly heldByAccount: Group<Message> = this.messages.groupedBy((m) =>
    m.state === 'held' ? m.conversation : undefined,
  )
  readonly undispatched: Group<Message> = this.messages.groupedBy((m) =>
    m.outgoing && m.dispatched === false ? m.conversation : undefined,
  )
  readonly deliveriesByMessage: Group<Delivery> = this.deliveries.groupedBy((d) => d.messageId)
  readonly preKeysByRelay: Group<PooledPreKey> = this.preKeys.groupedBy((k) => k.relay)
  readonly baseKeysBySigned: Group<BaseKeyMark> = this.baseKeys.groupedBy((m) => `${m.signedPreKeyId}`)
  readonly baseKeysByKyber: Group<BaseKeyMark> = this.baseKeys.groupedBy((m) => `${m.kyberPreKeyId}`)

  copy(): Tables {
    const copy = new Tables()
    copy.seenUntilMs = this.seenUntilMs
    for (const [name, table] of Object.entries(this)) {
      if (table instanceof Table) (copy[name as keyof Tables] as Table<unknown>).takeFrom(table)
    }
    return copy
  }
}

export function applyTo(t: Tables, change: Change): void {
  switch (change.kind) {
    case 'put-fact':
      return t.facts.put(change.key, change.value)
    case 'put-contact':
      return t.contacts.put(change.contact.account, change.contact)
    case 'put-message':
      return putMessage(t, change.message)
    case 'put-delivery':
      return t.deliveries.put(deliveryKey(change.delivery.messageId, change.delivery.device), change.delivery)
    case 'drop-delivery':
      return dropDelivery(t, change.messageId, change.device)
    case 'add-attempt':
      return addAttempt(t, change.attempt)
    case 'put-session':
      return t.sessions.put(change.device, change.record)
    case 'add-prekeys':
      return change.preKeys.forEach((preKey) => t.preKeys.put(`${preKey.id}`, preKey))
    case 'drop-prekey':
      return t.preKeys.drop(`${change.id}`)
    case 'put-signed-prekey':
      return t.signedPreKeys.put(`${change.preKey.id}`, change.preKey)
    case 'drop-signed-prekey':
      dropMarks(t, t.baseKeysBySigned.of(`${change.id}`))
      return t.signedPreKeys.drop(`${change.id}`)
    case 'put-kyber-prekey':
      return t.kyberPreKeys.put(`${change.preKey.id}`, change.preKey)
    case 'drop-kyber-prekey':
      dropMarks(t, t.baseKeysByKyber.of(`${change.id}`))
      return t.kyberPreKeys.drop(`${change.id}`)
    case 'add-base-key':
      return t.baseKeys.put(markKey(change.mark), change.mark)
    case 'add-seen':
      t.seenUntilMs = Math.min(t.seenUntilMs, change.untilMs)
      return t.seen.put(change.envelopeId, change)
    case 'sweep-seen':
      return sweepSeen(t, change.beforeMs)
    case 'put-invite':
      return t.invites.put(bytesToHex(change.invite.token), change.invite)
    case 'drop-invite':
      return t.invites.drop(bytesToHex(change.token))
    case 'put-inbound':
      return t.inbound.put(change.inbound.device, change.inbound)
    case 'add-owed':
      return t.owed.put(owedKey(change.owed), change.owed)
    case 'drop-owed':
      return t.owed.drop(owedKey(change.owed))
    case 'add-event':
      t.events.put(`${change.stored.seq}`, change.stored)
      return raise(t, 'event', change.stored.seq)
    case 'drop-events':
      return t.events.dropWhere((stored) => stored.seq <= change.upTo)
  }
}

export function messageKey(conversation: AccountId, outgoing: boolean, id: MessageId): string {
  return `${conversation} ${outgoing ? 'to' : 'from'} ${id}`
}

function deliveryKey(messageId: MessageId, device: DeviceId): string {
  return `${messageId} ${device}`
}

export function markKey(mark: BaseKeyMark): string {
  return `${mark.signedPreKeyId} ${mark.kyberPreKeyId} ${bytesToHex(mark.baseKey)}`
}

function owedKey(owed: OwedReceipt): string {
  return `${owed.account} ${owed.messageId} ${owed.state}`
}

function putMessage(t: Tables, message: Message): void {
  t.messages.put(messageKey(message.conversation, message.outgoing, message.id), message)
  raise(t, 'position', message.position)
}

function dropDelivery(t: Tables, messageId: MessageId, device: DeviceId): void {
  t.deliveries.drop(deliveryKey(messageId, device))
  const isAskedAbout = t.messagesById.count(messageId) > 0 || t.deliveriesByMessage.count(messageId) > 0
  if (!isAskedAbout) t.attempts.drop(messageId)
}

/** The first attempt stays, because it says when and how this began; the rest are the newest. */
function addAttempt(t: Tables, attempt: Attempt): void {
  const kept = t.attempts.get(attempt.messageId) ?? []
  const room = kept.length < attemptsKeptMax ? kept : [...kept.slice(0, 1), ...kept.slice(2)]
  t.attempts.put(attempt.messageId, [...room, attempt])
}

function sweepSeen(t: Tables, beforeMs: number): void {
  if (t.seenUntilMs >= beforeMs) return
  t.seen.dropWhere(({ untilMs }) => untilMs < beforeMs)
}

function dropMarks(t: Tables, marks: readonly BaseKeyMark[]): void {
  for (const mark of marks) t.baseKeys.drop(markKey(mark))
}

function raise(t: Tables, what: 'event' | 'position', value: number): void {
  if (value > (t.highest.get(what) ?? 0)) t.highest.put(what, value)
}
