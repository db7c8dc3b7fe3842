/**
 * The world: virtual time, chance, and what happens next. It knows nothing of devices, relays or messages; those stand on
 * it. A run of it is decided by its seed alone.
 */
import { Agenda, type Appointment } from './agenda.ts'
import { Chance } from './chance.ts'
import { Trace, type Detail } from './trace.ts'

/** Where the wall clocks of the simulated world begin: 2027-01-15. */
export const epochMs = 1_800_000_000_000

export interface Complaint {
  readonly atMs: number
  /** The property that does not hold. */
  readonly property: string
  readonly detail: string
}

export class World {
  readonly chance: Chance
  readonly trace: Trace
  readonly complaints: Complaint[] = []
  readonly #agenda = new Agenda()
  readonly #marks = new Map<string, number>()
  nowMs = 0
  /** Time stands still at the first complaint: what follows would only be noise. */
  haltsAtComplaint = false
  /** Things that have happened: what a run costs. */
  happened = 0

  constructor(seed: string, trace: Detail = 'everything') {
    this.chance = new Chance(seed)
    this.trace = new Trace(trace)
  }

  after(inMs: number, act: () => void): Appointment {
    return inMs > 0 ? this.#agenda.add(this.nowMs + inMs, act) : this.#agenda.addNow(this.nowMs, act)
  }

  /** Lets time pass. */
  pass(forMs: number): void {
    this.runTo(this.nowMs + forMs)
  }

  runTo(untilMs: number): void {
    while (this.#agenda.nextMs <= untilMs) {
      if (this.#halted) return
      this.#next()
    }
    this.nowMs = Math.max(this.nowMs, untilMs)
  }

  /** Lets time pass until something is so, or for `withinMs`; says whether it came to be so. */
  until(isSo: () => boolean, withinMs: number): boolean {
    const lastMs = this.nowMs + withinMs
    while (!isSo()) {
      if (this.#halted) return false
      if (this.#agenda.nextMs > lastMs) {
        this.nowMs = lastMs
        return isSo()
      }
      this.#next()
    }
    return true
  }

  /** A property was found not to hold. A run with a complaint has failed. */
  complain(property: string, detail: string): void {
    this.trace.add(this.nowMs, property, detail)
    this.complaints.push({ atMs: this.nowMs, property, detail })
  }

  /** Notes that a path through the rules was taken, so that a run can be asked whether it still takes it. */
  mark(name: string): void {
    this.#marks.set(name, (this.#marks.get(name) ?? 0) + 1)
  }

  get marks(): ReadonlyMap<string, number> {
    return this.#marks
  }

  get #halted(): boolean {
    return this.haltsAtComplaint && this.complaints.length > 0
  }

  #next(): void {
    const appointment = this.#agenda.take()
    if (appointment === undefined) return
    this.nowMs = appointment.atMs
    if (appointment.act === undefined) return
    this.happened++
    appointment.act()
  }
}
