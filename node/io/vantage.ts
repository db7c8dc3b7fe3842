/**
 * How this device looks from outside. Relays are dialled from a local port we chose, and tell (by identify) from which
 * address the dial reached them: behind most routers that address leads back to the same local port, for whoever the router
 * lets in. libp2p dials from a new port each time and throws away what it is told of TCP addresses (js-libp2p #2620).
 *
 * Decides nothing: `upgrade.ts` uses it to meet a contact half-way, `doctor` to name the router's kind.
 */
import type { Connection, IdentifyResult, TypedEventTarget, Libp2pEvents } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { isTcp, withoutPeer } from './addresses.ts'

export interface VantageComponents {
  readonly events: TypedEventTarget<Libp2pEvents>
  readonly transportManager: {
    dial(address: Multiaddr, options: { readonly signal: AbortSignal }): Promise<Connection>
  }
}

/** What one relay sees of us. */
export interface View {
  readonly relay: string
  readonly localPort: number
  readonly observed: Multiaddr
}

/** Above the ports that systems give to outgoing connections by themselves, so that ours is seldom taken. */
const ports = { first: 61_000, count: 4_000 }
const triesMax = 4

export class Vantage {
  readonly #components: VantageComponents
  readonly #localPorts = new WeakMap<Connection, number>()
  readonly #views = new Map<Connection, View>()
  #port = randomPort()

  constructor(components: VantageComponents) {
    this.#components = components
    components.events.addEventListener('peer:identify', ({ detail }) => this.#identified(detail))
    components.events.addEventListener('connection:close', ({ detail }) => void this.#views.delete(detail))
  }

  /** Several relays are dialled from one port: whether they see the same then tells how the router maps. */
  async dial(target: Multiaddr, signal: AbortSignal): Promise<Connection> {
    if (!isTcp(withoutPeer(target))) return this.#components.transportManager.dial(target, { signal })
    for (let tries = 1; ; tries++) {
      const localPort = this.#port
      try {
        // The transport hands what it does not know on to the socket.
        const options = { signal, localPort }
        const connection = await this.#components.transportManager.dial(target, options)
        this.#localPorts.set(connection, localPort)
        return connection
      } catch (error) {
        if (tries >= triesMax || signal.aborted || !isTaken(error)) throw error
        this.#port = randomPort() // Taken, or a connection between the same two ports has only just ended.
      }
    }
  }

  /**
   * Dials from another port from now on. Whoever was spoken to from the last one does not know yet that we are gone, and
   * neither does the router: a connection between the same two ports would be taken for the old one, and not answered.
   */
  moved(): void {
    this.#port = randomPort()
  }

  /** Of the relays connected now, the longest connected first. */
  views(): readonly View[] {
    return [...this.#views.values()]
  }

  #identified({ connection, observedAddr }: IdentifyResult): void {
    const localPort = this.#localPorts.get(connection)
    if (localPort === undefined || observedAddr === undefined || connection.status !== 'open') return
    const observed = withoutPeer(observedAddr)
    if (!isTcp(observed)) return
    this.#views.set(connection, { relay: connection.remoteAddr.toString(), localPort, observed })
  }
}

/** The service in libp2p's own form. */
export function vantage(): (components: VantageComponents) => Vantage {
  return (components) => new Vantage(components)
}

function randomPort(): number {
  return ports.first + Math.floor(Math.random() * ports.count)
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && /EADDRINUSE|EADDRNOTAVAIL/.test(error.message)
}
