/**
 * Drives a core: queues inputs, hands them over in batches, commits what each batch led to, and only then acts on it.
 *
 * Inputs are queued and never handled on the stack that brought them, because acting can bring the next input (libp2p
 * dispatches stream messages synchronously), and because a burst then shares one commit. Anything thrown inside ends the
 * driver: what the core holds in memory may be ahead of what is on disk, so both must be rebuilt from the store.
 */
import type { Core } from '../step.ts'

/** Where changes are kept. `commit` returns once they would survive a power cut. */
export interface Journal<Change> {
  begin(): void
  apply(change: Change): void
  commit(): void
  rollback(): void
}

export interface DriverInit<Input, Change, Effect> {
  readonly core: Core<Input, Change, Effect>
  readonly journal: Journal<Change>
  /** Carries out an effect; must not throw for what a remote party did. */
  readonly perform: (effect: Effect) => void
  /** The input that tells the core its deadline has come. */
  readonly tick: Input
  readonly nowMs: () => number
  /** Told once, when the driver ends because something was thrown inside it. */
  readonly failed: (error: unknown) => void
}

/** Inputs handled in one transaction: enough to make a commit cheap, few enough not to stall the event loop. */
const batchMax = 64

export class Driver<Input, Change, Effect> {
  readonly #init: DriverInit<Input, Change, Effect>
  #queue: Input[] = []
  #awake = false
  #ended = false
  #alarm: NodeJS.Timeout | undefined
  /** When it goes off, by the clock that is never set. */
  #alarmMs = 0

  constructor(init: DriverInit<Input, Change, Effect>) {
    this.#init = init
  }

  /** Inputs not yet handled: what brings them can hold back while there are many. */
  get backlog(): number {
    return this.#queue.length
  }

  /** Queues an input. After the driver has ended it is dropped: the process is on its way out or being rebuilt. */
  push(input: Input): void {
    if (this.#ended) return
    this.#queue.push(input)
    this.#wake()
  }

  /** Handles what is queued and takes nothing more. */
  stop(): void {
    if (this.#ended) return
    while (this.#queue.length > 0 && !this.#ended) this.#turn()
    this.#ended = true
    this.#silence()
  }

  #wake(): void {
    if (this.#awake) return
    this.#awake = true
    setImmediate(() => {
      this.#awake = false
      if (!this.#ended) this.#turn()
      if (this.#queue.length > 0) this.#wake()
    })
  }

  #turn(): void {
    try {
      for (const effect of this.#commitBatch()) this.#init.perform(effect)
      this.#setAlarm()
    } catch (error) {
      this.#ended = true
      this.#silence()
      this.#queue = []
      this.#init.failed(error)
    }
  }

  #commitBatch(): Effect[] {
    const { core, journal } = this.#init
    const batch = this.#queue.splice(0, batchMax)
    if (batch.length === 0) return []
    const nowMs = this.#init.nowMs()
    const effects: Effect[] = []
    journal.begin()
    try {
      for (const input of batch) {
        const step = core.handle(input, nowMs)
        for (const change of step.changes) journal.apply(change) // So that the next input reads its own past.
        for (const effect of step.effects) effects.push(effect)
      }
      journal.commit()
    } catch (error) {
      journal.rollback()
      throw error
    }
    return effects
  }

  #setAlarm(): void {
    const deadlineMs = this.#init.core.nextDeadline()
    if (deadlineMs === undefined || this.#ended) return this.#silence()
    const inMs = Math.min(Math.max(deadlineMs - this.#init.nowMs(), 1), timerMsMax)
    const alarmMs = performance.now() + inMs
    if (this.#alarm !== undefined && this.#alarmMs <= alarmMs) return // Early is harmless, and setting it is not free.
    this.#silence()
    this.#alarmMs = alarmMs
    this.#alarm = setTimeout(() => {
      this.#alarm = undefined
      // Behind whatever lies in the sockets by now and is read first: it came in time.
      setImmediate(() => this.push(this.#init.tick))
    }, inMs)
    this.#alarm.unref()
  }

  #silence(): void {
    clearTimeout(this.#alarm)
    this.#alarm = undefined
  }
}

/** Longer timers overflow and fire at once; an early tick is harmless. */
const timerMsMax = 2 ** 31 - 1
