/**
 * Notices what nobody tells a program: that this machine has other addresses than a moment ago, or was asleep. Looks once a
 * second, which costs next to nothing and works on every system alike. What follows from it is decided by others.
 */
import { networkInterfaces } from 'node:os'

export interface SurroundingsInit {
  /** `moved`: other addresses. `woke`: time has passed without us, or the clock was set. */
  readonly onChange: (what: 'moved' | 'woke') => void
  readonly intervalMs?: number
  /** Every address this machine has, in any order that stays. */
  readonly addresses?: () => string
  /** The clock on the wall: one that stands still in sleep would not show it. */
  readonly nowMs?: () => number
}

const intervalMsDefault = 1_000
/** A look that comes so much too late was not merely kept waiting by a busy machine. */
const lateMsMax = 5_000

export class Surroundings {
  readonly #init: SurroundingsInit
  #addresses = ''
  #lookedMs = 0
  #timer: NodeJS.Timeout | undefined

  constructor(init: SurroundingsInit) {
    this.#init = init
  }

  start(): void {
    this.#addresses = this.#addressesNow()
    this.#lookedMs = this.#nowMs()
    this.#timer = setInterval(() => this.look(), this.#intervalMs()).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  look(): void {
    const [addresses, nowMs] = [this.#addressesNow(), this.#nowMs()]
    const moved = addresses !== this.#addresses
    // Or the clock was set, forward or back.
    const woke = Math.abs(nowMs - this.#lookedMs - this.#intervalMs()) > lateMsMax
    this.#addresses = addresses
    this.#lookedMs = nowMs
    if (moved || woke) this.#init.onChange(moved ? 'moved' : 'woke')
  }

  #addressesNow(): string {
    return (this.#init.addresses ?? addressesOfMachine)()
  }

  #nowMs(): number {
    return (this.#init.nowMs ?? Date.now)()
  }

  #intervalMs(): number {
    return this.#init.intervalMs ?? intervalMsDefault
  }
}

function addressesOfMachine(): string {
  return Object.entries(networkInterfaces())
    .flatMap(([name, addresses = []]) => addresses.map(({ address }) => `${name} ${address}`))
    .toSorted()
    .join()
}
