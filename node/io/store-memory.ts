/**
 * A device's store in memory: what the simulator runs on, and the plainest account of what a store must answer. Nothing
 * here waits, draws chance or touches the machine, and a commit costs no more than what was changed in it.
 */
import { bytesToHex } from '../../protocol/hex.ts'
import { LocalError } from '../../protocol/errors.ts'
import type { AccountId, DeviceId, EnvelopeId, MessageId } from '../../protocol/ids.ts'
import type { BaseKeyMark, KyberPreKey, PreKey, SessionRecord, SignedPreKey } from '../../protocol/session/types.ts'
import type { Change, FactKey } from '../core/effects.ts'
import type {
  Attempt,
  Contact,
  Delivery,
  Inbound,
  Message,
  OpenInvite,
  OwedReceipt,
  StoredEvent,
} from '../core/state.ts'
import type { DeviceStore } from './store.ts'
import { applyTo, markKey, messageKey, Tables } from './store-tables.ts'

export class MemoryStore implements DeviceStore {
  readonly #tables: Tables
  #closed = false

  constructor(tables: Tables = new Tables()) {
    this.#tables = tables
  }

  /**
   * What a new process would find: only what was committed. This store is closed by it, so that whatever still holds it
   * is heard of.
   */
  reopen(): MemoryStore {
    this.close()
    return new MemoryStore(this.#tables)
  }

  /** Another store with what is committed here, from which both go their own ways. */
  copy(): MemoryStore {
    if (this.#open.undo.open) throw new LocalError('a store is copied between transactions')
    return new MemoryStore(this.#tables.copy())
  }

  close(): void {
    if (this.#closed) return
    this.#tables.undo.rollback()
    this.#closed = true
  }

  backup(): Promise<void> {
    return Promise.reject(new LocalError('a store in memory has no file to back up to'))
  }

  begin(): void {
    this.#open.undo.begin()
  }

  commit(): void {
    this.#open.undo.commit()
  }

  rollback(): void {
    this.#open.undo.rollback()
  }

  apply(change: Change): void {
    const t = this.#open
    if (!t.undo.open) throw new LocalError('changes are applied inside a transaction')
    applyTo(t, change)
  }

  fact(key: FactKey): Uint8Array | undefined {
    return this.#open.facts.get(key)
  }

  contact(account: AccountId): Contact | undefined {
    return this.#open.contacts.get(account)
  }

  contactOfDevice(device: DeviceId): Contact | undefined {
    return this.#open.contactsByDevice.first(device)
  }

  contactNamed(name: string): Contact | undefined {
    return this.#open.contactsByName.first(name)
  }

  contacts(): readonly Contact[] {
    return this.#open.contacts.values()
  }

  message(conversation: AccountId, outgoing: boolean, id: MessageId): Message | undefined {
    return this.#open.messages.get(messageKey(conversation, outgoing, id))
  }

  findMessage(id: MessageId): Message | undefined {
    const twins = this.#open.messagesById.of(id)
    return twins.find((m) => m.outgoing) ?? twins[0]
  }

  history(conversation: AccountId, limit: number, before: number = Number.MAX_SAFE_INTEGER): readonly Message[] {
    const shown = this.#open.history.of(conversation).filter((m) => m.position < before)
    return limit <= 0 ? [] : shown.toSorted((a, b) => a.position - b.position).slice(-limit)
  }

  lastPosition(): number {
    return this.#open.highest.get('position') ?? 0
  }

  held(device: DeviceId): readonly Message[] {
    return this.#open.heldByDevice.of(device).toSorted(bySeq)
  }

  heldDevices(): readonly DeviceId[] {
    return this.#open.heldByDevice.names() as DeviceId[]
  }

  heldOf(account: AccountId): readonly Message[] {
    return this.#open.heldByAccount.of(account)
  }

  undispatched(account: AccountId): readonly Message[] {
    return this.#open.undispatched.of(account).toSorted(bySeq)
  }

  deliveriesOf(messageId: MessageId): readonly Delivery[] {
    return this.#open.deliveriesByMessage.of(messageId).toSorted(byOrder)
  }

  deliveries(): readonly Delivery[] {
    return this.#open.deliveries.values().toSorted(byOrder)
  }

  attempts(messageId: MessageId): readonly Attempt[] {
    return this.#open.attempts.get(messageId) ?? []
  }

  session(device: DeviceId): SessionRecord | undefined {
    return this.#open.sessions.get(device)
  }

  preKey(id: number): PreKey | undefined {
    return this.#open.preKeys.get(`${id}`)
  }

  signedPreKey(id: number): SignedPreKey | undefined {
    return this.#open.signedPreKeys.get(`${id}`)
  }

  kyberPreKey(id: number): KyberPreKey | undefined {
    return this.#open.kyberPreKeys.get(`${id}`)
  }

  wasBaseKeyUsed(mark: BaseKeyMark): boolean {
    return this.#open.baseKeys.get(markKey(mark)) !== undefined
  }

  signedPreKeys(): readonly SignedPreKey[] {
    return this.#open.signedPreKeys.values().toSorted(byId)
  }

  kyberPreKeys(): readonly KyberPreKey[] {
    return this.#open.kyberPreKeys.values().toSorted(byId)
  }

  preKeysOf(relay: string): readonly number[] {
    return this.#open.preKeysByRelay
      .of(relay)
      .map(({ id }) => id)
      .toSorted((a, b) => a - b)
  }

  seen(envelopeId: EnvelopeId): { readonly messageId?: MessageId } | undefined {
    const seen = this.#open.seen.get(envelopeId)
    if (seen === undefined) return undefined
    return seen.messageId === undefined ? {} : { messageId: seen.messageId }
  }

  invite(token: Uint8Array): OpenInvite | undefined {
    return this.#open.invites.get(bytesToHex(token))
  }

  invites(): readonly OpenInvite[] {
    return this.#open.invites.values()
  }

  inbound(device: DeviceId): Inbound | undefined {
    return this.#open.inbound.get(device)
  }

  owed(): readonly OwedReceipt[] {
    return this.#open.owed.values()
  }

  events(after: number, limit: number): readonly StoredEvent[] {
    const later = this.#open.events.values().filter((e) => e.seq > after)
    return limit <= 0 ? [] : later.toSorted(bySeq).slice(0, limit)
  }

  lastEventSeq(): number {
    return this.#open.highest.get('event') ?? 0
  }

  get #open(): Tables {
    if (this.#closed) throw new LocalError('the store is closed')
    return this.#tables
  }
}

function bySeq(a: { readonly seq: number }, b: { readonly seq: number }): number {
  return a.seq - b.seq
}

function byId(a: SignedPreKey, b: SignedPreKey): number {
  return a.id - b.id
}

function byOrder(a: Delivery, b: Delivery): number {
  return a.order - b.order
}
