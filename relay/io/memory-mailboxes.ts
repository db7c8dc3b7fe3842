/** The memory store's waiting envelopes and tombstones. */
import type { DeviceId, EnvelopeId } from '../../protocol/ids.ts'
import { clockSkewMsMax, messageLifeMs, urgencyMax } from '../../protocol/limits.ts'
import type { Envelope, LossReason, Tombstone } from '../../protocol/wire/mailbox.ts'
import type { Reached } from '../core/reached.ts'
import type { Answer, Ask, Census, Enqueued, LostEnvelope, QuietLimit } from '../core/store-calls.ts'
import type { MemoryDirectory } from './memory-directory.ts'
import { fullBy, type StoreLimits } from './store.ts'

interface Waiting {
  readonly envelope: Envelope
  readonly storedMs: number
}

class Mailbox {
  /** In the order they came. */
  readonly waiting = new Map<EnvelopeId, Waiting>()
  readonly tombstones = new Map<EnvelopeId, Tombstone>()
  bytes = 0

  copy(): Mailbox {
    const copy = new Mailbox()
    for (const [id, waiting] of this.waiting) copy.waiting.set(id, waiting)
    for (const [id, tombstone] of this.tombstones) copy.tombstones.set(id, tombstone)
    copy.bytes = this.bytes
    return copy
  }
}

export class MemoryMailboxes {
  readonly #limits: StoreLimits
  readonly #directory: MemoryDirectory
  readonly #reached: Reached<QuietLimit>
  readonly #mailboxes = new Map<DeviceId, Mailbox>()
  #bytes = 0

