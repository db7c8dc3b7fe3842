/**
 * A cure for libp2p 3's peer store in a place that meets everybody: each peer that opens a stream gets an entry with the
 * protocols it was seen to use, encoded and written anew for every stream, and no entry is ever freed. A relay asks it for
 * nothing: whom it serves is connected, and where others live is not its business to know.
 *
 * What is said about others than the relay itself is dropped, and nothing is looked up about them, which libp2p does behind a
 * lock for each that leaves. To be dropped in turn when libp2p lets a node keep no peers, or frees them.
 */
import { NotFoundError, type Peer, type PeerId, type Startable } from '@libp2p/interface'

/** What is touched of the peer store. */
export interface CuredPeerStore {
  get(peer: PeerId, ...rest: unknown[]): Promise<Peer>
  save(peer: PeerId, ...rest: unknown[]): Promise<Peer>
  patch(peer: PeerId, ...rest: unknown[]): Promise<Peer>
  merge(peer: PeerId, ...rest: unknown[]): Promise<Peer>
}

export interface CuredPeersComponents {
  readonly peerId: PeerId
  readonly peerStore: CuredPeerStore
}

export function curedPeers(): (components: CuredPeersComponents) => Startable {
  return ({ peerId, peerStore }) => {
    for (const write of ['save', 'patch', 'merge'] as const) {
      const stock = peerStore[write].bind(peerStore)
      peerStore[write] = (peer, ...rest) =>
        peer.equals(peerId) ? stock(peer, ...rest) : Promise.resolve(stranger(peer))
    }
    const get = peerStore.get.bind(peerStore)
    peerStore.get = (peer, ...rest) => (peer.equals(peerId) ? get(peer, ...rest) : Promise.reject(unknown))
    return { start: () => undefined, stop: () => undefined }
  }
}

/** One for all: putting a stack trace together for each would cost more than the look-up. */
const unknown = new NotFoundError('a relay keeps nothing about others')

function stranger(id: PeerId): Peer {
  return { id, addresses: [], protocols: [], metadata: new Map(), tags: new Map() }
}
