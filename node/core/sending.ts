/**
 * Moves a lane: encrypts what has no ciphertext yet, asks which path is open, and puts on it what the path has room for.
 * The same ciphertext goes by every path; whoever confirms first settles it. Does not interpret answers: see `outbox.ts`.
 */
import { peerIdOf, type DeviceId } from '../../protocol/ids.ts'
import {
  headStartMs,
  inFlightMax,
  linkPatienceMs,
  patientHeadStartMs,
  requestMsMax,
  retryMsMax,
} from '../../protocol/limits.ts'
import type { SignedCard } from '../../protocol/wire/card.ts'
import type { Introduction } from '../../protocol/wire/content.ts'
import { backoffMs } from './backoff.ts'
import type { ConversationSessions } from './conversation-sessions.ts'
import type { Depositing } from './depositing.ts'
import type { Draft } from './draft.ts'
import { holderOf, type Entry, type Lane } from './lane.ts'
import type { Nearby } from './nearby.ts'
import { choosePath, isCircuit } from './routes.ts'
import type { Contact } from './state.ts'

export interface SendingInit {
  readonly sessions: ConversationSessions
  readonly depositing: Depositing
  readonly ownCard: () => SignedCard | undefined
  readonly nearby: Nearby
  /** No session to encrypt with: ask for a bundle, if it is time to. */
  readonly wantBundle: (lane: Lane, contact: Contact, draft: Draft) => void
}

const never = Number.POSITIVE_INFINITY
/** Who is there and yet was not reached is behind a router, most likely: that changes seldom, and then their card tells. */
const unreached = { minMs: 3_600_000, maxMs: retryMsMax }

export class Sending {
  readonly #init: SendingInit

  constructor(init: SendingInit) {
    this.#init = init
  }

  /** Sets `lane.wakeMs` to when it wants to be moved again. */
  move(lane: Lane, draft: Draft): void {
    lane.wakeMs = never
    const contact = draft.contact(lane.account)
    if (lane.size === 0 || contact?.card === undefined || contact.state === 'blocked') return
    lane.wakeMs = earliestExpiry(lane)
    if (!this.#encryptAll(lane, contact, draft)) return
    // What the dial began for could wait; something else cannot.
    const soonMs = draft.nowMs + headStartMs
    if (lane.headStartUntilMs > soonMs && lane.isAwaited(draft.nowMs)) lane.headStartUntilMs = soonMs

    const { depositing } = this.#init
    const path = choosePath(
      {
        linked: lane.link !== undefined && lane.linkFromMs <= draft.nowMs,
        doubtful: isSilent(lane, draft.nowMs),
        dialling: lane.dialling,
        dialable: lane.link === undefined && !lane.dialling && this.#isDialable(lane, contact, draft),
        dialFromMs: lane.dialFromMs,
        dialFailures: lane.dialFailures,
        headStartUntilMs: lane.headStartUntilMs,
        relays: depositing.inOrder(lane, contact.card.relays).map((relay) => ({
          relay,
          fromMs: lane.relayFromMs.get(relay) ?? 0,
        })),
      },
      draft.nowMs,
    )
    if (path.dial) this.#dial(lane, contact, draft)
    else if (lane.dialling && !lane.calling) this.#call(lane, contact, draft)
    const linkMs = lane.link !== undefined && lane.linkFromMs > draft.nowMs ? lane.linkFromMs : never
    lane.wakeMs = Math.min(lane.wakeMs, path.againMs, path.dial ? lane.headStartUntilMs : never, linkMs)
    if (path.direct) this.#sendDirect(lane, draft)
    if (path.relay !== undefined) depositing.deposit(lane, path.relay, contact.card.relays, draft)
  }

  heardFrom(lane: Lane, relays: readonly string[], sentMs: number, draft: Draft): void {
    this.#init.depositing.heardFrom(lane, relays, sentMs, draft)
  }

  /** False when something waits for a session. In order: a message never overtakes an earlier one for want of a key. */
  #encryptAll(lane: Lane, contact: Contact, draft: Draft): boolean {
    for (const entry of lane.entries()) {
      if (entry.delivery.sealedFor !== undefined) continue
      const ready = !lane.needsFreshSession && this.#init.sessions.has(lane.device, draft)
      if (!ready || !this.#encrypt(lane, entry, contact, draft)) {
        this.#init.wantBundle(lane, contact, draft)
        // While a bundle is asked for, its answer moves the lane.
        if (lane.bundleSources === undefined) lane.wakeMs = Math.min(lane.wakeMs, lane.bundleFromMs)
        return false
      }
    }
    return true
  }

