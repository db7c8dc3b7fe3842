/**
 * Puts what waits in a lane to the relays of its recipient: one at a time, as far as that one has room. One that keeps silent
 * is not waited for: after a moment the next gets the same message. One that signed for a message of which nothing has been
 * heard since is followed by the next, and comes last from then on: it may have kept nothing.
 */
import type { DeviceId } from '../../protocol/ids.ts'
import { inFlightMax, messageLifeMs, relaysMax } from '../../protocol/limits.ts'
import type { Sealing } from '../../protocol/wire/sealed.ts'
import type { Draft } from './draft.ts'
import { holderOf, type Entry, type Lane } from './lane.ts'
import type { OtherRelays } from './other-relays.ts'
import { recordAttempt } from './settling.ts'
import type { Encrypted } from './state.ts'

export interface DepositingInit {
  readonly sealing: Sealing
  readonly ownDevice: DeviceId
  readonly others: OtherRelays
}

/** Whoever sent something so long after a relay signed for ours has had the time to collect that. */
const collectMsMax = 10_000
/** What they sent about it may come just behind. */
const receiptMsMax = 2_000

export class Depositing {
  readonly #init: DepositingInit

  constructor(init: DepositingInit) {
    this.#init = init
  }

  /** The recipient's order, but those that were of no use lately come last. */
  inOrder(lane: Lane, relays: readonly string[]): readonly string[] {
    const { others } = this.#init
    const useless = (relay: string): boolean => lane.relayFailures.has(relay) || others.isSilent(relay)
    const [useful, rest] = [relays.filter((relay) => !useless(relay)), relays.filter(useless)]
    const doubted = (relay: string): boolean => lane.doubted.has(relay)
    return [...useful.filter((relay) => !doubted(relay)), ...useful.filter(doubted), ...rest]
  }

  /** `first` takes what no relay holds yet. Sets when the lane is to be moved again. */
  deposit(lane: Lane, first: string, relays: readonly string[], draft: Draft): void {
    // A relay that refused the last is tried with one: a full mailbox need not turn away a whole queue each time.
    const room = lane.relayRoom.get(first) ?? inFlightMax
    let inFlight = 0
    for (const entry of lane.entries()) {
      if (inFlight >= room) return
      const { delivery } = entry
      if (delivery.sealedFor === undefined) continue
      if (entry.depositAt.length > 0) {
        inFlight++
        this.#offerBesides(lane, entry, delivery.sealedFor, relays, draft)
        continue
      }
      if (entry.offerFromMs > draft.nowMs) {
        lane.wakeMs = Math.min(lane.wakeMs, entry.offerFromMs)
        continue
      }
      inFlight++
      const holder = holderOf(entry)?.relay
      const relay = holder === undefined ? first : (this.#next(lane, holder, relays, draft) ?? first)
      if (holder !== undefined && holder !== relay) doubt(lane, entry, holder, relays, draft)
      this.#offer(lane, entry, relay, delivery.sealedFor, draft)
      if (holder === undefined) this.#offerBesides(lane, entry, delivery.sealedFor, relays, draft)
    }
  }

  /**
   * Their device sent something at `sentMs`: it is there, and should have collected what a relay has held for it for a
   * while. Clocks that differ cost an offer too many, or none for now.
   */
  heardFrom(lane: Lane, relays: readonly string[], sentMs: number, draft: Draft): void {
    if (relays.length < 2) return
    for (const entry of lane.entries()) {
      const holder = holderOf(entry)
      if (holder === undefined || holder.atMs + collectMsMax > sentMs || entry.hastened >= relaysMax - 1) continue
      entry.hastened++
      entry.offerFromMs = Math.min(entry.offerFromMs, draft.nowMs + receiptMsMax)
      lane.wakeMs = Math.min(lane.wakeMs, entry.offerFromMs)
    }
  }

  /** To one more relay, when those that have it have kept silent for too long. */
  #offerBesides(lane: Lane, entry: Entry, sealed: Encrypted, relays: readonly string[], draft: Draft): void {
    const silent = entry.depositAt.at(-1)
    if (silent === undefined || holderOf(entry) !== undefined || entry.depositAt.length >= relays.length) return
    const { others } = this.#init
    const untilMs = others.patientUntilMs(silent, entry.depositMs, sealed.ciphertext.length)
    if (untilMs > draft.nowMs) {
      lane.wakeMs = Math.min(lane.wakeMs, untilMs)
      return
    }
    others.keepsSilent(silent)
    const next = this.inOrder(lane, relays).find(
      (relay) => !entry.depositAt.includes(relay) && (lane.relayFromMs.get(relay) ?? 0) <= draft.nowMs,
    )
    if (next === undefined) return
    recordAttempt(entry.delivery, 'relay', silent, 'no answer so far; another relay gets it too', draft)
    this.#offer(lane, entry, next, sealed, draft)
    this.#offerBesides(lane, entry, sealed, relays, draft)
  }

  /** The relay that has signed for it was of no use so far: the recipient may reach another of theirs. */
  #next(lane: Lane, after: string, relays: readonly string[], draft: Draft): string | undefined {
    const at = relays.indexOf(after) + 1
    const others = [...relays.slice(at), ...relays.slice(0, Math.max(at - 1, 0))]
    return this.inOrder(lane, others).find((relay) => (lane.relayFromMs.get(relay) ?? 0) <= draft.nowMs)
  }

  #offer(lane: Lane, entry: Entry, relay: string, sealedFor: Encrypted, draft: Draft): void {
    entry.depositAt = [...entry.depositAt, relay]
    entry.depositMs = draft.nowMs
    const { envelopeId: id, type, ciphertext } = sealedFor
    const message = { sender: this.#init.ownDevice, type, ciphertext }
    const sealed = this.#init.sealing.seal(lane.device, message, draft.random)
    const { urgency } = entry.delivery
    // A clock that was ahead when this was said, and has been put right: no relay would take it for days.
    const expiresMs = Math.min(entry.delivery.expiresMs, draft.nowMs + messageLifeMs)
    draft.act({ kind: 'deposit', relay, mailbox: lane.device, envelope: { id, urgency, expiresMs, sealed } })
  }
}

function doubt(lane: Lane, entry: Entry, relay: string, relays: readonly string[], draft: Draft): void {
  const isTheirs = relays.includes(relay)
  if (isTheirs) lane.doubted.add(relay)
  entry.wentElsewhere = true
  const did = entry.claimed === undefined ? 'it signed for this' : 'it said that they have it'
  const since = isTheirs ? 'nothing has arrived since' : 'they have left it since'
  recordAttempt(entry.delivery, 'relay', relay, `${did}, and ${since}; another relay gets it too`, draft)
}
