/**
 * How fast the frames of one stream are taken: only so many in a turn of the event loop, so that the others have theirs; none
 * while the rules are far behind; and none for a moment after its sender was told to slow down, because refusing costs
 * nearly as much as serving. What is not taken fills the sender's own window and then the sender.
 */
import { nextTurn, type Backlog, type BacklogBounds } from '../../protocol/shell/backlog.ts'

/** Frames of one stream in one turn of the event loop; the rules take 64 of all streams together. */
const framesPerTurnMax = 16

/** Far more than the rules take in one turn, and little beside what the streams themselves may hold. */
export const backlogBounds: BacklogBounds = { max: 4_096, low: 512 }

/** Who was refused is read again after at least so long, and at most: it may have something else to say. */
const heldMsMin = 100
const heldMsMax = 1_000

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

function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}
