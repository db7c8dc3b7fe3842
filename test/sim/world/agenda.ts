/**
 * What will happen, ordered by time and, at the same time, by who asked first: a heap of numbers alone, since comparing and
 * moving them is most of the work, and what they stand for does not move; and beside it a plain queue of what happens at this
 * very moment, which is every second thing and needs no sorting.
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
  #count = 0
  #times = new Float64Array(1_024)
  #orders = new Float64Array(1_024)
  /** Where in `#appointments` each of the heap stands. */
  #places = new Int32Array(1_024)
  readonly #appointments: (Appointment | undefined)[] = []
  readonly #freePlaces: number[] = []
  /** All at one moment, the one at which they were asked for; those before `#soonFrom` are done. */
  #soon: Appointment[] = []
  #soonFrom = 0
  #order = 0

  get size(): number {
    return this.#count + this.#soon.length - this.#soonFrom
  }

  get nextMs(): number {
    const soonMs = this.#soon[this.#soonFrom]?.atMs ?? Number.POSITIVE_INFINITY
    return this.#count > 0 ? Math.min(this.#times[0] as number, soonMs) : soonMs
  }

  /** At this moment, after everything else that was asked for it. Time may not pass before it has happened. */
  addNow(nowMs: number, act: () => void): Appointment {
    const appointment: Appointment = { atMs: nowMs, order: this.#order++, act }
    this.#soon.push(appointment)
    return appointment
  }

  add(atMs: number, act: () => void): Appointment {
    const appointment: Appointment = { atMs, order: this.#order++, act }
    const place = this.#freePlaces.pop() ?? this.#appointments.length
    this.#appointments[place] = appointment
    if (this.#count === this.#times.length) this.#grow()
    const times = this.#times
    let at = this.#count++
    while (at > 0) {
      const parent = Math.floor((at - 1) / arity)
      // Of two at one time, whoever was here first has the lower order.
      if ((times[parent] as number) <= atMs) break
      this.#move(parent, at)
      at = parent
    }
    this.#put(at, atMs, appointment.order, place)
    return appointment
  }

  take(): Appointment | undefined {
    const soon = this.#soon[this.#soonFrom]
    if (soon === undefined || this.#comesBefore(0, soon.atMs, soon.order)) return this.#takeFirst()
    if (++this.#soonFrom === this.#soon.length) {
      this.#soon = []
      this.#soonFrom = 0
    }
    return soon
  }

  #takeFirst(): Appointment | undefined {
    if (this.#count === 0) return undefined
    const place = this.#places[0] as number
    const first = this.#appointments[place]
    this.#appointments[place] = undefined
    this.#freePlaces.push(place)
    const last = --this.#count
    const [atMs, order] = [this.#times[last] as number, this.#orders[last] as number]
    let at = 0
    for (;;) {
      const child = this.#earliestChild(at)
      if (child === undefined || !this.#comesBefore(child, atMs, order)) break
      this.#move(child, at)
      at = child
    }
    this.#put(at, atMs, order, this.#places[last] as number)
    return first
  }

  #earliestChild(at: number): number | undefined {
    const from = arity * at + 1
    if (from >= this.#count) return undefined
    const until = Math.min(from + arity, this.#count)
    let earliest = from
    for (let child = from + 1; child < until; child++) {
      if (this.#comesBefore(child, this.#times[earliest] as number, this.#orders[earliest] as number)) earliest = child
    }
    return earliest
  }

  #comesBefore(at: number, atMs: number, order: number): boolean {
    if (at >= this.#count) return false
    const time = this.#times[at] as number
    return time < atMs || (time === atMs && (this.#orders[at] as number) < order)
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#times[from] as number, this.#orders[from] as number, this.#places[from] as number)
  }

  #put(at: number, atMs: number, order: number, place: number): void {
    this.#times[at] = atMs
    this.#orders[at] = order
    this.#places[at] = place
  }

  #grow(): void {
    const [times, orders, places] = [this.#times, this.#orders, this.#places]
    this.#times = new Float64Array(2 * times.length)
    this.#orders = new Float64Array(2 * times.length)
    this.#places = new Int32Array(2 * times.length)
    this.#times.set(times)
    this.#orders.set(orders)
    this.#places.set(places)
  }
}
