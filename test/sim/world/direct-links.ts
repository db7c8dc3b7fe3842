/** Direct links of one device, as `node/io/links.ts` keeps them: numbered, bounded, each lost once. */
import type { DeviceId } from '../../../protocol/ids.ts'
import { strangerIdleMs } from '../../../protocol/limits.ts'
import { directProtocol, type DirectFrame } from '../../../protocol/wire/direct.ts'
import type { Input } from '../../../node/core/inputs.ts'
import { isCircuit } from '../../../node/core/routes.ts'
import type { Carriage } from './carriage.ts'
import { upgrade } from './circuits.ts'
import type { Host, Network } from './network.ts'
import type { End, Listener } from './wire.ts'

export interface DirectLinksInit {
  readonly network: Network
  readonly host: Host
  readonly own: DeviceId
  readonly carriage: Carriage
  readonly push: (input: Input) => void
  readonly isFriend: (device: DeviceId) => boolean
}

const linksPerDeviceMax = 2
/** A circuit that a direct link has replaced: answers that were on their way over it still arrive. */
const circuitLingerMs = 1_000

interface Link {
  readonly number: number
  readonly device: DeviceId
  end: End | undefined
  stranger: boolean
}

export class DirectLinks {
  readonly #init: DirectLinksInit
  readonly #links = new Map<number, Link>()
  #lastNumber = 0

  constructor(init: DirectLinksInit) {
    this.#init = init
    init.host.services.set(directProtocol, (end, device) => {
      if (device === undefined) return undefined
      const stranger = !init.isFriend(device)
      const { link, listener } = this.#make(device, stranger)
      this.#rise(link, end)
      if (stranger) this.#watchStranger(link)
      else if (end.through !== undefined) this.#upgrade(link, end)
      return listener
    })
  }

  dial(device: DeviceId, addresses: readonly string[]): void {
    const { network, host, own, push } = this.#init
    const { link, listener } = this.#make(device, false)
    const places = addresses.map((address) => address.slice(0, address.lastIndexOf('/p2p/')))
    const dial = { from: host, addresses: places, expects: device, protocol: directProtocol, as: own, listener }
    network.dial(dial, (dialled) => {
      if (dialled.ok) this.#rise(link, dialled.end)
      else push({ kind: 'dial-failed', device, called: addresses.some(isCircuit), reason: dialled.reason })
    })
  }

  send(number: number, frame: DirectFrame): void {
    const link = this.#links.get(number)
    if (link?.end === undefined) return
    this.#init.carriage.direct(link.end, frame)
    if (frame.kind !== 'refuse') link.stranger = false
  }

  close(number: number, reason: string): void {
    this.#links.get(number)?.end?.close(reason)
  }

  #make(device: DeviceId, stranger: boolean): { link: Link; listener: Listener } {
    const link: Link = { number: ++this.#lastNumber, device, end: undefined, stranger }
    const { push } = this.#init
    const listener: Listener = {
      onFrame: (frame) => push({ kind: 'frame-received', link: link.number, frame: frame as DirectFrame }),
      onEnd: (reason) => {
        this.#links.delete(link.number)
        push({ kind: 'link-lost', link: link.number, reason })
      },
    }
    return { link, listener }
  }

  #rise(link: Link, end: End): void {
    const others = [...this.#links.values()].filter((other) => other.device === link.device)
    if (others.length >= linksPerDeviceMax) others[0]?.end?.close('replaced')
    link.end = end
    this.#links.set(link.number, link)
    this.#init.push({ kind: 'link-risen', link: link.number, device: link.device, address: end.address })
    if (end.through === undefined) for (const other of others) this.#leaveCircuit(other)
  }

  #leaveCircuit({ end }: Link): void {
    if (end?.through === undefined) return
    this.#init.network.world.after(circuitLingerMs, () => end.close('replaced'))
  }

  #upgrade({ number, device }: Link, circuit: End): void {
    const { network, host, own } = this.#init
    upgrade({
      network,
      host,
      own,
      circuit,
      isOver: () => !this.#links.has(number) || this.#isDirect(device),
      direct: () => {
        const { link, listener } = this.#make(device, false)
        return { listener, rise: (end) => this.#rise(link, end) }
      },
    })
  }

  #isDirect(device: DeviceId): boolean {
    return [...this.#links.values()].some((link) => link.device === device && link.end?.through === undefined)
  }

  #watchStranger(link: Link): void {
    this.#init.network.world.after(strangerIdleMs, () => {
      if (link.stranger) link.end?.close('idle')
    })
  }
}
