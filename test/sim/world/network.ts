/**
 * Who can reach whom, and how well. A host has addresses, stands in a place, and is open to the world, only to those in the
 * same place (a home router), or to nobody (a strict firewall); who cannot be dialled may be reached through a relay that
 * carries circuits. Partitions cut paths one way or both. Connections keep to `wire.ts`; what is said on them is the
 * machines' affair.
 */
import type { DeviceId } from '../../../protocol/ids.ts'
import { isCircuit } from '../../../node/core/routes.ts'
import type { Chance } from './chance.ts'
import type { World } from './world.ts'
import { Wire, type End, type Listener } from './wire.ts'

/** `public`: anyone can dial in. `home`: those in the same place can. `hidden`: nobody can. */
export type Openness = 'public' | 'home' | 'hidden'

/** How a path behaves between any two hosts, besides what each adds. */
export interface Weather {
  /** Of a frame, in which case it comes late; sometimes it takes the connection with it. */
  readonly lossRate: number
  readonly duplicateRate: number
  readonly reorderRate: number
  readonly jitterMs: number
}

export const fairWeather: Weather = { lossRate: 0, duplicateRate: 0, reorderRate: 0, jitterMs: 2 }

/** Lets a stream in, or undefined. `device` is absent for callers who do not say who they are. */
export type Accept = (end: End, device: DeviceId | undefined) => Listener | undefined

export interface HostInit {
  readonly name: string
  readonly device: DeviceId
  readonly openness: Openness
  readonly place: string
  /** One way, to the middle of the net. */
  readonly latencyMs: number
  readonly bytesPerSecond: number
}

export class Host {
  readonly name: string
  readonly device: DeviceId
  readonly latencyMs: number
  readonly bytesPerSecond: number
  openness: Openness
  place: string
  /** The machine is on and plugged in. */
  online = true
  readonly wires: Set<Wire> = new Set<Wire>()
  /** What the process that runs there answers, by protocol. Empty while none does. */
  readonly services: Map<string, Accept> = new Map<string, Accept>()
  /** A relay that lets others be reached through it. */
  carriesCircuits = false
  /** Who can be reached through it: whoever has a reservation. */
  readonly guests: Map<DeviceId, Host> = new Map<DeviceId, Host>()
  /** Where this host has one. */
  readonly reservedAt: Set<Host> = new Set<Host>()
  bytesOut = 0
  framesOut = 0

  constructor({ name, device, openness, place, latencyMs, bytesPerSecond }: HostInit) {
    this.name = name
    this.device = device
    this.openness = openness
    this.place = place
    this.latencyMs = latencyMs
    this.bytesPerSecond = bytesPerSecond
  }
}

export type Dialled = { readonly ok: true; readonly end: End } | { readonly ok: false; readonly reason: string }

export interface Dial {
  readonly from: Host
  readonly addresses: readonly string[]
  readonly expects: DeviceId
  readonly protocol: string
  /** Who the caller says it is. */
  readonly as: DeviceId | undefined
  readonly listener: Listener
}

/** Dials are given up after so long, and a dead connection is noticed after so long: the device's own bounds. */
const dialMsMax = 5_000
const pulseMs = 12_000
/** A direct address has such a lead before a circuit is tried. */
const leadMs = 100
/** A relay ends a circuit after so long, as it is shipped. */
const circuitMsMax = 3_600_000
const noReservation = 'no reservation'

export class Network {
  readonly world: World
  readonly chance: Chance
  weather: Weather
  readonly #hosts = new Map<string, Host>()
  #lastAddress = 0
  readonly #cuts = new Set<(from: Host, to: Host) => boolean>()

  constructor(world: World, weather: Weather = fairWeather) {
    this.world = world
    this.chance = world.chance.fork('network')
    this.weather = weather
  }

  /** An address nobody had before. */
  newAddress(): string {
    const n = ++this.#lastAddress
    return `/ip4/10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}/tcp/4001`
  }

  place(host: Host, address: string): void {
    this.#hosts.set(address, host)
  }

  unplace(address: string): void {
    this.#hosts.delete(address)
  }

  /** Cuts paths until healed by calling what is returned. Connections across it are noticed dead after a pulse. */
  cut(isCut: (from: Host, to: Host) => boolean): () => void {
    this.#cuts.add(isCut)
    this.#listenForPulse()
    return () => this.#cuts.delete(isCut)
  }

  /** The host that stands at an address, without PeerId. */
  at(address: string): Host | undefined {
    return this.#hosts.get(address)
  }

  healAll(): void {
    this.#cuts.clear()
  }

