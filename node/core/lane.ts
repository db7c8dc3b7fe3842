/**
 * A lane: everything on its way to one device, in order, with what is known of the ways there. Bookkeeping only; when and
 * how things move is decided in `outbox.ts`. Lanes live in memory and are rebuilt from the store: that something is
 * wanted is kept, that it is in flight is not.
 */
import type { AccountId, DeviceId, EnvelopeId, MessageId } from '../../protocol/ids.ts'
import { inFlightMax, reofferGrowth, reofferMsMax, reofferMsMin } from '../../protocol/limits.ts'
import { isCircuit } from './routes.ts'
import type { Delivery } from './state.ts'

/** One delivery, and where it is right now. */
export interface Entry {
  delivery: Delivery
  /** Sent over a link and not yet answered: which, and since when. */
  direct: { readonly link: number; readonly sinceMs: number } | undefined
  /** Offered to these relays and not yet answered, and when to the last of them. */
  depositAt: readonly string[]
  depositMs: number
  /** A stored one is offered to a relay again from then on. */
  offerFromMs: number
  /** A relay says that it has handed it over, and when it said so. Their device has not. */
  claimed?: { readonly relay: string; readonly atMs: number }
  /** How often that was brought forward, because its recipient showed signs of life and none of having it. */
  hastened: number
  /** Of a first message: which relays took it, and when, by whichever clock. */
  tookMs?: Map<string, number>
  /** More than one relay has had it, so that which of them was of use will not be known. */
  wentElsewhere: boolean
}

/** Whoever dials us after a relay took something for them most likely brings the receipt: it is given so long to come. */
const receiptMsMax = 1_000

/** Shared by all that are offered nowhere, which are most. */
export const nowhere: readonly string[] = []

export function without(relays: readonly string[], one: string): readonly string[] {
  const left = relays.filter((relay) => relay !== one)
  return left.length === 0 ? nowhere : left
}

/** The relay that took it last, by its own word, and when. */
export function holderOf({ claimed, delivery }: Entry): { readonly relay: string; readonly atMs: number } | undefined {
  return claimed ?? delivery.stored
}

export class Lane {
  readonly device: DeviceId
  readonly account: AccountId
  readonly #entries = new Map<MessageId, Entry>()
  readonly #byEnvelope = new Map<EnvelopeId, Entry>()

  /** The newest direct link, with the address it stands on. */
  link: { readonly number: number; readonly address: string } | undefined
  /** They opened that link: until then it may be to confirm what a relay has had for them. */
  receiptsUntilMs = 0
  /** Something was confirmed over that link: whoever is there takes what we send. */
  linkProved = false
  /** They answered over the link that they would not take it now: not before this over any link. */
  linkFromMs = 0
  linkRefusals = 0
  dialling = false
  /** Circuits are among what is being dialled. */
  calling = false
  dialFromMs = 0
  dialFailures = 0
  /** Dials that failed although they were here, and until when no sign of them is a reason to dial. */
  misses = 0
  missedUntilMs = 0
  headStartUntilMs = 0
  /** Relays that refused or did not answer, and when they are worth asking again. */
  readonly relayFromMs: Map<string, number> = new Map<string, number>()
  readonly relayFailures: Map<string, number> = new Map<string, number>()
  /** Relays that signed for something of which nothing was heard until another relay had it too. */
  readonly doubted: Set<string> = new Set<string>()
  /** How many deposits a relay is trusted with at once: one after a refusal, twice as many with each it takes. */
  readonly relayRoom: Map<string, number> = new Map<string, number>()
  /** A bundle is being asked for; the sources left to ask. */
  bundleSources: readonly string[] | undefined
  /** Which round of asking this is; answers to earlier ones come too late. */
  bundleRound = 0
  /** The places asked in this round that have not answered, and when the last of them was asked. */
  bundleAt: readonly string[] = nowhere
  bundleAskedMs = 0
  bundleFromMs = 0
  bundleFailures = 0
  /** The session is useless to the other side: encrypt nothing before a new one stands. */
  needsFreshSession = false
  resetMs = 0
  /** The last session was given up because nobody confirmed anything under it. */
  unheard = false
  resets = 0
  /** When this lane wants to be looked at again. */
  wakeMs = 0

  constructor(device: DeviceId, account: AccountId) {
    this.device = device
    this.account = account
  }

