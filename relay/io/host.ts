/**
 * The libp2p node a relay is: which transports and services, and every bound on strangers before they reach the rules. The
 * defaults of libp2p suit a peer among a few hundred; each that does not suit a relay is set here, with its reason.
 */
import { circuitRelayServer, type CircuitRelayService } from '@libp2p/circuit-relay-v2'
import { privateKeyFromRaw } from '@libp2p/crypto/keys'
import type { Libp2p, ServiceMap } from '@libp2p/interface'
import { webSockets } from '@libp2p/websockets'
import { createLibp2p } from 'libp2p'
import { ed25519PublicKey } from '../../protocol/crypto/primitives.ts'
import { quietLogger } from '../../protocol/shell/quiet-logger.ts'
import { Anteroom } from './anteroom.ts'
import { curedConnections, type CuredConnections } from './connections-cure.ts'
import { countCircuits, countedRefusals, countStreams } from './counted-refusals.ts'
import { directory, type DirectoryService } from './directory-service.ts'
import type { Door } from './door.ts'
import { Doorkeeper, type DoorLimits } from './doorkeeper.ts'
import { Doorstep } from './doorstep.ts'
import { gossip, type GossipLimits } from './gossip.ts'
import { householdOf } from './household.ts'
import { identifyAnswer, type IdentifyAnswer } from './identify-answer.ts'
import { cureListeners } from './listeners-cure.ts'
import { mailbox, type MailboxService } from './mailbox-service.ts'
import { curedNoise } from './noise-cure.ts'
import type { TurnedAway } from './observer.ts'
import { ownAddresses } from './own-addresses.ts'
import { curedPeers } from './peers-cure.ts'
import { cureReservations } from './reservations-cure.ts'
import type { Switchboard } from './switchboard.ts'
import { closeUnused, type UnusedConnectionsLimits } from './unused-connections.ts'
import { curedTcp } from './writes-cure.ts'
import { curedYamux } from './yamux-cure.ts'

export interface HostLimits extends DoorLimits, GossipLimits, UnusedConnectionsLimits {
  /** Connections of all peers together. */
  readonly connectionsMax: number
  /** Connections from one address in one second: a crowd behind one router that comes back at once. */
  readonly connectionsPerAddressPerSecond: number
  /** Connections that have not finished their handshake, shared out by address: see `anteroom.ts`. */
  readonly handshakesMax: number
  /** Milliseconds a handshake may take, and twice that in a flood of them: several round trips to the far side of the world. */
  readonly handshakeMsMax: number
  /** Streams of one connection, of all protocols together. */
  readonly streamsPerConnectionMax: number
  readonly mailboxStreamsPerConnectionMax: number
  readonly directoryStreamsPerConnectionMax: number
  /** Peers that can be reached through this relay. */
  readonly reservationsMax: number
  /** Bytes one circuit may carry, both ways together: a long conversation with pictures, not a film. */
  readonly circuitBytesMax: number
  /** Milliseconds one circuit may last. */
  readonly circuitMsMax: number
}

export const hostLimits: HostLimits = {
  connectionsMax: 10_000,
  connectionsPerAddressMax: 256,
  connectionsPerPeerMax: 8,
  connectionsPerAddressPerSecond: 50,
  handshakesMax: 1_000,
  handshakeMsMax: 10_000,
  connectionUnusedMsMax: 60_000,
  streamsPerConnectionMax: 128,
  mailboxStreamsPerConnectionMax: 4,
  directoryStreamsPerConnectionMax: 8,
  reservationsMax: 10_000,
  circuitBytesMax: 128 * 1_048_576,
  circuitMsMax: 3_600_000,
  gossipPeersMax: 1_000,
  gossipTopicsMax: 1_000,
  gossipTopicsPerPeerMax: 250,
}

export interface HostInit {
  /** Ed25519 seed, 32 bytes. */
  readonly seed: Uint8Array
  readonly listen: readonly string[]
  /** What is told to others instead of the addresses listened on. */
  readonly announce: readonly string[]
  readonly limits: HostLimits
  readonly switchboard: Switchboard
  readonly door: Door
  /** Told each time one of the limits was met. */
  readonly reached: (limit: keyof HostLimits) => void
  /** Told of whoever was turned away before anything was made of them. */
  readonly turnedAway: (why: TurnedAway) => void
}

