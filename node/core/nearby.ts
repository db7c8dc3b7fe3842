/**
 * Who has been heard of lately. On the local network, and where: they are dialled there before anywhere else, and whoever is
 * sought and not yet known is asked for among them, so that two people in one room need neither a relay nor the internet. Or
 * through a relay: they are online, and a circuit to them may be tried. Nobody is called through a relay who seems to be
 * away, since that relay would learn who calls, and of a message in a mailbox it does not. Kept in memory only.
 */
import type { DeviceId } from '../../protocol/ids.ts'
import { addressesMax } from '../../protocol/limits.ts'
import type { Input } from './inputs.ts'

/** A room full of people; beyond it the one heard longest ago is forgotten. */
const devicesMax = 64
/** Strangers asked for somebody's card at one time. */
const askedMax = 16
/** Devices say so every few seconds while they are there. */
const heardMs = 600_000
/** Whoever sent something so long ago is likely to be there still; clocks may differ by as much. */
const seenMsMax = 300_000
const seenMax = 4_096
/** After a call, or a dial, that did not reach somebody who is here, the next sign of them is not yet a reason for another. */
const unreachedMsMin = 5_000
const unreachedMsMax = 600_000

interface Neighbour {
  readonly addresses: readonly string[]
  readonly untilMs: number
}

interface Unreached {
  readonly failures: number
  readonly fromMs: number
}

export class Nearby {
  readonly #devices = new Map<DeviceId, Neighbour>()
  readonly #seenMs = new Map<DeviceId, number>()
  /** Here, and yet so many calls in a row have not reached them; and from when on one may again. */
  readonly #unreached = new Map<DeviceId, Unreached>()
  /** The same for what the local network says: there, anybody can say it of anybody. */
  readonly #announced = new Map<DeviceId, Unreached>()

  /** Full multiaddrs. */
  heard(device: DeviceId, addresses: readonly string[], nowMs: number): void {
    this.#devices.delete(device)
    this.#devices.set(device, { addresses: addresses.slice(0, addressesMax), untilMs: nowMs + heardMs })
    const [oldest] = this.#devices.keys()
    if (this.#devices.size > devicesMax && oldest !== undefined) this.#devices.delete(oldest)
  }

  /** From when on a contact who was heard is to be dialled for it: less and less soon, while none of them has answered. */
  dialFromMs(device: DeviceId, nowMs: number): number {
    const { failures, fromMs } = this.#announced.get(device) ?? { failures: 0, fromMs: nowMs }
    if (fromMs > nowMs) return fromMs
    const isLongAgo = nowMs - fromMs > heardMs
    this.#announced.set(device, unreached(isLongAgo ? 0 : failures, nowMs))
    return nowMs
  }

  of(device: DeviceId, nowMs: number): readonly string[] {
    const neighbour = this.#devices.get(device)
    return neighbour === undefined || neighbour.untilMs <= nowMs ? [] : neighbour.addresses
  }

  /** Nobody was heard of in a time to come, and nobody is left alone until then. */
  clockSetBack(): void {
    this.#devices.clear()
    this.#seenMs.clear()
    this.#unreached.clear()
    this.#announced.clear()
  }

  /** What an input tells of who is here and who is not. */
  note(input: Input, deviceOf: (link: number) => DeviceId | undefined, nowMs: number): void {
    // A dial that began before they were heard of, and so tried no circuit, says nothing of whether one would have held.
    if (input.kind === 'dial-failed' && input.called && this.#seenMs.delete(input.device)) {
      const failures = this.#unreached.get(input.device)?.failures ?? 0
      this.#unreached.set(input.device, unreached(failures + 1, nowMs))
    }
    if (input.kind === 'dial-failed') {
      const announced = this.#announced.get(input.device)
      if (announced !== undefined) this.#announced.set(input.device, unreached(announced.failures + 1, nowMs))
    }
    if (input.kind === 'link-risen') {
      this.#unreached.delete(input.device)
      this.#announced.delete(input.device)
    }
    if (input.kind === 'surroundings-changed') {
      this.#unreached.clear() // It may have been where we were.
      this.#announced.clear()
    }
    const lost = input.kind === 'link-lost' ? deviceOf(input.link) : undefined
    if (lost !== undefined) this.#seenMs.delete(lost)
  }

  /** Something of theirs, sent at `sentMs`, came through a relay. True when that is news. */
  seen(device: DeviceId, sentMs: number, nowMs: number): boolean {
    if (Math.abs(nowMs - sentMs) > seenMsMax) return false
    if ((this.#unreached.get(device)?.fromMs ?? 0) > nowMs) return false
    const known = this.isHere(device, nowMs)
    this.#seenMs.delete(device)
    this.#seenMs.set(device, nowMs)
    const [oldest] = this.#seenMs.keys()
    if (this.#seenMs.size > seenMax && oldest !== undefined) this.#seenMs.delete(oldest)
    return !known
  }

  isHere(device: DeviceId, nowMs: number): boolean {
    const seenMs = this.#seenMs.get(device)
    return seenMs !== undefined && nowMs - seenMs <= seenMsMax
  }

  /** An address of each, those heard last first. */
  all(nowMs: number): readonly string[] {
    const present = [...this.#devices.values()].filter(({ untilMs }) => untilMs > nowMs).toReversed()
    return present.flatMap(({ addresses }) => addresses.slice(0, 1)).slice(0, askedMax)
  }
}

function unreached(failures: number, nowMs: number): Unreached {
  return { failures, fromMs: nowMs + Math.min(unreachedMsMax, unreachedMsMin * 2 ** Math.max(0, failures - 1)) }
}
