/** Where checkers look on: everything a device or a relay does, at the moment it does it. */
import type { StoreCall, StoreOutcome } from '../../../relay/core/store-calls.ts'
import type { Change, Effect } from '../../../node/core/effects.ts'
import type { Input } from '../../../node/core/inputs.ts'
import type { Break } from './driver.ts'
import type { SimDevice } from './device.ts'
import type { Backup } from './relay-disk.ts'
import type { SimRelay } from './relay.ts'

export interface Watch {
  /** About to be handled by the rules. */
  heard?(device: SimDevice, input: Input): void
  /** On the device's disk. */
  committed?(device: SimDevice, changes: readonly Change[]): void
  /** About to be carried out; after the commit, unless a bug was planted. */
  performed?(device: SimDevice, effect: Effect): void
  /** The device's process ended with what it had not committed. */
  broke?(device: SimDevice, how: Break | 'killed'): void
  /** A relay's store has carried out a call. */
  stored?(relay: SimRelay, call: StoreCall, outcome: StoreOutcome): void
  /** A relay lost its disk. */
  wiped?(relay: SimRelay): void
  /** A relay's operator has made a copy of what it holds. */
  backedUp?(relay: SimRelay, backup: Backup): void
  /** A relay is to hold again what it held when this copy was made. */
  restored?(relay: SimRelay, backup: Backup): void
  /** Everything is over. */
  ended?(): void
}

/** Many watches as one. */
export class Watches implements Required<Omit<Watch, never>> {
  readonly #all: Watch[] = []

  add(watch: Watch): void {
    this.#all.push(watch)
  }

  heard(device: SimDevice, input: Input): void {
    for (const watch of this.#all) watch.heard?.(device, input)
  }

  committed(device: SimDevice, changes: readonly Change[]): void {
    for (const watch of this.#all) watch.committed?.(device, changes)
  }

  performed(device: SimDevice, effect: Effect): void {
    for (const watch of this.#all) watch.performed?.(device, effect)
  }

  broke(device: SimDevice, how: Break | 'killed'): void {
    for (const watch of this.#all) watch.broke?.(device, how)
  }

  stored(relay: SimRelay, call: StoreCall, outcome: StoreOutcome): void {
    for (const watch of this.#all) watch.stored?.(relay, call, outcome)
  }

  wiped(relay: SimRelay): void {
    for (const watch of this.#all) watch.wiped?.(relay)
  }

  backedUp(relay: SimRelay, backup: Backup): void {
    for (const watch of this.#all) watch.backedUp?.(relay, backup)
  }

  restored(relay: SimRelay, backup: Backup): void {
    for (const watch of this.#all) watch.restored?.(relay, backup)
  }

  ended(): void {
    for (const watch of this.#all) watch.ended?.()
  }
}
