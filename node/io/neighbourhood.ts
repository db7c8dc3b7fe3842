/**
 * Hears of other devices on the local network by multicast DNS, under a name of ours, so that programs that merely share
 * libp2p do not hear of people. Repeats are passed on now and then only. What to do about a neighbour is the core's.
 */
import { mdns } from '@libp2p/mdns'
import type { PeerDiscovery, PeerInfo } from '@libp2p/interface'
import { deviceIdOfPeerId } from '../../protocol/ids.ts'
import { addressesMax } from '../../protocol/limits.ts'
import type { Input } from '../core/inputs.ts'
import { isDialable, isLoopback, withoutPeer } from './addresses.ts'

const serviceTag = '_linnet._udp.local'
/** Also how soon somebody is heard of who comes into a network where others have long been. */
const askEveryMs = 10_000
const repeatMs = 120_000
const neighboursMax = 256

export function neighbourhood(): (components: Parameters<ReturnType<typeof mdns>>[0]) => PeerDiscovery {
  return mdns({ serviceTag, interval: askEveryMs })
}

export class Neighbours {
  readonly #push: (input: Input) => void
  readonly #heard = new Map<string, { readonly addresses: string; readonly atMs: number }>()

  constructor(push: (input: Input) => void) {
    this.#push = push
  }

  discovered({ id, multiaddrs }: PeerInfo): void {
    const device = deviceIdOfPeerId(id.toString())
    const usable = multiaddrs.map(withoutPeer).filter((address) => isDialable(address) && !isLoopback(address))
    if (device === undefined || usable.length === 0) return
    const addresses = usable.slice(0, addressesMax).map((address) => `${address.toString()}/p2p/${id.toString()}`)
    const before = this.#heard.get(device)
    const [text, nowMs] = [addresses.join(), performance.now()]
    if (before?.addresses === text && nowMs - before.atMs < repeatMs) return
    if (this.#heard.size >= neighboursMax) this.#heard.clear()
    this.#heard.set(device, { addresses: text, atMs: nowMs })
    this.#push({ kind: 'device-nearby', device, addresses })
  }

  /** In another network, everybody is news. */
  forget(): void {
    this.#heard.clear()
  }
}
