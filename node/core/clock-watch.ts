/**
 * Notices that the clock was set back: a machine that started with a wrong one, and has been told the time. What was put off
 * until a time that is far away now would be waited for as long.
 */

/** Less is what any clock is put right by now and then, and may be waited for. */
const backMsMin = 10_000

export class ClockWatch {
  #lastMs = 0

  wasSetBack(nowMs: number): boolean {
    const lastMs = this.#lastMs
    this.#lastMs = nowMs
    return nowMs < lastMs - backMsMin
  }
}