  #encrypt(lane: Lane, entry: Entry, contact: Contact, draft: Draft): boolean {
    const { delivery } = entry
    const introduction = contact.introduced ? undefined : this.#introduction(contact)
    const sealedFor = this.#init.sessions.encrypt(
      lane.device,
      {
        id: delivery.messageId,
        sentMs: delivery.sentMs,
        seq: delivery.seq,
        floor: lane.floor,
        ...(introduction && { introduction }),
        body: delivery.body,
      },
      draft,
    )
    if (sealedFor === undefined) return false
    const next = { ...delivery, sealedFor }
    lane.update(entry, next)
    draft.keep({ kind: 'put-delivery', delivery: next })
    return true
  }

  #introduction(contact: Contact): Introduction | undefined {
    const card = this.#init.ownCard()
    return card && { card, ...(contact.token && { token: contact.token }) }
  }

  #dial(lane: Lane, contact: Contact, draft: Draft): void {
    const addresses = this.#places(lane, contact, draft)
    lane.dialling = true
    lane.calling = addresses.some(isCircuit)
    lane.headStartUntilMs = draft.nowMs + (lane.isAwaited(draft.nowMs) ? headStartMs : patientHeadStartMs)
    draft.act({ kind: 'dial', device: lane.device, addresses })
  }

  /** They have been heard of since a dial of direct addresses began, which may take seconds to fail behind a router. */
  #call(lane: Lane, contact: Contact, draft: Draft): void {
    if (!this.#init.nearby.isHere(lane.device, draft.nowMs)) return
    const addresses = addressesOf(contact, lane.device).filter(isCircuit)
    if (addresses.length === 0) return
    lane.calling = true
    draft.act({ kind: 'dial', device: lane.device, addresses })
  }

  /** What nobody waits for is no reason to dial while a relay would take it, unless they are there to be reached. */
  #isWorthADial(lane: Lane, contact: Contact, draft: Draft): boolean {
    const { nearby } = this.#init
    if (lane.isAwaited(draft.nowMs) || nearby.isHere(lane.device, draft.nowMs)) return true
    if (nearby.of(lane.device, draft.nowMs).length > 0) return true
    const relays = contact.card?.relays ?? []
    return !relays.some((relay) => (lane.relayFromMs.get(relay) ?? 0) <= draft.nowMs)
  }

  #isDialable(lane: Lane, contact: Contact, draft: Draft): boolean {
    return this.#isWorthADial(lane, contact, draft) && this.#hasPlace(lane, contact, draft)
  }

  /**
   * A dial failed. If they are there, no sign of them is a reason to dial again for a good while; how soon one is to call
   * who lists circuits, `nearby.ts` decides.
   */
  missed(lane: Lane, contact: Contact | undefined, draft: Draft): void {
    if (contact === undefined || listedAddresses(contact, lane.device).some(isCircuit)) return
    if (!this.#init.nearby.isHere(lane.device, draft.nowMs)) return
    lane.misses++
    lane.missedUntilMs = draft.nowMs + backoffMs(lane.misses, unreached, draft.random)
  }

  #hasPlace({ device }: Lane, contact: Contact, { nowMs }: Draft): boolean {
    const listed = listedAddresses(contact, device)
    const here = this.#init.nearby.isHere(device, nowMs)
    return listed.some((address) => here || !isCircuit(address)) || this.#init.nearby.of(device, nowMs).length > 0
  }

  /** Circuits only to who seems to be there. */
  #places({ device }: Lane, contact: Contact, { nowMs }: Draft): readonly string[] {
    const { nearby } = this.#init
    const listed = nearby.isHere(device, nowMs) ? addressesOf(contact, device) : directAddressesOf(contact, device)
    return [...new Set([...nearby.of(device, nowMs), ...listed])]
  }

  #sendDirect(lane: Lane, draft: Draft): void {
    const link = lane.link
    if (link === undefined) return
    let inFlight = 0
    for (const entry of lane.entries()) {
      if (inFlight >= inFlightMax) break
      inFlight++
      if (entry.direct !== undefined) {
        lane.wakeMs = Math.min(lane.wakeMs, nextDoubtMs(entry.direct.sinceMs, draft.nowMs))
        continue
      }
      const { sealedFor } = entry.delivery
      if (sealedFor === undefined) continue
      if (draft.nowMs < lane.receiptsUntilMs && holderOf(entry) !== undefined) {
        lane.wakeMs = Math.min(lane.wakeMs, lane.receiptsUntilMs)
        continue
      }
      entry.direct = { link: link.number, sinceMs: draft.nowMs }
      lane.wakeMs = Math.min(lane.wakeMs, nextDoubtMs(draft.nowMs, draft.nowMs))
      const { envelopeId: id, type, ciphertext } = sealedFor
      draft.act({ kind: 'send', link: link.number, frame: { kind: 'message', id, type, ciphertext } })
    }
  }
}

/** Where a device may be dialled, as full multiaddrs. */
export function addressesOf(contact: Contact, device: DeviceId): readonly string[] {
  return fully(listedAddresses(contact, device), device)
}

function fully(listed: readonly string[], device: DeviceId): readonly string[] {
  return listed.length === 0 ? listed : listed.map((address) => `${address}/p2p/${peerIdOf(device)}`)
}

function listedAddresses(contact: Contact, device: DeviceId): readonly string[] {
  return contact.card?.devices.find((d) => d.device === device)?.addresses ?? []
}

/** Those of them that lead there without a relay between: for questions that are asked without saying who asks. */
export function directAddressesOf(contact: Contact, device: DeviceId): readonly string[] {
  return fully(
    listedAddresses(contact, device).filter((address) => !isCircuit(address)),
    device,
  )
}

function isSilent({ unansweredSinceMs }: Lane, nowMs: number): boolean {
  return unansweredSinceMs !== undefined && unansweredSinceMs + linkPatienceMs <= nowMs
}

/** When something sent over a link is next worth a thought: first the link is doubted, then it is closed. */
function nextDoubtMs(sinceMs: number, nowMs: number): number {
  return sinceMs + linkPatienceMs > nowMs ? sinceMs + linkPatienceMs : sinceMs + requestMsMax
}

/** Entries stand in order of sending and live equally long, so the first is the first to expire. */
function earliestExpiry(lane: Lane): number {
  for (const { delivery } of lane.entries()) return delivery.expiresMs
  return never
}
