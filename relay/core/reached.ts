/**
 * How often each bound was reached, for an operator who wonders whether it is set too low. Counts and nothing else: no
 * name of whoever reached it.
 */
import type { RelayLimits } from './limits.ts'

export class Reached<Limit extends string = keyof RelayLimits> {
  readonly #times = new Map<Limit, number>()

  count(limit: Limit): void {
    this.#times.set(limit, (this.#times.get(limit) ?? 0) + 1)
  }

  add(times: ReadonlyMap<Limit, number>): void {
    for (const [limit, more] of times) this.#times.set(limit, (this.#times.get(limit) ?? 0) + more)
  }

  /** What was counted since it was last taken. */
  take(): ReadonlyMap<Limit, number> {
    const taken = new Map(this.#times)
    this.#times.clear()
    return taken
  }

  get times(): ReadonlyMap<Limit, number> {
    return this.#times
  }
}
