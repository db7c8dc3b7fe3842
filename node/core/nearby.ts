/**
 * Devices heard on the local network, and where. They are dialled there before anywhere else, and whoever is sought and not
 * yet known is asked for among them: two people in one room need neither a relay nor the internet. Kept in memory only.
 */
import type { DeviceId } from '../../protocol/ids.ts'
import { addressesMax } from '../../protocol/limits.ts'

/** A room full of people; beyond it the one heard longest ago is forgotten. */
const devicesMax = 64
/** Strangers asked for somebody's card at one time. */
const askedMax = 16
/** Devices say so every few seconds while they are there. */
const heardMs = 600_000

interface Neighbour {
  readonly addresses: readonly string[]
  readonly untilMs: number
}

export class Nearby {
  readonly #devices = new Map<DeviceId, Neighbour>()

  /** Full multiaddrs. */
  heard(device: DeviceId, addresses: readonly string[], nowMs: number): void {
    this.#devices.delete(device)
    this.#devices.set(device, { addresses: addresses.slice(0, addressesMax), untilMs: nowMs + heardMs })
    const [oldest] = this.#devices.keys()
    if (this.#devices.size > devicesMax && oldest !== undefined) this.#devices.delete(oldest)
  }

  of(device: DeviceId, nowMs: number): readonly string[] {
    const neighbour = this.#devices.get(device)
    return neighbour === undefined || neighbour.untilMs <= nowMs ? [] : neighbour.addresses
  }

  /** An address of each, those heard last first. */
  all(nowMs: number): readonly string[] {
    const present = [...this.#devices.values()].filter(({ untilMs }) => untilMs > nowMs).toReversed()
    return present.flatMap(({ addresses }) => addresses.slice(0, 1)).slice(0, askedMax)
  }
}
