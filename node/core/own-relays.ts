/**
 * Our own relays: stay connected to each, publish card and prekeys there, refill when they run low. A relay that is away is
 * tried again with a back-off short enough that a restart of it goes unnoticed. Which they are, and which of them the card
 * names, is decided in `homes.ts`. Does not collect messages: `inbox.ts`.
 */
import { preKeysLow } from '../../protocol/limits.ts'
import type { PublicPreKey } from '../../protocol/wire/directory.ts'
import { backoffMs } from './backoff.ts'
import type { Draft } from './draft.ts'
import type { Homes, RelayRole, Service } from './homes.ts'
import type { DirectoryAnswer, Input } from './inputs.ts'
import type { OwnCard } from './own-card.ts'
import type { PreKeyPool } from './prekey-pool.ts'
import { reconnectMs, type Said } from './reconnecting.ts'
import { keepTokens, type RelayTokens } from './relay-tokens.ts'
import { isLasting, refusalWords, type LastingRefusal } from './refusals.ts'

type Heard = Extract<Input, { kind: 'relay-lost' | 'relay-closing' | 'publish-answered' | 'prekeys-counted' }>

interface Standing extends Said {
  state: 'away' | 'connecting' | 'connected'
  sinceMs?: number
  failures: number
  fromMs: number
  reason?: string
  preKeysLeft?: number
  publishing: boolean
  /** Something changed while a publication was under way. */
  again: boolean
  publishFromMs: number
  /** It has taken our card since the link rose. */
  serves: boolean
  /** Attempts to have it serve us, in a row, that came to nothing. */
  misses: number
}

export interface OwnRelaysInit {
  readonly card: OwnCard
  readonly pool: PreKeyPool
  readonly homes: Homes
  /** The card names other relays than before: everybody is to be told. */
  readonly moved: (draft: Draft) => void
}

export interface RelayStanding {
  readonly relay: string
  readonly role: RelayRole
  readonly connected: boolean
  /** Since when it is, or is not. */
  readonly sinceMs?: number
  readonly reason?: string
  /** It said that it is shutting down; these are relays its operator names instead. */
  readonly elsewhere?: readonly string[]
  /** Why it keeps nothing for us, although it can be reached. */
  readonly refused?: LastingRefusal
  readonly preKeysLeft?: number
  /** Named, and not serving since. */
  readonly missedSinceMs?: number
  /** Off the card, and collected from until. */
  readonly untilMs?: number
}

const republish = { minMs: 2_000, maxMs: 600_000 }
const never = Number.POSITIVE_INFINITY

export class OwnRelays {
  readonly #init: OwnRelaysInit
  readonly #standings = new Map<string, Standing>()
  /** When time alone moves a relay on or off the card, or ends the collecting from one. */
  #reconsiderMs = never

  constructor(init: OwnRelaysInit) {
    this.#init = init
  }

