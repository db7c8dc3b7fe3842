/**
 * Where a person is at home. The user names relays, the best first; the first three that serve stand on the card. One that
 * stays away for a day while another serves is taken off the card and the next takes its place; when it is back, so is its
 * place. What is off the card is still collected from for as long as a message may live, since contacts who have not heard
 * of it yet bring theirs there. Decides only: `own-relays.ts` connects, and `device.ts` tells the contacts.
 */
import { messageLifeMs, relaysMax, relaysNamedMax } from '../../protocol/limits.ts'
import type { Draft } from './draft.ts'
import { relayDevice } from './other-relays.ts'
import type { OwnCard } from './own-card.ts'
import type { Reads } from './reads.ts'

/** A relay that is away for so long is taken for gone: longer than a repair takes, shorter than a contact's patience. */
const relayPatienceMsDefault = 86_400_000
/** Fewer failures since this device started may be a relay that is being restarted just now. */
const missesMin = 5

/** How one of them does at present. */
export interface Service {
  /** It is connected and has taken our card. */
  readonly serves: boolean
  /** Attempts in a row that came to nothing, in this life. */
  readonly misses: number
}

/**
 * `home`: on the card. `dropped`: away for so long that it was taken off. `spare`: named, and not on the card, because
 * enough others serve. `left`: named no more; what is still brought there is collected.
 */
export type RelayRole = 'home' | 'dropped' | 'spare' | 'left'

/** The stored form: since when a relay misses, and since when one is off the card. */
interface Kept {
  readonly missed: readonly (readonly [string, number])[]
  readonly left: readonly (readonly [string, number])[]
}

const never = Number.POSITIVE_INFINITY

export class Homes {
  readonly #card: OwnCard
  readonly #patienceMs: number
  readonly #missed: Map<string, number>
  readonly #left: Map<string, number>

  constructor(card: OwnCard, reads: Reads, patienceMs: number = relayPatienceMsDefault) {
    const bytes = reads.fact('homes')
    const kept = bytes && (JSON.parse(new TextDecoder().decode(bytes)) as Kept)
    this.#card = card
    this.#patienceMs = patienceMs
    this.#missed = new Map(kept?.missed)
    this.#left = new Map(kept?.left)
  }

  /** The user names these. False when they will not do, and then that was answered. */
  chosen(request: number, relays: readonly string[], draft: Draft): boolean {
    const bad = relays.find((relay) => relayDevice(relay) === undefined)
    if (relays.length > relaysNamedMax) draft.refuse(request, 'too-many-relays', `at most ${relaysNamedMax} relays`)
    else if (bad !== undefined) draft.refuse(request, 'invalid-relay', `${bad} does not end in the /p2p/… of a relay`)
    else this.#card.setRelays([...new Set(relays)], draft)
    return relays.length <= relaysNamedMax && bad === undefined
  }

  /** The user names these now, or has while nothing ran. New ones come onto the card when they have taken it. */
  named(draft: Draft): void {
    const { relays } = this.#card.settings
    for (const relay of this.#missed.keys()) if (!relays.includes(relay)) this.served(relay, draft)
    const stay = relays.filter((relay) => this.#card.relays.includes(relay))
    this.#list(stay.length > 0 ? stay : relays, draft)
  }

  missed(relay: string, draft: Draft): void {
    if (!this.#card.settings.relays.includes(relay)) return
    // A time to come was noted by a clock that was wrong.
    if ((this.#missed.get(relay) ?? never) <= draft.nowMs) return
    this.#missed.set(relay, draft.nowMs)
    this.#keep(draft)
  }

  served(relay: string, draft: Draft): void {
    if (this.#missed.delete(relay)) this.#keep(draft)
  }

  /** Those to be connected to as long as they are named: enough that three of them may serve. */
  wanted(service: (relay: string) => Service, nowMs: number): readonly string[] {
    const wanted: string[] = []
    let hopeful = 0
    for (const relay of this.#card.settings.relays) {
      wanted.push(relay)
      if (!this.#isLongAway(relay, service, nowMs) && ++hopeful === relaysMax) break
    }
    return wanted
  }

  /** Those that are off the card and still collected from; forgets the others. */
  left(draft: Draft): readonly string[] {
    for (const [relay, sinceMs] of this.#left) {
      if (sinceMs + messageLifeMs > draft.nowMs) continue
      this.#left.delete(relay)
      this.#keep(draft)
    }
    return [...this.#left.keys()]
  }

  /** Puts those on the card that belong there. True when they are others than before. */
  reconsider(service: (relay: string) => Service, draft: Draft): boolean {
    const wanted = this.wanted(service, draft.nowMs)
    // Without any, it is more likely that we are cut off, and nobody could be told anyway.
    if (!wanted.some((relay) => service(relay).serves)) return false
    const able = wanted.filter((relay) => !this.#isLongAway(relay, service, draft.nowMs))
    const isUnproved = (relay: string): boolean => !this.#card.relays.includes(relay) && !service(relay).serves
    // It is about to show whether it serves: one new card is better than two.
    if (able.some((relay) => isUnproved(relay) && service(relay).misses === 0)) return false
    const proved = able.filter((relay) => !isUnproved(relay))
    return this.#list(proved, draft)
  }

  roleOf(relay: string): RelayRole {
    if (this.#card.relays.includes(relay)) return 'home'
    if (!this.#card.settings.relays.includes(relay)) return 'left'
    return this.#missed.has(relay) && this.#left.has(relay) ? 'dropped' : 'spare'
  }

  /** Since when a relay that is named does not serve. */
  missedSinceMs(relay: string): number | undefined {
    return this.#missed.get(relay)
  }

  /** Until when a relay that is off the card is collected from. */
  leftUntilMs(relay: string): number | undefined {
    const sinceMs = this.#left.get(relay)
    return sinceMs === undefined ? undefined : sinceMs + messageLifeMs
  }

  /** When time alone changes something next. */
  nextDeadline(nowMs: number): number {
    let earliestMs = never
    for (const sinceMs of this.#missed.values()) {
      const atMs = sinceMs + this.#patienceMs
      if (atMs > nowMs) earliestMs = Math.min(earliestMs, atMs)
    }
    for (const sinceMs of this.#left.values()) earliestMs = Math.min(earliestMs, sinceMs + messageLifeMs)
    return earliestMs
  }

  #isLongAway(relay: string, service: (relay: string) => Service, nowMs: number): boolean {
    const sinceMs = this.#missed.get(relay)
    return sinceMs !== undefined && sinceMs + this.#patienceMs <= nowMs && service(relay).misses >= missesMin
  }

  #list(relays: readonly string[], draft: Draft): boolean {
    const [before, after] = [this.#card.relays, relays.slice(0, relaysMax)]
    const off = [...before, ...(this.#card.published?.relays ?? [])].filter((relay) => !after.includes(relay))
    const news = [...off.filter((relay) => !this.#left.has(relay)), ...after.filter((relay) => this.#left.has(relay))]
    for (const relay of off) if (!this.#left.has(relay)) this.#left.set(relay, draft.nowMs)
    for (const relay of after) this.#left.delete(relay)
    this.#card.relays = after
    if (news.length > 0) this.#keep(draft)
    return before.join(' ') !== after.join(' ')
  }

  #keep(draft: Draft): void {
    const kept: Kept = { missed: [...this.#missed], left: [...this.#left] }
    draft.keep({ kind: 'put-fact', key: 'homes', value: new TextEncoder().encode(JSON.stringify(kept)) })
  }
}
