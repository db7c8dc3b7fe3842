/**
 * Drives a core as `protocol/shell/driver.ts` does, in virtual time, and breaks where a machine can break: before a commit,
 * in it, and between it and the acts that follow. What the rest of the world sees is decided here and nowhere else.
 */
import type { Core } from '../../../protocol/step.ts'
import type { Journal } from '../../../protocol/shell/driver.ts'
import type { Appointment } from './agenda.ts'
import type { Clock } from './clock.ts'
import type { World } from './world.ts'

/** Where the power fails in the turn that comes. */
export type Break = 'before-commit' | 'commit-throws' | 'before-effects'

export interface DriverInit<Input, Change, Effect> {
  readonly world: World
  readonly clock: Clock
  readonly core: Core<Input, Change, Effect>
  readonly journal: Journal<Change>
  readonly perform: (effect: Effect) => void
  readonly tick: Input
  /** Each input, as it is handled. */
  readonly heard: (input: Input) => void
  readonly committed?: (changes: readonly Change[]) => void
  /** The acts of a turn are done. */
  readonly settled?: () => void
  /** Asked once a turn. */
  readonly breaks?: () => Break | undefined
  /** The power failed; nothing more happens here. */
  readonly broken: (how: Break) => void
  /** Something was thrown inside the rules or the store: our bug. */
  readonly failed: (error: unknown) => void
  /** A planted bug: effects carried out before the commit that decides them. */
  readonly actsFirst?: (effect: Effect) => boolean
  /** A planted bug: after a tick no further one is asked for. */
  readonly forgetsAlarm?: boolean
}

const batchMax = 64

export class SimDriver<Input, Change, Effect> {
  readonly #init: DriverInit<Input, Change, Effect>
  #queue: Input[] = []
  #awake = false
  #ended = false
  #alarm: Appointment | undefined
  /** What the alarm is set for, as the clock shows it, and how often that had been set before. */
  #deadlineMs = 0
  #clockSettings = 0
  turns = 0

  constructor(init: DriverInit<Input, Change, Effect>) {
    this.#init = init
  }

  get ended(): boolean {
    return this.#ended
  }

  push(input: Input): void {
    if (this.#ended) return
    this.#queue.push(input)
    if (this.#awake) return
    this.#awake = true
    this.#init.world.after(0, this.#wake)
  }

  end(): void {
    this.#ended = true
    this.#queue = []
    if (this.#alarm !== undefined) this.#alarm.act = undefined
  }

  readonly #wake = (): void => {
    this.#awake = false
    this.#turn()
  }

  readonly #ring = (): void => {
    this.#alarm = undefined
    this.push(this.#init.tick)
  }

  #turn(): void {
    if (this.#ended) return
    this.turns++
    const queue = this.#queue
    const batch = queue.length <= batchMax ? queue : queue.splice(0, batchMax)
    if (batch === queue) this.#queue = []
    const how = this.#init.breaks?.()
    let effects: Effect[] | undefined
    try {
      effects = this.#commit(batch, how)
    } catch (error) {
      this.end()
      this.#init.journal.rollback()
      if (error instanceof PowerCut) return this.#init.broken(error.how)
      return this.#init.failed(error)
    }
    if (how === 'before-effects') {
      this.end()
      return this.#init.broken(how)
    }
    for (const effect of effects) {
      if (this.#ended) return
      if (this.#init.actsFirst?.(effect) !== true) this.#init.perform(effect)
    }
    this.#init.settled?.()
    if (this.#ended) return
    if (this.#queue.length > 0 && !this.#awake) this.#wakeAgain()
    if (this.#init.forgetsAlarm === true && batch.includes(this.#init.tick)) return
    this.#setAlarm()
  }

  #wakeAgain(): void {
    this.#awake = true
    this.#init.world.after(0, this.#wake)
  }

  #commit(batch: readonly Input[], how: Break | undefined): Effect[] {
    const { core, journal, clock, heard, actsFirst, perform, committed } = this.#init
    const nowMs = clock.nowMs
    const effects: Effect[] = []
    const changes: Change[] = []
    journal.begin()
    for (const input of batch) {
      heard(input)
      const step = core.handle(input, nowMs)
      for (const change of step.changes) {
        journal.apply(change)
        if (committed !== undefined) changes.push(change)
      }
      for (const effect of step.effects) effects.push(effect)
    }
    if (actsFirst !== undefined) for (const effect of effects) if (actsFirst(effect)) perform(effect)
    if (how === 'before-commit' || how === 'commit-throws') throw new PowerCut(how)
    journal.commit()
    committed?.(changes)
    return effects
  }

  #setAlarm(): void {
    const { core, clock, world } = this.#init
    const deadlineMs = core.nextDeadline()
    if (deadlineMs === undefined) {
      if (this.#alarm !== undefined) this.#alarm.act = undefined
      this.#alarm = undefined
      return
    }
    const stands = this.#deadlineMs === deadlineMs && this.#clockSettings === clock.settings
    if (this.#alarm !== undefined && stands) return
    if (this.#alarm !== undefined) this.#alarm.act = undefined
    this.#deadlineMs = deadlineMs
    this.#clockSettings = clock.settings
    this.#alarm = world.after(clock.until(deadlineMs), this.#ring)
  }
}

class PowerCut extends Error {
  readonly how: Break

  constructor(how: Break) {
    super(how)
    this.how = how
  }
}
