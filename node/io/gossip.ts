/**
 * Gossipsub between a device, its relays and its contacts: a fast path for signals that may be lost. As shipped it talks to
 * everybody who speaks it and tells them every topic; here only to whom `mayHear` lets in. Its score takes peers behind one
 * address for one attacker, which mutes whoever shares a router, so that part is off.
 */
import { gossipsub, type GossipSub, type GossipSubComponents } from '@libp2p/gossipsub'
import type { Connection, PeerId } from '@libp2p/interface'
import { ChoosyRegistrar } from '../../protocol/shell/choosy-registrar.ts'

export interface GossipInit {
  readonly mayHear: (peer: PeerId) => boolean
}

export interface Gossip extends GossipSub {
  /** Somebody may hear now who was passed over before. */
  reconsider(): void
  /** A connection ended and another to the same peer stands: gossipsub would go on writing into the first. */
  moved(peer: PeerId, connection: Connection): void
}

/** A relay names all the topics it carries in one frame, 55 bytes each; it believes some 3,900. */
const frameBytesMax = 262_144
/** The pulse of gossipsub's own bookkeeping; what is published goes out at once. */
const heartbeatMs = 2_000

/** The service in libp2p's own form. */
export function gossip(init: GossipInit): (components: GossipSubComponents) => Gossip {
  return ({ privateKey, peerId, peerStore, registrar, connectionManager, logger }) => {
    const choosy = new ChoosyRegistrar(registrar, init.mayHear)
    const make = gossipsub({
      globalSignaturePolicy: 'StrictNoSign', // Who said it is inside, for those who can read it.
      allowPublishToZeroTopicPeers: true,
      fallbackToFloodsub: false,
      emitSelf: false,
      floodPublish: true,
      runOnLimitedConnection: true,
      tagMeshPeers: false,
      heartbeatInterval: heartbeatMs,
      maxInboundDataLength: frameBytesMax,
      maxTopicBytesPerPeer: 4 * 1_048_576, // As many again, by its own reckoning.
      scoreParams: { IPColocationFactorWeight: 0 },
    })
    const service = make({
      privateKey,
      peerId,
      peerStore,
      registrar: choosy as unknown as GossipSubComponents['registrar'], // Nothing else of it is used.
      connectionManager,
      logger,
    })
    return Object.assign(service, {
      reconsider: () => choosy.reconsider(),
      moved: (peer: PeerId, connection: Connection) => choosy.moved(peer, connection),
    })
  }
}
