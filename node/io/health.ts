/** How this device's network stands: what kind of router is in front of it, and how far its relays are. Decides nothing. */
import { networkInterfaces } from 'node:os'
import type { DirectoryAnswer } from '../core/inputs.ts'
import { placeOf } from './addresses.ts'
import { withDeadline } from './deadline.ts'
import { askDirectory } from './directory-client.ts'
import type { DeviceHost } from './host.ts'
import type { MappingStanding } from './port-mapping.ts'
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
  /** Absent when the router is not asked. */
  readonly mapping?: MappingStanding
  /** Relays through which we can be reached. */
  readonly circuits: readonly string[]
  /** Each relay's clock less ours, give or take half a round trip; of those that told their time. */
  readonly skewsMs: ReadonlyMap<string, number>
  /** Relays that answer, and can keep nothing just now. */
  readonly full: ReadonlySet<string>
}

export interface HealthInit {
  /** Absent when there is nothing to say yet. */
  readonly publish: ((relay: string) => Promise<DirectoryAnswer>) | undefined
  readonly mapping: MappingStanding | undefined
}

const pingMsMax = 3_000

export async function healthOf(
  host: DeviceHost,
  relays: readonly string[],
  { publish, mapping }: HealthInit,
): Promise<Health> {
  const views = host.services.vantage.views()
  const roundTrips = await Promise.all(relays.map((relay) => roundTripMs(host, relay)))
  const reached = roundTrips.filter((one) => one !== undefined)
  const told = await Promise.all(
    reached.map(async ([relay]) => {
      const [said, published] = await Promise.all([askTime(host, relay), publish?.(relay)])
      return { relay, skewMs: said?.skewMs, full: said?.full === true || isBusy(published) }
    }),
  )
  return {
    router: routerOf(views, ownHosts()),
    seenAs: [...new Set(views.map(({ observed }) => hostOf(observed.toString())))],
    roundTripsMs: new Map(reached),
    skewsMs: new Map(told.flatMap(({ relay, skewMs }) => (skewMs === undefined ? [] : [[relay, skewMs] as const]))),
    full: new Set(told.filter(({ full }) => full).map(({ relay }) => relay)),
    ...(mapping !== undefined && { mapping }),
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

/** What the relay's clock says, against the middle of the time the question took; and what it says besides. */
async function askTime(
  host: DeviceHost,
  relay: string,
): Promise<{ readonly skewMs: number; readonly full: boolean } | undefined> {
  const askedMs = Date.now()
  const answer = await askDirectory(
    host.services.reach,
    relay,
    { kind: 'ask-time' },
    { relay: true, answerMsMax: pingMsMax },
  )
  if (answer.kind !== 'answered' || answer.frame.kind !== 'time') return undefined
  const { atMs, full = false } = answer.frame
  return { skewMs: atMs - (askedMs + Date.now()) / 2, full }
}

/** A relay whose disk takes nothing more refuses what it would have to write, in the word for “come back later”. */
function isBusy(answer: DirectoryAnswer | undefined): boolean {
  return answer?.kind === 'answered' && answer.frame.kind === 'refused' && answer.frame.reason === 'busy'
}

function ownHosts(): ReadonlySet<string> {
  return new Set(Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address)))
}

function hostOf(address: string): string {
  return address.split('/')[2] ?? ''
}
