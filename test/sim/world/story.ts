/**
 * A small world for telling a story in: people, relays, and a few words for what usually happens. Real sessions unless told
 * otherwise; everything said on a wire goes through the real codecs.
 */
import { signalSessions } from '../../../protocol/session/signal.ts'
import type { DeviceId } from '../../../protocol/ids.ts'
import type { Sessions } from '../../../protocol/session/types.ts'
import { sealing as realSealing, type SealedMessage, type Sealing } from '../../../protocol/wire/sealed.ts'
import { checkedCarriage, type Carriage } from './carriage.ts'
import { SimDevice, type DeviceInit } from './device.ts'
import { fairWeather, Network, type Weather } from './network.ts'
import { Person } from './person.ts'
import { SimRelay, type RelayInit } from './relay.ts'
import type { Detail } from './trace.ts'
import { Watches } from './watch.ts'
import { World } from './world.ts'

export interface StoryInit {
  readonly seed?: string
  readonly weather?: Weather
  readonly sessions?: Sessions
  readonly sealing?: Sealing
  readonly trace?: Detail
  readonly carriage?: Carriage
}

export class Story {
  readonly world: World
  readonly network: Network
  readonly watches: Watches = new Watches()
  readonly people: Person[] = []
  readonly relays: SimRelay[] = []
  readonly #sessions: Sessions
  readonly #sealing: Sealing
  readonly #carriage: Carriage

  constructor({ seed = 'story', weather = fairWeather, sessions, sealing, trace, carriage }: StoryInit = {}) {
    this.world = new World(seed, trace)
    this.network = new Network(this.world, weather)
    this.#sessions = sessions ?? signalSessions
    this.#sealing = sealing ?? realSealing
    this.#carriage = carriage ?? checkedCarriage(this.world)
    const byDevice = new Map<SimDevice, Person>()
    this.watches.add({
      performed: (device, effect) => {
        if (effect.kind !== 'notify') return
        const known = byDevice.get(device) ?? this.people.find((person) => person.device === device)
        if (known === undefined) return
        byDevice.set(device, known)
        if (known.lightsUpFor(effect.stored.event)) known.lit()
      },
    })
  }

  relay(name: string, init: Partial<RelayInit> = {}): SimRelay {
    const { network, watches } = this
    const parts = { name, network, watches, carriage: this.#carriage, sessions: this.#sessions }
    const relay = new SimRelay({ ...parts, ...init })
    this.relays.push(relay)
    return relay
  }

  person(name: string, relays: readonly SimRelay[], init: Partial<DeviceInit> = {}): Person {
    const { network, watches } = this
    const parts = { name, network, watches, carriage: this.#carriage, sessions: this.#sessions, sealing: this.#sealing }
    const device = new SimDevice({ ...parts, relays: relays.map((relay) => relay.address), ...init })
    const person = new Person(this.world, device)
    this.people.push(person)
    device.start()
    return person
  }

  /** One invites, the other opens it; they are contacts both ways when this returns true. */
  meet(host: Person, guest: Person, withinMs = 60_000): boolean {
    guest.opens(host.invites())
    return this.world.until(() => host.knows(guest) === 'added' && guest.knows(host) === 'added', withinMs)
  }

  /** As whoever is named in it would, or would not. */
  seal(to: DeviceId, message: SealedMessage): Uint8Array {
    return this.#sealing.seal(to, message, this.world.chance)
  }

  pass(ms: number): void {
    this.world.pass(ms)
  }
}

export const second = 1_000
export const minute: number = 60 * second
export const hour: number = 60 * minute
export const day: number = 24 * hour