  /** Holds what `from` holds at this moment, and nothing at first without it. */
  constructor(limits: StoreLimits, directory: MemoryDirectory, reached: Reached<QuietLimit>, from?: MemoryMailboxes) {
    this.#limits = limits
    this.#reached = reached
    this.#directory = directory
    if (from === undefined) return
    for (const [device, mailbox] of from.#mailboxes) this.#mailboxes.set(device, mailbox.copy())
    this.#bytes = from.#bytes
  }

  enqueue({ mailbox: device, envelope, nowMs }: Ask<'enqueue'>): Enqueued {
    if (!this.#directory.has(device)) return { state: 'unknown-mailbox' }
    const mailbox = this.#of(device)
    const held = mailbox.waiting.get(envelope.id)
    if (held !== undefined) {
      return { state: 'duplicate', storedMs: held.storedMs, expiresMs: held.envelope.expiresMs }
    }
    const size = envelope.sealed.length
    if (this.#bytes + size > this.#limits.relayBytesMax) return { state: 'crowded' }
    const victims = this.#victims(mailbox, envelope)
    if (!Array.isArray(victims)) return { state: 'full', limit: victims }
    for (const id of victims) this.#drop(mailbox, id, 'pruned', nowMs)
    mailbox.waiting.set(envelope.id, { envelope, storedMs: nowMs })
    mailbox.tombstones.delete(envelope.id)
    this.#count(mailbox, size)
    return { state: 'stored', storedMs: nowMs, expiresMs: envelope.expiresMs, pruned: victims }
  }

  page(ask: Ask<'page'>): Answer<'page'> {
    const except = new Set(ask.except)
    const envelopes: Envelope[] = []
    let bytes = 0
    for (const { envelope } of this.#ordered(ask.mailbox)) {
      if (envelope.expiresMs <= ask.nowMs || except.has(envelope.id)) continue
      bytes += envelope.sealed.length + ask.overheadBytes
      const fits = envelopes.length < ask.countMax && (bytes <= ask.bytesMax || envelopes.length === 0)
      if (!fits) return { envelopes, more: true }
      envelopes.push(envelope)
    }
    return { envelopes, more: false }
  }

  ack({ mailbox: device, ids }: Ask<'ack'>): Answer<'ack'> {
    const mailbox = this.#mailboxes.get(device)
    const storedMs: number[] = []
    for (const id of ids) {
      mailbox?.tombstones.delete(id)
      const waiting = mailbox?.waiting.get(id)
      if (mailbox === undefined || waiting === undefined) continue
      this.#remove(mailbox, id)
      storedMs.push(waiting.storedMs)
    }
    return { deleted: storedMs.length, storedMs }
  }

  tombstones(ask: Ask<'tombstones'>): Answer<'tombstones'> {
    const except = new Set(ask.except)
    const all = [...(this.#mailboxes.get(ask.mailbox)?.tombstones.values() ?? [])].filter(({ id }) => !except.has(id))
    return { lost: all.slice(0, ask.countMax), more: all.length > ask.countMax }
  }

  sweep({ nowMs, countMax }: Ask<'sweep'>): Answer<'sweep'> {
    const lost: LostEnvelope[] = []
    for (const [device, mailbox] of this.#mailboxes) {
      for (const [id, { envelope }] of mailbox.waiting) {
        if (envelope.expiresMs > nowMs) continue
        if (lost.length >= countMax) return { lost, more: true, reached: this.#reached.take() }
        this.#drop(mailbox, id, 'expired', nowMs)
        lost.push({ mailbox: device, id, reason: 'expired' })
      }
      for (const [id, { atMs }] of mailbox.tombstones) {
        if (atMs <= nowMs - messageLifeMs - clockSkewMsMax) mailbox.tombstones.delete(id)
      }
    }
    const idle = this.#directory.dropIdle(nowMs)
    if (idle !== undefined) lost.push(...this.#giveUp(idle))
    return { lost, more: idle !== undefined, reached: this.#reached.take() }
  }

  census(): Pick<Census, 'messages' | 'messageBytes' | 'byUrgency' | 'oldestMs' | 'tombstones'> {
    const mailboxes = [...this.#mailboxes.values()]
    const waiting = mailboxes.flatMap((mailbox) => [...mailbox.waiting.values()])
    const stored = waiting.map(({ storedMs }) => storedMs)
    const byUrgency = Array.from({ length: urgencyMax + 1 }, () => 0)
    for (const { envelope } of waiting) byUrgency[envelope.urgency] = (byUrgency[envelope.urgency] ?? 0) + 1
    return {
      messages: stored.length,
      messageBytes: this.#bytes,
      byUrgency,
      oldestMs: stored.length === 0 ? undefined : stored.reduce((a, b) => Math.min(a, b)),
      tombstones: mailboxes.reduce((sum, mailbox) => sum + mailbox.tombstones.size, 0),
    }
  }

  /** The least urgent, then oldest, that must go for the newcomer; the bound in its way when they are no less urgent than it. */
  #victims(mailbox: Mailbox, newcomer: Envelope): EnvelopeId[] | ReturnType<typeof fullBy> {
    const { mailboxMessagesMax, mailboxBytesMax } = this.#limits
    let count = mailbox.waiting.size + 1
    let bytes = mailbox.bytes + newcomer.sealed.length
    const victims: EnvelopeId[] = []
    const fits = (): boolean => count <= mailboxMessagesMax && bytes <= mailboxBytesMax
    const candidates = fits() ? [] : [...mailbox.waiting.values()].filter((w) => w.envelope.urgency > newcomer.urgency)
    candidates.sort((a, b) => b.envelope.urgency - a.envelope.urgency) // Stable, so the oldest of a class stay first.
    for (const { envelope } of candidates) {
      if (fits()) break
      victims.push(envelope.id)
      count -= 1
      bytes -= envelope.sealed.length
    }
    return fits() ? victims : fullBy(count - 1, this.#limits)
  }

  #ordered(device: DeviceId): Waiting[] {
    const waiting = [...(this.#mailboxes.get(device)?.waiting.values() ?? [])]
    return waiting.toSorted((a, b) => a.envelope.urgency - b.envelope.urgency)
  }

  #drop(mailbox: Mailbox, id: EnvelopeId, reason: LossReason, atMs: number): void {
    this.#remove(mailbox, id)
    mailbox.tombstones.set(id, { id, reason, atMs })
    if (mailbox.tombstones.size <= this.#limits.tombstonesMax) return
    this.#reached.count('tombstonesMax')
    const [oldest] = mailbox.tombstones.keys()
    if (oldest !== undefined) mailbox.tombstones.delete(oldest)
  }

  #remove(mailbox: Mailbox, id: EnvelopeId): boolean {
    const waiting = mailbox.waiting.get(id)
    if (waiting === undefined) return false
    this.#count(mailbox, -waiting.envelope.sealed.length)
    return mailbox.waiting.delete(id)
  }

  #giveUp(device: DeviceId): LostEnvelope[] {
    const mailbox = this.#mailboxes.get(device)
    if (mailbox === undefined) return []
    this.#mailboxes.delete(device)
    this.#bytes -= mailbox.bytes
    return [...mailbox.waiting.keys()].map((id) => ({ mailbox: device, id, reason: 'expired' }))
  }

  #count(mailbox: Mailbox, bytes: number): void {
    mailbox.bytes += bytes
    this.#bytes += bytes
  }

  #of(device: DeviceId): Mailbox {
    let mailbox = this.#mailboxes.get(device)
    if (mailbox === undefined) this.#mailboxes.set(device, (mailbox = new Mailbox()))
    return mailbox
  }
}
