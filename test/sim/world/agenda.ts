/** What will happen, ordered by time and, at the same time, by who asked first: a binary heap. */

export interface Appointment {
  readonly atMs: number
  readonly order: number
  /** Undefined once called off. */
  act: (() => void) | undefined
}

export class Agenda {
  readonly #heap: Appointment[] = []
  #order = 0

  get size(): number {
    return this.#heap.length
  }

  get nextMs(): number {
    return this.#heap[0]?.atMs ?? Number.POSITIVE_INFINITY
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
