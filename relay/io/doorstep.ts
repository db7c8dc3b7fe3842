/**
 * The first look at a socket, by nothing but its address, before Node makes an object of it and libp2p a connection: whoever would be
 * turned away further in is turned away here for a tenth of the processor time, so that a flood of them costs those who are
 * served little. It decides nothing of its own but how many may come from one address in a second; the gaters behind it, which
 * websockets meet first, have the last word on everything else.
 *
 * Node asks a list of blocked addresses as soon as the kernel hands over a socket; this is such a list.
 */
import { BlockList, type SocketAddress } from 'node:net'
import { householdOf } from './household.ts'
import type { TurnedAway } from './observer.ts'

export interface DoorstepInit {
  readonly perSecondMax: number
  /** Why whoever calls from there would be turned away by the rules further in; undefined: they would not. */
  readonly refusal: (host: string) => TurnedAway | 'shut' | undefined
  /** Told of each that was turned away here. */
  readonly turnedAway: (why: TurnedAway) => void
  readonly nowMs?: () => number
}

export class Doorstep extends BlockList {
  readonly #init: DoorstepInit
  /** Callers of this second, by where they call from. */
  readonly #callers = new Map<string, number>()
  #second = 0

  constructor(init: DoorstepInit) {
    super()
    this.#init = init
  }

  /** Whether nothing is to be made of a socket from there. */
  override check(address: string | SocketAddress): boolean {
    const host = typeof address === 'string' ? address : address.address
    const why =
      this.#init.refusal(host) ?? (this.#isHurried(householdOf(host)) ? 'connectionsPerAddressPerSecond' : undefined)
    if (why === undefined) return false
    if (why !== 'shut') this.#init.turnedAway(why)
    return true
  }

  #isHurried(household: string): boolean {
    const second = Math.floor((this.#init.nowMs?.() ?? performance.now()) / 1_000)
    if (second !== this.#second) {
      this.#second = second
      this.#callers.clear()
    }
    const callers = (this.#callers.get(household) ?? 0) + 1
    if (callers > this.#init.perSecondMax) return true
    this.#callers.set(household, callers)
    return false
  }
}
