/**
 * Has the router forward the ports this device listens on, where it does so on request. Asked anew before the lease is over
 * and whenever this machine is elsewhere; quiet where there is no such router, which is most often. What is forwarded is told
 * to contacts like any address of ours.
 */
import { BlockList, isIPv4 } from 'node:net'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { reasonOf } from './deadline.ts'
import { externalAddress, findGateway, forward, GatewayRefusal, unforward, type Gateway } from './gateway.ts'
import type { Log } from './log.ts'

/** `none`: no router offers it, or none is needed. */
export type MappingStanding =
  | { readonly state: 'none' }
  | { readonly state: 'forwards'; readonly addresses: readonly string[] }
  | { readonly state: 'refuses'; readonly reason: string }

export interface PortMappingInit {
  /** Listened on, wildcards spelled out. */
  readonly listening: () => readonly Multiaddr[]
  readonly onChanged: () => void
  readonly log: Log
}

/** A router that was switched off and on has forgotten it after so long at the most. */
const leaseSeconds = 3_600
const renewMs = 900_000
/** Ports above those that need a privilege, tried when somebody else in the house has ours. */
const otherPorts = { first: 20_000, count: 40_000 }
const triesMax = 4
const portsMax = 2
const stopMsMax = 1_000
/** UPnP's codes: another machine has this port; only forwardings that last are made; and only of a port to the same. */
const refusals = { conflict: 718, lastingOnly: 725, samePortOnly: 724 }

interface Mapped {
  readonly gateway: Gateway
  /** By the clock that is never set: the lease is over then. */
  readonly untilMs: number
  readonly externalPort: number
  readonly internalPort: number
  readonly address: Multiaddr
}

export class PortMapping {
  readonly #init: PortMappingInit
  #mapped: readonly Mapped[] = []
  #refusal: string | undefined
  #timer: NodeJS.Timeout | undefined
  #round: Promise<void> | undefined
  #again = false
  #stopped = false

  constructor(init: PortMappingInit) {
    this.#init = init
  }

  /** Public addresses that lead here. */
  addresses(): readonly Multiaddr[] {
    return this.#mapped.map(({ address }) => address)
  }

  standing(): MappingStanding {
    if (this.#mapped.length > 0) return { state: 'forwards', addresses: this.addresses().map(String) }
    return this.#refusal === undefined ? { state: 'none' } : { state: 'refuses', reason: this.#refusal }
  }

  /** Asks now, and from then on in time. */
  refresh(): void {
    if (this.#round !== undefined) {
      this.#again = true
      return
    }
    clearTimeout(this.#timer)
    if (this.#stopped) return
    this.#round = this.#ask().finally(() => {
      this.#round = undefined
      this.#timer = setTimeout(() => this.refresh(), renewMs).unref()
      if (this.#again) this.refresh()
    })
  }

  /** Takes back what was asked for, within a second. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    const back = this.#mapped.map(({ gateway, externalPort }) => unforward(gateway, externalPort))
    this.#mapped = []
    await Promise.race([Promise.allSettled(back), new Promise((go) => setTimeout(go, stopMsMax).unref())])
  }

  async #ask(): Promise<void> {
    this.#again = false
    const before = this.addresses().join()
    const places = placesIn(this.#init.listening())
    const found: Mapped[] = []
    this.#refusal = undefined
    for (const [localAddress, ports] of places) {
      try {
        const gateway = await findGateway(localAddress)
        if (gateway === undefined) continue
        found.push(...(await this.#mapAll(gateway, ports)))
        break
      } catch (error) {
        this.#refusal = error instanceof GatewayRefusal ? error.message : reasonOf(error)
        this.#init.log('debug', 'the router forwards nothing', { reason: this.#refusal })
      }
    }
    if (this.#stopped)
      return void (await Promise.allSettled(found.map((one) => unforward(one.gateway, one.externalPort))))
    this.#mapped = found.length > 0 ? found : this.#standing(places)
    if (this.addresses().join() !== before) this.#init.onChanged()
  }

  /** A question that went unanswered once is no reason to give up what was granted. */
  #standing(places: ReadonlyMap<string, unknown>): readonly Mapped[] {
    if (this.#refusal !== undefined) return []
    const nowMs = performance.now()
    return this.#mapped.filter(({ gateway, untilMs }) => untilMs > nowMs && places.has(gateway.localAddress))
  }

  async #mapAll(gateway: Gateway, ports: readonly Port[]): Promise<readonly Mapped[]> {
    const host = await externalAddress(gateway)
    if (!isIPv4(host) || notPublic.check(host)) {
      this.#refusal = 'another router stands before it, and nobody outside reaches it'
      return []
    }
    const mapped: Mapped[] = []
    for (const { port, rest } of ports.slice(0, portsMax)) {
      const known = this.#mapped.find(({ internalPort }) => internalPort === port)
      const externalPort = await forwardSomehow(gateway, port, known?.externalPort ?? port)
      const address = multiaddr(`/ip4/${host}/tcp/${externalPort}${rest}`)
      const untilMs = performance.now() + leaseSeconds * 1_000
      mapped.push({ gateway, untilMs, externalPort, internalPort: port, address })
    }
    return mapped
  }
}

/** Which port of the router it became. */
async function forwardSomehow(gateway: Gateway, internalPort: number, wanted: number): Promise<number> {
  let [externalPort, lease] = [wanted, leaseSeconds]
  for (let tries = 1; ; tries++) {
    try {
      await forward(gateway, { externalPort, internalPort, leaseSeconds: lease })
      return externalPort
    } catch (error) {
      if (!(error instanceof GatewayRefusal) || tries >= triesMax) throw error
      if (error.code === refusals.lastingOnly) lease = 0
      else if (error.code === refusals.samePortOnly && externalPort !== internalPort) externalPort = internalPort
      else if (error.code === refusals.conflict)
        externalPort = otherPorts.first + Math.floor(Math.random() * otherPorts.count)
      else throw error
    }
  }
}

interface Port {
  readonly port: number
  /** What follows it in the multiaddr, as `/ws`. */
  readonly rest: string
}

/** For each private address of this machine, the ports listened on there; none when it has a public one that others reach. */
function placesIn(listening: readonly Multiaddr[]): ReadonlyMap<string, readonly Port[]> {
  const places = new Map<string, Port[]>()
  for (const address of listening) {
    const [, host = '', port = '', rest = ''] =
      /^\/ip4\/([\d.]+)\/tcp\/(\d+)((?:\/ws)?)$/.exec(address.toString()) ?? []
    if (!isIPv4(host) || loopback.check(host)) continue
    if (!notPublic.check(host)) return new Map()
    const ports = places.get(host) ?? []
    places.set(host, [...ports, { port: Number(port), rest }])
  }
  return places
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)

/** Addresses that mean nothing outside: of private networks, of providers' own, of one link, of one machine. */
const notPublic = new BlockList()
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const)
  notPublic.addSubnet(net, bits)
