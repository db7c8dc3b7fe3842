/**
 * What the store's disk or server would not do, by the name it gives it: counted, and said when it begins and once a minute
 * while it lasts. A full disk refuses every write there is, and the log may be on that disk.
 */
const againMs = 60_000

export interface StoreFault {
  readonly times: number
  /** When it last happened. */
  readonly lastMs: number
}

export class StoreFaults {
  readonly #say: (detail: string, times: number) => void
  readonly #nowMs: () => number
  readonly #faults = new Map<string, StoreFault & { readonly saidMs: number; readonly unsaid: number }>()

  constructor(say: (detail: string, times: number) => void, nowMs: () => number) {
    this.#say = say
    this.#nowMs = nowMs
  }

  count(detail: string): void {
    const nowMs = this.#nowMs()
    const { times = 0, saidMs = -Infinity, unsaid = 0 } = this.#faults.get(detail) ?? {}
    const isDue = Math.abs(nowMs - saidMs) >= againMs
    this.#faults.set(detail, {
      times: times + 1,
      lastMs: nowMs,
      saidMs: isDue ? nowMs : saidMs,
      unsaid: isDue ? 0 : unsaid + 1,
    })
    if (isDue) this.#say(detail, unsaid + 1)
  }

  /** Since the relay began. */
  get all(): Readonly<Record<string, StoreFault>> {
    return Object.fromEntries([...this.#faults].map(([detail, { times, lastMs }]) => [detail, { times, lastMs }]))
  }
}
