/**
 * Reservations at our own relays: whoever cannot dial us asks such a relay for a circuit to us. A libp2p service that makes a
 * reservation whenever the link to a relay stands, and tells which relays grant one; stock libp2p makes it once, at start,
 * fails to start without it, and never again after the relay was away (js-libp2p #3601).
 *
 * What is told of a relay stays told while it, or this device, is away for a moment: an address that comes and goes would
 * make a new card each time, and whoever has the one between could not call.
 */
import { peerIdFromString } from '@libp2p/peer-id'
import type { PeerId, Startable, Transport } from '@libp2p/interface'
import { peerIdOf } from '../../protocol/ids.ts'
import { placeOf } from './addresses.ts'
import { withDeadline } from './deadline.ts'

export interface CircuitsComponents {
  readonly transportManager: { getTransports(): Transport[] }
}

export interface CircuitsInit {
  /** Full multiaddrs of relays that granted circuits when we were last here, and are taken to do so still. */
  readonly granted: readonly string[]
  /** The relays that grant circuits have changed. */
  readonly onChanged: () => void
}

/** What is used of circuit relay's transport; its filter remembers for ever a relay whose dial failed once. */
interface ReservationStore {
  addRelay(peer: PeerId, type: 'configured'): Promise<unknown>
  hasReservation(peer: PeerId): boolean
  relayFilter?: unknown
}

const reserveMsMax = 8_000
/** Asked again after so long while the link stands: a relay that was full, or lost the reservation and did not say so. */
const againMs = 60_000

export class Circuits implements Startable {
  readonly #components: CircuitsComponents
  readonly #init: CircuitsInit
  readonly #granted: Set<string>
  /** Relays whose link stands. */
  readonly #linked = new Set<string>()
  #store: ReservationStore | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(components: CircuitsComponents, init: CircuitsInit) {
    this.#components = components
    this.#init = init
    this.#granted = new Set(init.granted)
  }

  start(): void {
    for (const transport of this.#components.transportManager.getTransports()) {
      if ('reservationStore' in transport) this.#store = transport.reservationStore as ReservationStore
    }
    if (this.#store !== undefined) Reflect.set(this.#store, 'relayFilter', { add: () => undefined, has: () => false })
    this.#timer = setInterval(() => this.#renewAll(), againMs)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#linked.clear()
  }

  /** Full multiaddrs of relays through which we can be reached. */
  granted(): readonly string[] {
    return [...this.#granted]
  }

  risen(relay: string): void {
    this.#linked.add(relay)
    void this.#reserve(relay)
  }

  lost(relay: string): void {
    this.#linked.delete(relay)
  }

  left(relay: string): void {
    this.lost(relay)
    if (this.#granted.delete(relay)) this.#init.onChanged()
  }

  #renewAll(): void {
    for (const relay of this.#linked) void this.#reserve(relay)
  }

  async #reserve(relay: string): Promise<void> {
    const [store, place] = [this.#store, placeOf(relay)]
    if (store === undefined || place === undefined) return
    try {
      await withDeadline(reserveMsMax, () => store.addRelay(peerIdFromString(peerIdOf(place.device)), 'configured'))
      if (!this.#linked.has(relay) || this.#granted.has(relay)) return
      this.#granted.add(relay)
    } catch {
      // Full, or no circuit relay at all: then we are not reached through it, and are asked to come back in a minute.
      if (!this.#linked.has(relay) || !this.#granted.delete(relay)) return
    }
    this.#init.onChanged()
  }
}

/** The service in libp2p's own form. */
export function circuits(init: CircuitsInit): (components: CircuitsComponents) => Circuits {
  return (components) => new Circuits(components, init)
}
