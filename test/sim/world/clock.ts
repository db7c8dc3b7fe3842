/** A machine's wall clock: off by an offset, running a little fast or slow, and set by its owner now and then. */
import { epochMs, type World } from './world.ts'

export class Clock {
  readonly #world: World
  #offsetMs: number
  #driftPerMs: number
  /** How often it was set: what was counted on before need not hold after. */
  settings = 0

  constructor(world: World, offsetMs = 0, driftPerMs = 0) {
    this.#world = world
    this.#offsetMs = offsetMs
    this.#driftPerMs = driftPerMs
  }

  get nowMs(): number {
    return Math.floor(epochMs + this.#offsetMs + this.#world.nowMs * (1 + this.#driftPerMs))
  }

  /** Virtual milliseconds until this clock shows `wallMs`; 1 at least, as a timer would. */
  until(wallMs: number): number {
    return Math.max(1, Math.ceil((wallMs - this.nowMs) / (1 + this.#driftPerMs)))
  }

  /** Set forward or back. */
  step(byMs: number): void {
    this.#offsetMs += byMs
    this.settings++
  }

  /** Set to the true time, and kept there. */
  correct(): void {
    this.#offsetMs = 0
    this.#driftPerMs = 0
    this.settings++
  }
}
