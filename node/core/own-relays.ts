/**
 * Our own relays: stay connected to each, publish card and prekeys there, refill when they run low. A relay that is away is
 * tried again with a back-off short enough that a restart of it goes unnoticed. Does not collect messages: `inbox.ts`.
 */
import { preKeysLow } from '../../protocol/limits.ts'
import type { PublicPreKey } from '../../protocol/wire/directory.ts'
import { backoffMs } from './backoff.ts'
import type { Draft } from './draft.ts'
import type { DirectoryAnswer, Input } from './inputs.ts'
import type { OwnCard } from './own-card.ts'
import type { PreKeyPool } from './prekey-pool.ts'

type Heard = Extract<Input, { kind: 'relay-lost' | 'relay-closing' | 'publish-answered' | 'prekeys-counted' }>

interface Standing {
  state: 'away' | 'connecting' | 'connected'
  sinceMs?: number
  failures: number
  fromMs: number
  reason?: string
  /** It said that it is about to end, and where else its people could go. */
  closing?: readonly string[]
  preKeysLeft?: number
  publishing: boolean
  /** Something changed while a publication was under way. */
  again: boolean
  publishFromMs: number
}

export interface RelayStanding {
  readonly relay: string
  readonly connected: boolean
  /** Since when it is, or is not. */
  readonly sinceMs?: number
  readonly reason?: string
  /** It said that it is shutting down; these are relays its operator names instead. */
  readonly elsewhere?: readonly string[]
  readonly preKeysLeft?: number
}

const reconnect = { minMs: 500, maxMs: 10_000 }
/** It said that it ends: it will not be back within a moment, and all its people would come at once. */
const reconnectClosed = { minMs: 8_000, maxMs: 60_000 }
const republish = { minMs: 2_000, maxMs: 600_000 }
const never = Number.POSITIVE_INFINITY

export class OwnRelays {
  readonly #card: OwnCard
  readonly #pool: PreKeyPool
  readonly #standings = new Map<string, Standing>()

  constructor(card: OwnCard, pool: PreKeyPool) {
    this.#card = card
    this.#pool = pool
  }

  /** As the library shows them. */
  standings(): readonly RelayStanding[] {
    return [...this.#standings].map(([relay, { state, sinceMs, reason, closing, preKeysLeft }]) => ({
      relay,
      connected: state === 'connected',
      ...(sinceMs !== undefined && { sinceMs }),
      ...(reason !== undefined && { reason }),
      ...(closing !== undefined && { elsewhere: closing }),
      ...(preKeysLeft !== undefined && { preKeysLeft }),
    }))
  }

  /** Connects to those the user chose and leaves the others. */
  choose(draft: Draft): void {
    const chosen = new Set(this.#card.settings.relays)
    for (const relay of this.#standings.keys()) {
      if (chosen.has(relay)) continue
      this.#standings.delete(relay)
      draft.act({ kind: 'leave-relay', relay })
    }
    for (const relay of chosen) {
      if (this.#standings.has(relay)) continue
      this.#standings.set(relay, {
        state: 'away',
        failures: 0,
        fromMs: 0,
        publishing: false,
        again: false,
        publishFromMs: never,
      })
    }
    this.tick(draft)
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
    const pauses = standing.closing === undefined ? reconnect : reconnectClosed
    standing.fromMs = draft.nowMs + backoffMs(standing.failures, pauses, draft.random)
  }

  /** Card or bundle changed: every relay gets them. */
  publishAll(draft: Draft): void {
    for (const [relay, standing] of this.#standings) this.#publish(relay, standing, [], draft)
  }

  #preKeysCounted(relay: string, left: number, draft: Draft): void {
    const standing = this.#standings.get(relay)
    if (standing === undefined) return
    standing.preKeysLeft = left
    if (left > preKeysLow || standing.publishing) return
    this.#publish(relay, standing, this.#pool.refill(relay, left, draft), draft)
  }

  #publishAnswered(relay: string, answer: DirectoryAnswer, draft: Draft): void {
    const standing = this.#standings.get(relay)
    if (standing === undefined) return
    standing.publishing = false
    if (answer.kind === 'answered' && answer.frame.kind === 'published') {
      standing.publishFromMs = never
      delete standing.reason
      if (standing.again) this.#publish(relay, standing, [], draft)
      else this.#preKeysCounted(relay, answer.frame.left, draft)
      return
    }
    const refusal = answer.kind === 'answered' && answer.frame.kind === 'refused' ? answer.frame.reason : undefined
    standing.reason =
      answer.kind === 'unreachable' ? answer.reason : `card and keys not taken: ${refusal ?? 'no sense'}`
    standing.failures++
    standing.publishFromMs = draft.nowMs + backoffMs(standing.failures, republish, draft.random)
    if (refusal === 'stale') {
      // Another life of this device published later than we remember; what is true now must count as newer.
      this.#pool.raiseVersion(draft)
      this.#card.renew(draft, true)
    }
  }

  /** Whatever kept them away may be over. */
  hurry(draft: Draft): void {
    for (const standing of this.#standings.values()) {
      if (standing.state !== 'away') continue
      standing.failures = 0
      standing.fromMs = draft.nowMs
    }
    this.tick(draft)
  }

  tick(draft: Draft): void {
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
    let earliestMs = never
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
    const [card, bundle] = [this.#card.signed, this.#pool.bundle()]
    if (card === undefined || bundle === undefined) return
    if (standing.publishing) {
      standing.again = true
      return
    }
    standing.publishing = true
    standing.again = false
    standing.publishFromMs = never
    draft.act({
      kind: 'publish',
      relay,
      frame: { kind: 'publish', version: this.#pool.version, card, bundle, preKeys },
    })
  }
}
