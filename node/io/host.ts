/**
 * The two libp2p hosts of a device: itself, which listens and is known by its key; and an anonymous one, which only dials,
 * under a key made for the occasion. Configuration and its reasons; what is said over them is left to the services.
 */
import { noise } from '@chainsafe/libp2p-noise'
import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { identify, type Identify } from '@libp2p/identify'
import type { PeerInfo } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { createLibp2p, type Libp2p, type Libp2pOptions } from 'libp2p'
import { quietLogger } from '../../protocol/shell/quiet-logger.ts'
import { circuits, type Circuits, type CircuitsInit } from './circuits.ts'
import { Unreachable, withDeadline } from './deadline.ts'
import { direct, type Direct, type DirectInit } from './direct-service.ts'
import { gossip, type Gossip, type GossipInit } from './gossip.ts'
import { neighbourhood } from './neighbourhood.ts'
import { ownDirectory, type OwnDirectory, type OwnDirectoryInit } from './own-directory.ts'
import { steadyYamux, type PulseInit } from './pulse.ts'
import { reach, type Reach, type ReachInit } from './reach.ts'
import { upgrade, type Upgrade, type UpgradeInit } from './upgrade.ts'
import { vantage, type Vantage } from './vantage.ts'

export interface DeviceHostInit {
  /** 32-byte Ed25519 seed of the device. */
  readonly seed: Uint8Array
  readonly listen: readonly string[]
  readonly announce: readonly string[]
  readonly direct: DirectInit
  readonly directory: OwnDirectoryInit
  /** Absent, this device is neither reached nor reaches others through relays as itself. */
  readonly circuits?: CircuitsInit & Pick<UpgradeInit, 'isFriend' | 'onDirect' | 'log'>
  /** A device on the local network says that it is there; absent, this one neither says so nor listens. */
  readonly onNeighbour?: (neighbour: PeerInfo) => void
  /** Absent, this device does not speak gossipsub. */
  readonly gossip?: GossipInit & {
    readonly onMessage: (topic: string, data: Uint8Array) => void
    readonly onListener: (topic: string) => void
  }
  readonly reach?: ReachInit
  readonly pulse?: PulseInit
}

export type DeviceHost = Libp2p<{
  identify: Identify
  reach: Reach
  direct: Direct
  directory: OwnDirectory
  vantage: Vantage
  circuits?: Circuits
  upgrade?: Upgrade
  gossip?: Gossip
}>
export type AnonymousHost = Libp2p<{ reach: Reach }>

/** Contacts online, strangers at the door and relays, with room to spare; libp2p prunes beyond it. */
const connectionsMax = 512
/** As shipped, five a second from one address are let in: two people behind one router are cut off by a third. */
const inboundPerSecondMax = 50
const inboundPendingMax = 64

/** Not yet started. */
export async function createDeviceHost(init: DeviceHostInit): Promise<DeviceHost> {
  const { circuits: through, gossip: airwaves } = init
  const seen = (): Vantage => host.services.vantage
  const host: DeviceHost = await createLibp2p({
    ...common(init.pulse),
    ...(init.onNeighbour !== undefined && { peerDiscovery: [neighbourhood()] }),
    ...(through !== undefined && {
      transports: [tcp(), webSockets(), circuitRelayTransport({ discoveryFilter: knowsEverybody })],
    }),
    start: false,
    privateKey: await generateKeyPairFromSeed('Ed25519', init.seed),
    addresses: { listen: [...init.listen], announce: [...init.announce] },
    nodeInfo: { name: 'linnet', version: '1', userAgent: 'linnet' }, // The default would name the exact version of Node.
    services: {
      identify: identify(),
      vantage: vantage(),
      reach: reach({ ...init.reach, ...(through !== undefined && { vantage: seen }) }),
      direct: direct(init.direct),
      directory: ownDirectory(init.directory),
      ...(airwaves !== undefined && { gossip: gossip(airwaves) }),
      ...(through !== undefined && {
        circuits: circuits(through),
        upgrade: upgrade({ ...through, vantage: seen, listening: () => host.services.reach.listening() }),
      }),
    },
  })
  host.addEventListener('peer:discovery', ({ detail }) => init.onNeighbour?.(detail))
  if (airwaves !== undefined && host.services.gossip !== undefined) tune(host, host.services.gossip, airwaves)
  return host
}

function tune(
  host: DeviceHost,
  service: Gossip,
  { onMessage, onListener }: NonNullable<DeviceHostInit['gossip']>,
): void {
  service.addEventListener('message', ({ detail: { topic, data } }) => onMessage(topic, data))
  service.addEventListener('subscription-change', ({ detail: { subscriptions } }) => {
    for (const { topic, subscribe } of subscriptions) if (subscribe) onListener(topic)
  })
  host.addEventListener('connection:close', ({ detail: { remotePeer } }) => {
    const [other] = host.getConnections(remotePeer).filter(({ status }) => status === 'open')
    if (other !== undefined) service.moved(remotePeer, other)
  })
}

/** Which relays are used is the user's choice: libp2p would ask every one it meets for a reservation. */
const knowsEverybody = { add: () => undefined, has: () => true, remove: () => true }

/** Started. Answers nothing, tells nothing: no identify, no addresses, a key nobody has seen. */
export async function createAnonymousHost(init: { reach?: ReachInit; pulse?: PulseInit } = {}): Promise<AnonymousHost> {
  return createLibp2p({ ...common(init.pulse), services: { reach: reach(init.reach) } })
}

function common(pulse: PulseInit | undefined): Libp2pOptions {
  return {
    transports: [tcp(), webSockets()],
    connectionEncrypters: [noise()],
    streamMuxers: [steadyYamux(pulse)],
    connectionManager: {
      maxConnections: connectionsMax,
      inboundConnectionThreshold: inboundPerSecondMax,
      maxIncomingPendingConnections: inboundPendingMax,
      reconnectRetries: 0, // When a relay is dialled again is decided in `own-relays.ts`.
    },
    connectionMonitor: { enabled: false }, // It opens a stream for each ping; see `pulse.ts`.
    logger: quietLogger,
  }
}

/** Stops a host, in bounded time, whatever its connections do. */
export async function stopHost(host: Libp2p, msMax: number): Promise<void> {
  try {
    await withDeadline(msMax, async () => host.stop())
  } catch {
    for (const connection of host.getConnections()) connection.abort(new Unreachable('stopping'))
  }
}
