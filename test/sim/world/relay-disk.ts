/** A relay's disk: the real store in memory, perhaps with a bug around it. It can be lost, copied, and put back. */
import type { RelayLimits } from '../../../relay/core/limits.ts'
import type { StoreCall, StoreOutcome } from '../../../relay/core/store-calls.ts'
import { MemoryEngine } from '../../../relay/io/store-memory.ts'
import type { Engine } from '../../../relay/io/store.ts'

/** What a relay held at some moment. */
export interface Backup {
  readonly memory: MemoryEngine
}

export class RelayDisk {
  readonly #limits: RelayLimits
  readonly #plant: (real: Engine) => Engine
  #memory: MemoryEngine
  #engine: Engine

  constructor(limits: RelayLimits, plant: (real: Engine) => Engine = (real) => real) {
    this.#limits = limits
    this.#plant = plant
    this.#memory = new MemoryEngine(limits)
    this.#engine = plant(this.#memory)
  }

  run(call: StoreCall): StoreOutcome {
    return this.#engine.run(call)
  }

  /** A new one. */
  wipe(): void {
    this.#hold(new MemoryEngine(this.#limits))
  }

  backUp(): Backup {
    return { memory: new MemoryEngine(this.#limits, this.#memory) }
  }

  /** May be done more than once with one copy. */
  restore({ memory }: Backup): void {
    this.#hold(new MemoryEngine(this.#limits, memory))
  }

  #hold(memory: MemoryEngine): void {
    this.#memory = memory
    this.#engine = this.#plant(memory)
  }
}