  isBlocked(from: Host, to: Host): boolean {
    if (!from.online || !to.online) return true
    for (const isCut of this.#cuts) if (isCut(from, to)) return true
    return false
  }

  /** The machine loses its network or its power: nobody is told, and all find out. */
  unplug(host: Host): void {
    host.online = false
    this.#listenForPulse([host])
  }

  plugIn(host: Host): void {
    host.online = true
  }

  /** The process ends while the machine stays: its kernel closes every connection. */
  hangUp(host: Host): void {
    host.services.clear()
    for (const relay of host.reservedAt) this.release(host, relay)
    for (const guest of host.guests.values()) this.release(guest, host)
    for (const wire of host.wires) wire.breakFrom(host)
  }

  latencyMs(from: Host, to: Host): number {
    const baseMs = from.place === to.place ? 1 : from.latencyMs + to.latencyMs
    return baseMs + this.chance.unit() * this.weather.jitterMs
  }

  /** Answers once: with an end to speak on, or why there is none. Whoever can be dialled is; others through a relay. */
  dial(dial: Dial, answer: (dialled: Dialled) => void): void {
    const { from, addresses, expects } = dial
    const target = addresses.map((address) => this.#hosts.get(address)).find((host) => host?.device === expects)
    if (target === undefined || !this.#letsIn(target, from)) {
      if (target !== undefined) this.world.mark('shut-out')
      return this.#call(dial, answer)
    }
    if (target.openness === 'home') this.world.mark('dialled-at-home')
    if (from.openness === 'hidden') this.world.mark('dialled-from-hidden')
    this.#connect(dial, target, answer)
  }

  /** Both begin at one moment, so that to each router the other's packets look like an answer. False where none is fooled. */
  meet(dial: Omit<Dial, 'addresses'>, target: Host, answer: (dialled: Dialled) => void): boolean {
    const { from } = dial
    const kinds = [from.openness, target.openness]
    if (!kinds.includes('public') && kinds.includes('hidden') && from.place !== target.place) {
      this.world.mark('circuit-stays')
      return false
    }
    this.#connect({ ...dial, addresses: [] }, target, answer)
    return true
  }

  #connect(dial: Dial, target: Host, answer: (dialled: Dialled) => void): void {
    const { from } = dial
    const roundTripMs = this.latencyMs(from, target) + this.latencyMs(target, from)
    this.world.after(1.5 * roundTripMs, () => {
      if (!this.#areJoined(from, target)) return this.#call(dial, answer)
      this.#open(dial, new Wire(this, from, target), roundTripMs, answer)
    })
  }

  /** Through the first relay of those named at which they have a reservation. */
  #call(dial: Dial, answer: (dialled: Dialled) => void): void {
    const { from, addresses, expects } = dial
    const inVain = (): void => this.#fail(dialMsMax, 'timed out', answer)
    const relays = addresses.filter(isCircuit).map((circuit) => this.#hosts.get(relayOf(circuit)))
    const relay = relays.find((host) => host !== undefined && host !== from && host.carriesCircuits)
    if (relay === undefined) return inVain()
    const toRelayMs = this.latencyMs(from, relay) + this.latencyMs(relay, from)
    this.world.after(leadMs + 1.5 * toRelayMs, () => {
      if (!this.#areJoined(from, relay) || !relay.carriesCircuits) return inVain()
      const target = relay.guests.get(expects)
      if (target === undefined) return this.#fail(toRelayMs, noReservation, answer)
      const roundTripMs = toRelayMs + this.latencyMs(relay, target) + this.latencyMs(target, relay)
      this.world.after(roundTripMs, () => {
        if (!this.#areJoined(from, relay) || !this.#areJoined(relay, target)) return inVain()
        if (relay.guests.get(expects) !== target) return this.#fail(0, noReservation, answer)
        this.world.mark('called-through-a-relay')
        const wire = new Wire(this, from, target, relay)
        this.world.after(circuitMsMax, () => wire.giveUp())
        this.#open(dial, wire, roundTripMs, answer)
      })
    })
  }

  #open({ protocol, as, listener }: Dial, wire: Wire, roundTripMs: number, answer: (dialled: Dialled) => void): void {
    const accept = wire.caller.far.services.get(protocol)
    const theirs = accept?.(wire.callee, as)
    if (theirs === undefined) {
      const reason = accept === undefined ? 'connection refused' : 'connection reset'
      wire.discard()
      return this.#fail(roundTripMs / 2, reason, answer)
    }
    wire.listen(listener, theirs)
    answer({ ok: true, end: wire.caller })
  }

  #fail(inMs: number, reason: string, answer: (dialled: Dialled) => void): void {
    if (reason === noReservation) this.world.mark('call-without-reservation')
    this.world.after(inMs, () => answer({ ok: false, reason }))
  }

  #areJoined(a: Host, b: Host): boolean {
    return !this.isBlocked(a, b) && !this.isBlocked(b, a)
  }

  /** From now on others are carried to this host. */
  reserve(host: Host, relay: Host): void {
    relay.guests.set(host.device, host)
    host.reservedAt.add(relay)
  }

  release(host: Host, relay: Host): void {
    relay.guests.delete(host.device)
    host.reservedAt.delete(relay)
  }

  #letsIn(target: Host, from: Host): boolean {
    if (target.openness === 'public') return true
    return target.openness === 'home' && target.place === from.place
  }

  /** A while after paths were cut, connections that still cannot cross are found dead by both their ends. */
  #listenForPulse(hosts?: readonly Host[]): void {
    this.world.after(pulseMs, () => {
      for (const host of hosts ?? new Set(this.#hosts.values())) {
        for (const wire of host.wires) wire.pulse()
      }
    })
  }
}

/** The address of the relay in a circuit's, without PeerIds. */
function relayOf(circuit: string): string {
  return circuit.slice(0, circuit.indexOf('/p2p/'))
}
