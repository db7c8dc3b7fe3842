/**
 * Asks after each of many connections once in a while, with one timer for all of them: they take turns, so that the questions
 * are spread over the time and not all asked at one moment. Keeps routers on the way from forgetting a connection nobody uses,
 * and lets the system notice who is gone; what to do about an answer that does not come is the system's to decide.
 */

/** One side of a connection, as yamux has it. */
export interface Asked {
  readonly status: string
  ping(): Promise<unknown>
}

const turns = 120

export class Keepalive {
  readonly #turnMs: number
  readonly #groups: Set<Asked>[] = Array.from({ length: turns }, () => new Set())
  #count = 0
  #nextGroup = 0
  #turn = 0
  #timer: NodeJS.Timeout | undefined

  /** Each is asked once in `everyMs`. */
  constructor(everyMs: number) {
    this.#turnMs = everyMs / turns
  }

  /** Until it is not open any more. */
  include(asked: Asked): void {
    this.#groups[this.#nextGroup]?.add(asked)
    this.#nextGroup = (this.#nextGroup + 1) % turns
    this.#count += 1
    this.#timer ??= setInterval(() => this.#ask(), this.#turnMs).unref()
  }

  #ask(): void {
    const group = this.#groups[this.#turn]
    this.#turn = (this.#turn + 1) % turns
    for (const asked of group ?? []) {
      if (asked.status === 'open')
        asked.ping().catch(() => undefined) // It was closed meanwhile.
      else if (group?.delete(asked) === true) this.#count -= 1
    }
    if (this.#count > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
