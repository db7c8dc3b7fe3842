/**
 * Who can reach whom, and how well. A host has addresses, stands in a place, and is open to the world, only to those in the
 * same place (a home router), or to nobody (a strict firewall). Partitions cut paths one way or both. Connections keep to
 * `wire.ts`; what is said on them is the machines' affair.
 */
import type { DeviceId } from '../../../protocol/ids.ts'
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
    for (const wire of host.wires) wire.breakFrom(host)
  }

  latencyMs(from: Host, to: Host): number {
    const baseMs = from.place === to.place ? 1 : from.latencyMs + to.latencyMs
    return baseMs + this.chance.unit() * this.weather.jitterMs
  }

  /** Answers once: with an end to speak on, or why there is none. */
  dial(dial: Dial, answer: (dialled: Dialled) => void): void {
    const { from } = dial
    const target = dial.addresses
      .map((address) => this.#hosts.get(address))
      .find((host) => host?.device === dial.expects)
    const fail = (inMs: number, reason: string): void => {
      this.world.after(inMs, () => answer({ ok: false, reason }))
    }
    if (target === undefined) return fail(dialMsMax, 'timed out')
    if (!this.#letsIn(target, from)) {
      this.world.mark('shut-out')
      return fail(dialMsMax, 'timed out')
    }
    if (target.openness === 'home') this.world.mark('dialled-at-home')
    if (from.openness === 'hidden') this.world.mark('dialled-from-hidden')
    const roundTripMs = this.latencyMs(from, target) + this.latencyMs(target, from)
    this.world.after(1.5 * roundTripMs, () => {
      if (this.isBlocked(from, target) || this.isBlocked(target, from)) return fail(dialMsMax, 'timed out')
      const accept = target.services.get(dial.protocol)
      if (accept === undefined) return fail(roundTripMs / 2, 'connection refused')
      const wire = new Wire(this, from, target)
      const theirs = accept(wire.callee, dial.as)
      if (theirs === undefined) return fail(roundTripMs / 2, 'connection reset')
      wire.listen(dial.listener, theirs)
      answer({ ok: true, end: wire.caller })
    })
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
