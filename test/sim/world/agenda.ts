/**
 * What will happen, ordered by time and, at the same time, by who asked first: a binary heap, and beside it a plain queue of
 * what happens at this very moment, which is every second thing and needs no sorting.
 */

export interface Appointment {
  readonly atMs: number
  readonly order: number
  /** Undefined once called off. */
  act: (() => void) | undefined
}

export class Agenda {
  readonly #heap: Appointment[] = []
  /** All at one moment, the one at which they were asked for; those before `#soonFrom` are done. */
  #soon: Appointment[] = []
  #soonFrom = 0
  #order = 0

  get size(): number {
    return this.#heap.length + this.#soon.length - this.#soonFrom
  }

  get nextMs(): number {
    const soonMs = this.#soon[this.#soonFrom]?.atMs ?? Number.POSITIVE_INFINITY
    const first = this.#heap[0]
    return first !== undefined && first.atMs < soonMs ? first.atMs : soonMs
  }

  /** At this moment, after everything else that was asked for it. Time may not pass before it has happened. */
  addNow(nowMs: number, act: () => void): Appointment {
    const appointment: Appointment = { atMs: nowMs, order: this.#order++, act }
    this.#soon.push(appointment)
    return appointment
  }

  add(atMs: number, act: () => void): Appointment {
    const appointment: Appointment = { atMs, order: this.#order++, act }
    const heap = this.#heap
    let at = heap.length
    heap.push(appointment)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const other = heap[parent] as Appointment
      if (!isBefore(appointment, other)) break
      heap[at] = other
      at = parent
    }
    heap[at] = appointment
    return appointment
  }

  take(): Appointment | undefined {
    const soon = this.#soon[this.#soonFrom]
    const first = this.#heap[0]
    if (soon === undefined || (first !== undefined && isBefore(first, soon))) return this.#takeFirst()
    if (++this.#soonFrom === this.#soon.length) {
      this.#soon = []
      this.#soonFrom = 0
    }
    return soon
  }

  #takeFirst(): Appointment | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      const right = heap[child + 1]
      if (right !== undefined && isBefore(right, heap[child] as Appointment)) child++
      const lower = heap[child] as Appointment
      if (!isBefore(lower, last)) break
      heap[at] = lower
      at = child
    }
    heap[at] = last
    return first
  }
}

function isBefore(a: Appointment, b: Appointment): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
