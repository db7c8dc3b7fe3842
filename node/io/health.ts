/** How this device's network stands: what kind of router is in front of it, and how far its relays are. Decides nothing. */
import { networkInterfaces } from 'node:os'
import { placeOf } from './addresses.ts'
import { withDeadline } from './deadline.ts'
import type { DeviceHost } from './host.ts'
import type { View } from './vantage.ts'

/**
 * `open`: seen under an address of its own. `keeps ports`: two relays see the same port, so a contact would too. `symmetric`:
 * each sees another. `translates`: seen under an address that is not its own, by one relay only.
 */
export type Router = 'open' | 'keeps ports' | 'symmetric' | 'translates' | 'unknown'

export interface Health {
  readonly router: Router
  /** From where relays see us, without ports. */
  readonly seenAs: readonly string[]
  readonly roundTripsMs: ReadonlyMap<string, number>
  /** Relays through which we can be reached. */
  readonly circuits: readonly string[]
  /** The relays' clocks less ours; absent when none told its time. */
  readonly skewMs?: number
}

const pingMsMax = 3_000

export async function healthOf(host: DeviceHost, relays: readonly string[]): Promise<Health> {
  const views = host.services.vantage.views()
  const roundTrips = await Promise.all(relays.map((relay) => roundTripMs(host, relay)))
  return {
    router: routerOf(views, ownHosts()),
    seenAs: [...new Set(views.map(({ observed }) => hostOf(observed.toString())))],
    roundTripsMs: new Map(roundTrips.filter((one) => one !== undefined)),
    circuits: host.services.circuits?.granted() ?? [],
  }
}

function routerOf(views: readonly View[], own: ReadonlySet<string>): Router {
  const [first] = views
  if (first === undefined) return 'unknown'
  if (own.has(hostOf(first.observed.toString()))) return 'open'
  const samePort = views.filter(({ localPort }) => localPort === first.localPort)
  if (samePort.length < 2) return 'translates'
  return new Set(samePort.map(({ observed }) => observed.toString())).size === 1 ? 'keeps ports' : 'symmetric'
}

async function roundTripMs(host: DeviceHost, relay: string): Promise<readonly [string, number] | undefined> {
  const place = placeOf(relay)
  const peer = relay.slice(relay.lastIndexOf('/') + 1)
  const connection = host.getConnections().find((one) => one.remotePeer.toString() === peer)
  if (place === undefined || connection === undefined) return undefined
  const startMs = performance.now()
  try {
    // Opening a stream takes one round trip whatever the protocol; identify is spoken by every relay.
    const stream = await withDeadline(pingMsMax, (signal) => connection.newStream('/ipfs/id/1.0.0', { signal }))
    stream.abort(new Error('only asked how far'))
    return [relay, performance.now() - startMs]
  } catch {
    return undefined
  }
}

function ownHosts(): ReadonlySet<string> {
  return new Set(Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address)))
}

function hostOf(address: string): string {
  return address.split('/')[2] ?? ''
}