  /** As the library shows them: those named, in the user's order, and then those that were left. */
  standings(): readonly RelayStanding[] {
    const { card, homes } = this.#init
    return [...new Set([...card.settings.relays, ...this.#standings.keys()])].map((relay) => {
      const known: Partial<Standing> = this.#standings.get(relay) ?? {}
      const { state, sinceMs, reason, closing, refused, preKeysLeft } = known
      const [missedSinceMs, untilMs] = [homes.missedSinceMs(relay), homes.leftUntilMs(relay)]
      return {
        relay,
        role: homes.roleOf(relay),
        connected: state === 'connected',
        ...(sinceMs !== undefined && { sinceMs }),
        ...(reason !== undefined && { reason }),
        ...(refused !== undefined && { refused, reason: refusalWords[refused] }),
        ...(closing !== undefined && { elsewhere: closing }),
        ...(preKeysLeft !== undefined && { preKeysLeft }),
        ...(missedSinceMs !== undefined && { missedSinceMs }),
        ...(untilMs !== undefined && { untilMs }),
      }
    })
  }

  /** The user named others, or nothing is connected yet. True when that made a new card. */
  choose(draft: Draft, tokens?: RelayTokens): boolean {
    keepTokens(tokens, draft)
    this.#tryRefusing(draft)
    this.#init.homes.named(draft)
    this.#attend(draft)
    return this.renewCard(draft)
  }

  /** Makes a new card if something in it changed, and publishes it; of other relays everybody is told. True when it did. */
  renewCard(draft: Draft): boolean {
    const { card } = this.#init
    const before = card.published?.relays.join()
    if (!card.renew(draft)) return false
    this.publishAll(draft)
    if (before !== undefined && before !== card.relays.join()) this.#init.moved(draft)
    return true
  }

  /** Whether contacts are told to bring what they send there. */
  isHome(relay: string): boolean {
    return this.#init.card.relays.includes(relay)
  }

  /** Connects to those that are needed and leaves the others. */
  #attend(draft: Draft): void {
    const { homes } = this.#init
    const needed = new Set([...homes.wanted(this.#service, draft.nowMs), ...homes.left(draft)])
    for (const relay of this.#standings.keys()) {
      if (needed.has(relay)) continue
      this.#standings.delete(relay)
      draft.act({ kind: 'leave-relay', relay })
    }
    for (const relay of needed) {
      if (this.#standings.has(relay)) continue
      this.#standings.set(relay, {
        state: 'away',
        failures: 0,
        fromMs: 0,
        publishing: false,
        again: false,
        publishFromMs: never,
        serves: false,
        misses: 0,
      })
    }
    this.#reconsiderMs = homes.nextDeadline(draft.nowMs)
    this.#connect(draft)
  }

  readonly #service = (relay: string): Service => this.#standings.get(relay) ?? { serves: false, misses: 0 }

  /** One of them does better or worse than before, or time has passed. */
  #reconsider(draft: Draft): void {
    if (this.#init.homes.reconsider(this.#service, draft)) this.renewCard(draft)
    this.#attend(draft)
  }

  #missed(relay: string, standing: Standing, draft: Draft): void {
    standing.serves = false
    standing.misses++
    this.#init.homes.missed(relay, draft)
    this.#reconsider(draft)
  }

  /** Named again, perhaps with another token. */
  #tryRefusing(draft: Draft): void {
    for (const [relay, standing] of this.#standings) {
      if (standing.refused === undefined) continue
      standing.fromMs = draft.nowMs
      this.#publish(relay, standing, [], draft)
    }
  }

  risen(relay: string, draft: Draft): void {
    const standing = this.#standings.get(relay)
    if (standing === undefined) return
    standing.state = 'connected'
    standing.sinceMs = draft.nowMs
    standing.failures = 0
    standing.publishing = false
    delete standing.reason
    delete standing.closing
    this.#publish(relay, standing, [], draft)
  }

  heard(input: Heard, draft: Draft): void {
    switch (input.kind) {
      case 'relay-lost':
        return this.#lost(input.relay, input.reason, draft)
      case 'relay-closing':
        return this.#closing(input.relay, input.elsewhere)
      case 'publish-answered':
        return this.#publishAnswered(input.relay, input.answer, draft)
      case 'prekeys-counted':
        return this.#preKeysCounted(input.relay, input.left, draft)
    }
  }

