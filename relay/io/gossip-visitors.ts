/**
 * Shows a pubsub router those who speak to it first, and nobody else. As shipped it is told of all who could, which libp2p finds
 * out by asking everybody who connects what they speak: on a relay most of what a connection costs after its handshake,
 * for something few visitors use.
 */
import type { Connection, PeerId, Stream, StreamHandler, StreamHandlerOptions, Topology } from '@libp2p/interface'
import type { Registrar } from '../../protocol/shell/choosy-registrar.ts'

export class GossipVisitors implements Registrar {
  readonly #registrar: Registrar
  readonly #mayHear: (peer: PeerId) => boolean
  readonly #topologies = new Map<string, Topology>()

  constructor(registrar: Registrar, mayHear: (peer: PeerId) => boolean) {
    this.#registrar = registrar
    this.#mayHear = mayHear
  }

  /** Its last connection is gone. */
  left(peer: PeerId): void {
    for (const topology of this.#topologies.values()) void topology.onDisconnect?.(peer)
  }

  handle(protocol: string, handler: StreamHandler, options?: StreamHandlerOptions): Promise<void> {
    const choosy = (stream: Stream, connection: Connection): void | Promise<void> => {
      if (this.#mayHear(connection.remotePeer)) return handler(stream, connection)
      return stream.abort(new Error('too many are heard already'))
    }
    return this.#registrar.handle(protocol, choosy, options)
  }

  unhandle(protocol: string): Promise<void> {
    return this.#registrar.unhandle(protocol)
  }

  async register(protocol: string, topology: Topology): Promise<string> {
    this.#topologies.set(protocol, topology)
    return protocol
  }

  unregister(id: string): void {
    this.#topologies.delete(id)
  }

  getTopologies(protocol: string): Topology[] {
    const topology = this.#topologies.get(protocol)
    return topology === undefined ? [] : [topology]
  }
}