export interface HostServices extends ServiceMap {
  identify: IdentifyAnswer
  circuit: CircuitRelayService
  mailbox: MailboxService
  directory: DirectoryService
  connections: CuredConnections
}

/** Not started. */
export async function createHost(init: HostInit): Promise<Libp2p<HostServices>> {
  const { limits, switchboard, reached } = init
  cureListeners()
  const anteroom = new Anteroom({
    max: limits.handshakesMax,
    msMax: limits.handshakeMsMax,
    full: () => reached('handshakesMax'),
  })
  const doorkeeper = new Doorkeeper(limits, (peer) => host.getConnections(peer).length)
  const doorstep = new Doorstep({
    perSecondMax: limits.connectionsPerAddressPerSecond,
    turnedAway: init.turnedAway,
    refusal: (address) => {
      const listed = init.door.refusal(address)
      if (listed !== undefined) return listed
      const household = householdOf(address)
      if (doorkeeper.isFull(household)) return 'connectionsPerAddressMax'
      if (host.services.connections.count >= limits.connectionsMax) return 'connectionsMax'
      return anteroom.isFull(household) ? 'handshakesMax' : undefined
    },
  })
  const listenOpts = { noDelay: true, blockList: doorstep } // Handed on to Node's server, which knows the second.
  const host: Libp2p<HostServices> = await createLibp2p({
    privateKey: privateKeyFromRaw(Buffer.concat([init.seed, ed25519PublicKey(init.seed)])),
    start: false,
    logger: quietLogger,
    addresses: { listen: [...init.listen], announce: [...init.announce] },
    // A backlog for the moment after an outage; an hour of silence, since yamux asks after the other side by itself.
    transports: [
      curedTcp({
        backlog: 4_096,
        inboundSocketInactivityTimeout: 3_600_000,
        listenOpts,
      }),
      webSockets(),
    ],
    connectionEncrypters: [curedNoise()],
    streamMuxers: [countStreams(curedYamux({ maxInboundStreams: limits.streamsPerConnectionMax }), init)],
    connectionGater: anteroom.behind(init.door.before(doorkeeper.gater)),
    connectionManager: {
      maxConnections: limits.connectionsMax,
      inboundConnectionThreshold: limits.connectionsPerAddressPerSecond,
      maxIncomingPendingConnections: Infinity, // The anteroom shares them out; libp2p would let one address have them all.
      inboundUpgradeTimeout: 2 * limits.handshakeMsMax + 1_000, // The anteroom ends those that take too long, in turn.
    },
    // It pings every connection at the same moment, which at a few thousand stalls the event loop for seconds.
    connectionMonitor: { enabled: false },
    services: {
      identify: identifyAnswer(),
      circuit: boundedCircuits(limits),
      mailbox: mailbox({
        switchboard,
        maxInboundStreams: limits.mailboxStreamsPerConnectionMax,
        reached: () => reached('mailboxStreamsPerConnectionMax'),
      }),
      directory: directory({
        switchboard,
        maxInboundStreams: limits.directoryStreamsPerConnectionMax,
        reached: () => reached('directoryStreamsPerConnectionMax'),
      }),
      refusals: countedRefusals(init),
      connections: curedConnections(),
      peers: curedPeers(),
      ownAddresses: ownAddresses(),
      ...(limits.gossipPeersMax > 0 && { gossip: gossip(limits, reached) }),
    },
  })
  cureReservations(host.services.circuit, host)
  countCircuits(host.services.circuit, init)
  closeUnused(host, init)
  return host
}

function boundedCircuits(limits: HostLimits): ReturnType<typeof circuitRelayServer> {
  return circuitRelayServer({
    maxInboundHopStreams: limits.streamsPerConnectionMax,
    maxOutboundStopStreams: limits.streamsPerConnectionMax,
    reservations: {
      maxReservations: limits.reservationsMax,
      defaultDataLimit: BigInt(limits.circuitBytesMax),
      defaultDurationLimit: limits.circuitMsMax,
    },
  })
}
