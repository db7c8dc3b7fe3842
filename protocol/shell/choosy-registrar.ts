/**
 * Keeps a pubsub router to itself and those who may hear: as shipped, one talks to everybody who speaks its protocol, and
 * tells them all it listens to. Others are passed over and remembered, in case they may hear later.
 */
import type { GossipSubComponents } from '@libp2p/gossipsub'
import type { Connection, PeerId, Stream, StreamHandler, StreamHandlerOptions, Topology } from '@libp2p/interface'

type Members = 'handle' | 'unhandle' | 'register' | 'unregister' | 'getTopologies'
/** The part of libp2p's registrar that a pubsub router uses. */
export type Registrar = Pick<GossipSubComponents['registrar'], Members>

export class ChoosyRegistrar {
  readonly #registrar: Registrar
  readonly #mayHear: (peer: PeerId) => boolean
  readonly #passedOver = new Map<Connection, PeerId>()
  readonly #topologies = new Map<string, Topology>()

  constructor(registrar: Registrar, mayHear: (peer: PeerId) => boolean) {
    this.#registrar = registrar
    this.#mayHear = mayHear
  }

  reconsider(): void {
    for (const [connection, peer] of this.#passedOver) {
      if (connection.status === 'open' && !this.#mayHear(peer)) continue
      this.#passedOver.delete(connection)
      if (connection.status !== 'open') continue
      for (const topology of this.#topologies.values()) void topology.onConnect?.(peer, connection)
    }
  }

  moved(peer: PeerId, connection: Connection): void {
    if (!this.#mayHear(peer)) return
    for (const topology of this.#topologies.values()) {
      void topology.onDisconnect?.(peer)
      void topology.onConnect?.(peer, connection)
    }
  }

  handle(protocol: string, handler: StreamHandler, options?: StreamHandlerOptions): Promise<void> {
    const choosy = (stream: Stream, connection: Connection): void | Promise<void> => {
      if (this.#mayHear(connection.remotePeer)) return handler(stream, connection)
      return stream.abort(new Error('not with you'))
    }
    return this.#registrar.handle(protocol, choosy, options)
  }

  unhandle(protocol: string): Promise<void> {
    return this.#registrar.unhandle(protocol)
  }

  async register(protocol: string, topology: Topology): Promise<string> {
    this.#topologies.set(protocol, topology)
    return this.#registrar.register(protocol, {
      ...topology,
      onConnect: (peer, connection) => {
        if (this.#mayHear(peer)) void topology.onConnect?.(peer, connection)
        else this.#passedOver.set(connection, peer)
      },
      onDisconnect: (peer) => {
        for (const [connection, other] of this.#passedOver) if (other.equals(peer)) this.#passedOver.delete(connection)
        void topology.onDisconnect?.(peer)
      },
    })
  }

  unregister(id: string): void {
    this.#registrar.unregister(id)
  }

  getTopologies(protocol: string): Topology[] {
    return this.#registrar.getTopologies(protocol)
  }
}