  /** The link still stands, for what is under way; `relay-lost` follows. */
  #closing(relay: string, elsewhere: readonly string[]): void {
    const standing = this.#standings.get(relay)
    if (standing === undefined) return
    standing.closing = elsewhere
    standing.reason = 'it is shutting down'
  }

  #lost(relay: string, reason: string, draft: Draft): void {
    const standing = this.#standings.get(relay)
    if (standing === undefined) return
    if (standing.state === 'connected' || standing.sinceMs === undefined) standing.sinceMs = draft.nowMs
    standing.state = 'away'
    standing.failures++
    if (standing.closing === undefined) standing.reason = reason
    standing.publishing = false
    standing.fromMs = draft.nowMs + reconnectMs(standing.failures, standing, draft.random)
    this.#missed(relay, standing, draft)
  }

  /** Card or bundle changed: every relay gets them. */
  publishAll(draft: Draft): void {
    for (const [relay, standing] of this.#standings) this.#publish(relay, standing, [], draft)
  }

  #preKeysCounted(relay: string, left: number, draft: Draft): void {
    const standing = this.#standings.get(relay)
    if (standing === undefined) return
    standing.preKeysLeft = left
    if (left > preKeysLow || standing.publishing || !this.isHome(relay)) return
    const preKeys = this.#init.pool.refill(relay, left, draft)
    if (preKeys.length > 0) this.#publish(relay, standing, preKeys, draft)
  }

  #publishAnswered(relay: string, answer: DirectoryAnswer, draft: Draft): void {
    const standing = this.#standings.get(relay)
    if (standing === undefined) return
    standing.publishing = false
    if (answer.kind === 'answered' && answer.frame.kind === 'published') {
      standing.publishFromMs = never
      delete standing.reason
      delete standing.refused
      standing.serves = true
      standing.misses = 0
      this.#init.homes.served(relay, draft)
      if (answer.frame.left === 0) this.#init.pool.spent(relay, draft)
      this.#reconsider(draft)
      if (this.#standings.get(relay) !== standing) return // Left, since others serve that the user likes better.
      if (standing.again) this.#publish(relay, standing, [], draft)
      else this.#preKeysCounted(relay, answer.frame.left, draft)
      return
    }
    const refusal = answer.kind === 'answered' && answer.frame.kind === 'refused' ? answer.frame.reason : undefined
    standing.reason =
      answer.kind === 'unreachable' ? answer.reason : `card and keys not taken: ${refusal ?? 'no sense'}`
    if (refusal !== undefined && isLasting(refusal)) standing.refused = refusal
    standing.failures++
    const pauseMs = standing.again ? 0 : backoffMs(standing.failures, republish, draft.random)
    standing.publishFromMs = draft.nowMs + pauseMs
    if (refusal === 'stale') {
      // Another life of this device published later than we remember; what is true now must count as newer.
      this.#init.pool.raiseVersion(draft)
      this.#init.card.renew(draft, true)
    } else this.#missed(relay, standing, draft)
  }

  /** Whatever kept them away may be over. */
  hurry(draft: Draft): void {
    for (const standing of this.#standings.values()) {
      if (standing.publishFromMs !== never) standing.publishFromMs = Math.min(standing.publishFromMs, draft.nowMs)
      if (standing.state !== 'away') continue
      standing.failures = 0
      standing.fromMs = draft.nowMs
    }
    this.#connect(draft)
  }

  tick(draft: Draft): void {
    if (this.#reconsiderMs <= draft.nowMs) this.#reconsider(draft)
    else this.#connect(draft)
  }

  #connect(draft: Draft): void {
    for (const [relay, standing] of this.#standings) {
      if (standing.state === 'away' && standing.fromMs <= draft.nowMs) {
        standing.state = 'connecting'
        draft.act({ kind: 'connect-relay', relay })
      }
      if (standing.state === 'connected' && standing.publishFromMs <= draft.nowMs) {
        this.#publish(relay, standing, [], draft)
      }
    }
  }

  nextDeadline(): number {
    let earliestMs = this.#reconsiderMs
    for (const standing of this.#standings.values()) {
      if (standing.state === 'away') earliestMs = Math.min(earliestMs, standing.fromMs)
      if (standing.state === 'connected' && !standing.publishing) {
        earliestMs = Math.min(earliestMs, standing.publishFromMs)
      }
    }
    return earliestMs
  }

  #publish(relay: string, standing: Standing, preKeys: readonly PublicPreKey[], draft: Draft): void {
    if (standing.state !== 'connected') return
    const frame = this.#init.pool.publication(this.#init.card.signed, preKeys)
    if (frame === undefined) return
    if (standing.publishing) {
      standing.again = true
      return
    }
    standing.publishing = true
    standing.again = false
    standing.publishFromMs = never
    draft.act({ kind: 'publish', relay, frame })
  }
}
