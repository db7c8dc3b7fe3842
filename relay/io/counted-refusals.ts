/**
 * Counts what libp2p refuses by itself and tells nobody: connections beyond their number, too many from one address in a
 * second, a handshake that takes too long, streams beyond a connection's, reservations, and circuits
 * that carry too much or too long. Looks on only: where libp2p's insides have changed, something is not counted.
 */
import type { Libp2pEvents, PeerId, Stream, StreamMuxerFactory, TypedEventTarget } from '@libp2p/interface'
import type { CircuitRelayService } from '@libp2p/circuit-relay-v2'
import type { HostLimits } from './host.ts'

export interface CountedRefusalsInit {
  readonly limits: HostLimits
  readonly reached: (limit: keyof HostLimits) => void
}

export interface CountedRefusalsComponents {
  readonly connectionManager: object
  readonly upgrader: object
  readonly events: TypedEventTarget<Libp2pEvents>
}

interface Manager {
  acceptIncomingConnection?: (socket: unknown) => boolean
}

interface Upgrader {
  upgradeInbound?: (socket: unknown, options: unknown) => Promise<unknown>
}

export function countedRefusals(init: CountedRefusalsInit): (components: CountedRefusalsComponents) => object {
  return ({ connectionManager, upgrader, events }) => {
    countConnections(connectionManager, events, init)
    countHandshakes(upgrader, init)
    return {}
  }
}

/** In the order in which libp2p asks: the address's rate, then the number of all. */
function countConnections(
  manager: Manager,
  events: TypedEventTarget<Libp2pEvents>,
  { limits, reached }: CountedRefusalsInit,
): void {
  let open = 0
  events.addEventListener('connection:open', () => (open += 1))
  events.addEventListener('connection:close', () => (open -= 1))
  const accept = manager.acceptIncomingConnection?.bind(manager)
  if (accept === undefined) return
  manager.acceptIncomingConnection = (socket) => {
    if (accept(socket)) return true
    reached(open >= limits.connectionsMax ? 'connectionsMax' : 'connectionsPerAddressPerSecond')
    return false
  }
}

function countHandshakes(upgrader: Upgrader, { limits, reached }: CountedRefusalsInit): void {
  const upgrade = upgrader.upgradeInbound?.bind(upgrader)
  if (upgrade === undefined) return
  upgrader.upgradeInbound = async (socket, options) => {
    const startMs = performance.now()
    try {
      return await upgrade(socket, options)
    } catch (error) {
      // Its error says only that something was aborted.
      if (performance.now() - startMs >= limits.handshakeMsMax - clockGrainMs) reached('handshakeMsMax')
      throw error
    }
  }
}

/** A timer may fire a moment early by another clock. */
const clockGrainMs = 5

interface Muxer {
  incomingStream?: (id: number) => void
  readonly numInboundStreams?: number
}

/** For every muxer one function, since there is a muxer for every connection. */
export function countStreams<C>(
  factory: (components: C) => StreamMuxerFactory,
  { limits, reached }: CountedRefusalsInit,
): (components: C) => StreamMuxerFactory {
  let shipped: Muxer['incomingStream']
  function counted(this: Muxer, id: number): void {
    if ((this.numInboundStreams ?? 0) >= limits.streamsPerConnectionMax) reached('streamsPerConnectionMax')
    shipped?.call(this, id)
  }
  return (components) => {
    const inner = factory(components)
    return {
      protocol: inner.protocol,
      createStreamMuxer: (socket) => {
        const muxer = inner.createStreamMuxer(socket)
        const insides = muxer as unknown as Muxer
        shipped ??= insides.incomingStream
        if (shipped !== undefined) insides.incomingStream = counted
        return muxer
      },
    }
  }
}

interface CircuitInsides {
  onHop?: (stream: Stream, ...rest: unknown[]) => unknown
  readonly reservationStore?: { reserve?: (peer: PeerId, ...rest: unknown[]) => { readonly status?: unknown } }
}

export function countCircuits(circuit: CircuitRelayService, { limits, reached }: CountedRefusalsInit): void {
  const insides = circuit as unknown as CircuitInsides
  const store = insides.reservationStore
  const [hop, reserve] = [insides.onHop?.bind(circuit), store?.reserve?.bind(store)]
  if (hop !== undefined) {
    insides.onHop = (stream, ...rest) => {
      stream.addEventListener('close', ({ error }) => {
        if (error?.name === 'TransferLimitError') reached('circuitBytesMax')
        if (error?.name === 'DurationLimitError') reached('circuitMsMax')
      })
      return hop(stream, ...rest)
    }
  }
  if (store === undefined || reserve === undefined) return
  store.reserve = (peer, ...rest) => {
    const held = circuit.reservations.size
    const result = reserve(peer, ...rest)
    if (result.status !== 'OK' && held >= limits.reservationsMax) reached('reservationsMax')
    return result
  }
}
