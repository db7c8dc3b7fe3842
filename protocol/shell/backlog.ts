/**
 * What waits for the rules, of all streams together. Streams that bring more are not read while that is much, so that what is
 * too much for us stays with whoever sends it: see `pace` in `frames.ts`.
 */
export interface BacklogBounds {
  /** Inputs waiting from which on nothing more is read. */
  readonly max: number
  /** And down to which they must come before it goes on. */
  readonly low: number
}

export class Backlog {
  readonly #length: () => number
  readonly #bounds: BacklogBounds
  #caughtUp: Promise<void> | undefined

  constructor(length: () => number, bounds: BacklogBounds) {
    this.#length = length
    this.#bounds = bounds
  }

  /** Until the rules have caught up; nothing to wait for when they are not behind. */
  get caughtUp(): Promise<void> | undefined {
    if (this.#caughtUp === undefined && this.#length() >= this.#bounds.max) this.#caughtUp = this.#catchUp()
    return this.#caughtUp
  }

  /** The driver works through its queue a batch for each turn of the event loop, so one look a turn is enough. */
  async #catchUp(): Promise<void> {
    while (this.#length() > this.#bounds.low) await nextTurn()
    this.#caughtUp = undefined
  }
}

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
