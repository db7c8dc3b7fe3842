/**
 * How fast the frames of one stream are taken: only so many in a turn of the event loop, so that the others have theirs; none
 * while the rules are far behind; and none for a moment after its sender was told to slow down, because refusing costs
 * nearly as much as serving. What is not taken fills the sender's own window and then the sender.
 */

/** Frames of one stream in one turn of the event loop; the rules take 64 of all streams together. */
const framesPerTurnMax = 16

/** Inputs waiting beyond which the streams that bring more are not read, and below which they go on. */
const backlogMax = 4_096
const backlogLow = 512

/** Who was refused is read again after at least so long, and at most: it may have something else to say. */
const heldMsMin = 100
const heldMsMax = 1_000

/** What waits for the rules, of all streams together. */
export class Backlog {
  readonly #length: () => number
  #caughtUp: Promise<void> | undefined

  constructor(length: () => number) {
    this.#length = length
  }

  /** Until the rules have caught up; nothing to wait for when they are not behind. */
  get caughtUp(): Promise<void> | undefined {
    if (this.#caughtUp === undefined && this.#length() >= backlogMax) this.#caughtUp = this.#catchUp()
    return this.#caughtUp
  }

  async #catchUp(): Promise<void> {
    while (this.#length() > backlogLow) await nextTurn()
    this.#caughtUp = undefined
  }
}

export class Pace {
  readonly #backlog: Backlog
  #taken = 0
  #heldMs = 0

  constructor(backlog: Backlog) {
    this.#backlog = backlog
  }

  /** The sender was told to slow down, for so long. */
  hold(ms: number): void {
    this.#heldMs = Math.min(Math.max(ms, heldMsMin), heldMsMax)
  }

  /** A frame was taken: what to wait for before the next one, if anything. */
  taken(): Promise<void> | undefined {
    this.#taken += 1
    if (this.#heldMs > 0) {
      const ms = this.#heldMs
      this.#heldMs = 0
      return elapsed(ms)
    }
    return this.#backlog.caughtUp ?? (this.#taken % framesPerTurnMax === 0 ? nextTurn() : undefined)
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}
