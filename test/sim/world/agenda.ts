/**
 * What will happen, ordered by time and, at the same time, by who asked first: a heap, whose keys stand in arrays of their
 * own, since comparing them is most of the work; and beside it a plain queue of what happens at this very moment, which is
 * every second thing and needs no sorting.
 */

export interface Appointment {
  readonly atMs: number
  readonly order: number
  /** Undefined once called off. */
  act: (() => void) | undefined
}

/** Children of one node: a flat heap touches fewer places in memory than a tall one. */
const arity = 4

export class Agenda {
  #times = new Float64Array(1_024)
  #orders = new Float64Array(1_024)
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
    return this.#heap.length > 0 ? Math.min(this.#times[0] as number, soonMs) : soonMs
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
    heap.push(appointment)
    if (heap.length > this.#times.length) this.#grow()
    const times = this.#times
    let at = heap.length - 1
    while (at > 0) {
      const parent = Math.floor((at - 1) / arity)
      // Of two at one time, whoever was here first has the lower order.
      if ((times[parent] as number) <= atMs) break
      this.#move(parent, at)
      at = parent
    }
    this.#place(appointment, at)
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
    const { atMs, order } = last
    const count = heap.length
    let at = 0
    for (;;) {
      const child = this.#earliestChild(at, count)
      if (child === undefined || !this.#comesBefore(child, atMs, order)) break
      this.#move(child, at)
      at = child
    }
    this.#place(last, at)
    return first
  }

  #earliestChild(at: number, count: number): number | undefined {
    const from = arity * at + 1
    if (from >= count) return undefined
    const until = Math.min(from + arity, count)
    let earliest = from
    for (let child = from + 1; child < until; child++) {
      if (this.#comesBefore(child, this.#times[earliest] as number, this.#orders[earliest] as number)) earliest = child
    }
    return earliest
  }

  #comesBefore(at: number, atMs: number, order: number): boolean {
    const time = this.#times[at] as number
    return time < atMs || (time === atMs && (this.#orders[at] as number) < order)
  }

  #move(from: number, to: number): void {
    this.#heap[to] = this.#heap[from] as Appointment
    this.#times[to] = this.#times[from] as number
    this.#orders[to] = this.#orders[from] as number
  }

  #place(appointment: Appointment, at: number): void {
    this.#heap[at] = appointment
    this.#times[at] = appointment.atMs
    this.#orders[at] = appointment.order
  }

  #grow(): void {
    const [times, orders] = [this.#times, this.#orders]
    this.#times = new Float64Array(2 * times.length)
    this.#orders = new Float64Array(2 * times.length)
    this.#times.set(times)
    this.#orders.set(orders)
  }
}

function isBefore(a: Appointment, b: Appointment): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