  /** From now on this is the link. */
  risen(link: NonNullable<Lane['link']>, nowMs: number): void {
    // A circuit that became a direct link stands for another moment: what is on its way over it need not go twice.
    const goesOn = this.link !== undefined && isCircuit(this.link.address) && !isCircuit(link.address)
    if (!goesOn) this.unsend()
    const isTheirs = !this.dialling || (isCircuit(link.address) && !this.calling)
    this.receiptsUntilMs = isTheirs ? nowMs + receiptMsMax : 0
    this.link = link
    this.linkProved = false
    this.dialling = false
    this.calling = false
    this.forgetMisses()
  }

  get size(): number {
    return this.#entries.size
  }

  /** In order of sending. */
  entries(): IterableIterator<Entry> {
    return this.#entries.values()
  }

  /** Forgets what was put off, and times to come, which a clock noted that was wrong. */
  putOffNoLonger(nowMs: number): void {
    this.linkFromMs = 0
    this.resetMs = 0
    this.receiptsUntilMs = 0
    this.headStartUntilMs = Math.min(this.headStartUntilMs, nowMs)
    this.bundleAskedMs = Math.min(this.bundleAskedMs, nowMs)
    for (const entry of this.#entries.values()) {
      entry.offerFromMs = Math.min(entry.offerFromMs, nowMs + reofferMsMax)
      entry.depositMs = Math.min(entry.depositMs, nowMs)
      const { direct } = entry
      if (direct !== undefined) entry.direct = { ...direct, sinceMs: Math.min(direct.sinceMs, nowMs) }
    }
  }

  /** What was sent over a link, or over any, and not answered is to be sent again. Says what that is. */
  unsend(link?: number): readonly Entry[] {
    const isOnIt = ({ direct }: Entry): boolean => direct !== undefined && (link === undefined || direct.link === link)
    const unsent = [...this.#entries.values()].filter(isOnIt)
    for (const entry of unsent) entry.direct = undefined
    return unsent
  }

  /** When the oldest of what was sent over a link and not answered was sent. Only the first few are sent at once. */
  get unansweredSinceMs(): number | undefined {
    let [oldestMs, looked]: [number | undefined, number] = [undefined, 0]
    for (const { direct } of this.#entries.values()) {
      if (looked++ === inFlightMax) break
      if (direct !== undefined) oldestMs = Math.min(oldestMs ?? direct.sinceMs, direct.sinceMs)
    }
    return oldestMs
  }

  entry(messageId: MessageId): Entry | undefined {
    return this.#entries.get(messageId)
  }

  entryOfEnvelope(id: EnvelopeId): Entry | undefined {
    return this.#byEnvelope.get(id)
  }

  add(delivery: Delivery): void {
    const entry: Entry = {
      delivery,
      direct: undefined,
      depositAt: nowhere,
      depositMs: 0,
      offerFromMs: offerAgainMs(delivery),
      hastened: 0,
      wentElsewhere: false,
    }
    this.#entries.set(delivery.messageId, entry)
    if (delivery.sealedFor !== undefined) this.#byEnvelope.set(delivery.sealedFor.envelopeId, entry)
  }

  /** Replaces an entry's delivery, keeping its place. */
  update(entry: Entry, delivery: Delivery): void {
    const before = entry.delivery.sealedFor?.envelopeId
    if (before !== undefined && before !== delivery.sealedFor?.envelopeId) this.#byEnvelope.delete(before)
    entry.delivery = delivery
    if (delivery.sealedFor !== undefined) this.#byEnvelope.set(delivery.sealedFor.envelopeId, entry)
  }

  remove(entry: Entry): void {
    this.#entries.delete(entry.delivery.messageId)
    if (entry.delivery.sealedFor !== undefined) this.#byEnvelope.delete(entry.delivery.sealedFor.envelopeId)
  }

  /** A user waits for something here that no relay has signed for, or not lately. */
  isAwaited(nowMs: number): boolean {
    for (const { delivery, offerFromMs } of this.#entries.values()) {
      if (delivery.visible && offerFromMs <= nowMs) return true
    }
    return false
  }

  /** They or we are elsewhere now, or a link stands after all. */
  forgetMisses(): void {
    this.misses = 0
    this.missedUntilMs = 0
  }

  /** Lowest position in the conversation that this device has not confirmed; 0 when nothing visible waits. */
  get floor(): number {
    for (const { delivery } of this.#entries.values()) if (delivery.seq > 0) return delivery.seq
    return 0
  }
}

/** When a delivery is next to be offered to a relay: at once, or a good while after one has signed for it. */
export function offerAgainMs({ stored, sentMs }: Pick<Delivery, 'stored' | 'sentMs'>): number {
  if (stored === undefined) return 0
  return stored.atMs + Math.min(reofferMsMax, Math.max(reofferMsMin, reofferGrowth * (stored.atMs - sentMs)))
}
