/**
 * Being reached through relays, as `node/io/circuits.ts` and `node/io/upgrade.ts` see to it: a reservation wherever a line to
 * an own relay stands, told of from then on; and a circuit to a friend becomes a direct link where routers let it.
 */
import type { DeviceId } from '../../../protocol/ids.ts'
import { directProtocol } from '../../../protocol/wire/direct.ts'
import { addressOf } from './mailbox-lines.ts'
import type { Host, Network } from './network.ts'
import type { End, Listener } from './wire.ts'

export interface ReservationsInit {
  readonly network: Network
  readonly host: Host
  /** Relays through which we could be reached when we were last here, as our card says. */
  readonly granted: readonly string[]
  readonly onChanged: () => void
}

export class Reservations {
  readonly #init: ReservationsInit
  readonly #granted: Set<string>
  readonly #lines = new Map<string, object>()

  constructor(init: ReservationsInit) {
    this.#init = init
    this.#granted = new Set(init.granted)
  }

  /** To be told besides where the host itself stands. */
  addresses(): readonly string[] {
    return [...this.#granted].map((relay) => `${relay}/p2p-circuit`)
  }

  risen(relay: string): void {
    const { network, host, onChanged } = this.#init
    const at = network.at(addressOf(relay))
    if (at?.carriesCircuits !== true) return
    const line = {}
    this.#lines.set(relay, line)
    network.world.after(network.latencyMs(host, at) + network.latencyMs(at, host), () => {
      if (this.#lines.get(relay) !== line) return
      network.reserve(host, at)
      if (this.#granted.has(relay)) return
      this.#granted.add(relay)
      onChanged()
    })
  }

  /** Stays told: a relay that is away for a moment is no reason for another card. */
  lost(relay: string): void {
    const { network, host } = this.#init
    const at = network.at(addressOf(relay))
    if (this.#lines.delete(relay) && at !== undefined) network.release(host, at)
  }

  left(relay: string): void {
    this.lost(relay)
    if (this.#granted.delete(relay)) this.#init.onChanged()
  }
}

/** The first soon, the others for lost packets and bad moments; from then on the last of them again and again. */
const pausesMs: readonly number[] = [3_000, 30_000, 120_000, 600_000]

export interface Upgrade {
  readonly network: Network
  readonly host: Host
  readonly own: DeviceId
  /** The circuit, on the side that was called. */
  readonly circuit: End
  readonly isOver: () => boolean
  /** Makes the ear for a direct connection, and takes its end. */
  readonly direct: () => { readonly listener: Listener; readonly rise: (end: End) => void }
}

/** Whoever was called begins, after the two have agreed on a moment. */
export function upgrade(init: Upgrade, attempt = 0): void {
  const { network, host, own, circuit, isOver, direct } = init
  const { far, through } = circuit
  const relay = through ?? far
  const roundTripMs = 2 * (network.latencyMs(host, relay) + network.latencyMs(relay, far))
  network.world.after(1.5 * roundTripMs, () => {
    if (isOver()) return
    const { listener, rise } = direct()
    const dial = { from: host, expects: far.device, protocol: directProtocol, as: own, listener }
    network.meet(dial, far, (dialled) => {
      if (dialled.ok) {
        network.world.mark('circuit-upgraded')
        return rise(dialled.end)
      }
      network.world.after(pausesMs[Math.min(attempt, pausesMs.length - 1)] ?? 0, () => {
        if (!isOver()) upgrade(init, attempt + 1)
      })
    })
  })
}
