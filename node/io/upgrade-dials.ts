/**
 * The dials of one upgrade. The first address each side tells is where a relay sees the local port it dials from: the two
 * dial each other there at the same moment, each from that port, and TCP makes one connection of both (RFC 9293, 3.5). The
 * other addresses lead to listeners, for when one side can simply be dialled: on the same network, without a router, or
 * behind one that lets everybody in.
 *
 * Where both dial, one must act as the listener in every layer above: libp2p's upgrader knows of such a role for Noise, but
 * its muxer looks at the socket, which both sides opened, so the raw connection is turned around before it gets there.
 */
import type { Connection, MultiaddrConnection, PeerId, Transport, Upgrader } from '@libp2p/interface'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { isDialable, isLoopback, isTcp, withoutPeer } from './addresses.ts'
import { Unreachable, withDeadline } from './deadline.ts'
import type { View } from './vantage.ts'

export interface MeetingComponents {
  readonly upgrader: Upgrader
  readonly transportManager: {
    dial(address: Multiaddr, options: { readonly signal: AbortSignal }): Promise<Connection>
    dialTransportForMultiaddr(address: Multiaddr): Transport | undefined
  }
}

/** Whether we speak first on a connection that both dialled, or act as if we had been dialled. */
export type Side = 'asks' | 'answers'

export interface MeetingInit {
  readonly peer: PeerId
  readonly side: Side
  readonly view: View
  readonly listening: readonly Multiaddr[]
  /** A connection stands on which we speak first. */
  readonly onDirect: (connection: Connection) => void
}

export class Meeting {
  readonly #components: MeetingComponents
  readonly #init: MeetingInit
  #stands = false

  constructor(components: MeetingComponents, init: MeetingInit) {
    this.#components = components
    this.#init = init
  }

  /** Where to meet, then where we listen: as we know it, and on the address a relay sees. */
  own(): readonly Multiaddr[] {
    const { view, listening } = this.#init
    const listeners = listening.map(withoutPeer).filter((address) => isDialable(address) && !isLoopback(address))
    const outside = listeners.map((address) => atHostOf(view.observed, address)).filter((a) => a !== undefined)
    const texts = new Set([...outside, ...listeners].map(String))
    texts.delete(view.observed.toString())
    return [view.observed, ...[...texts].map((text) => multiaddr(text))]
  }

  /** Resolves with the first connection that stands; rejects when none did in time. */
  async dial([meetingPlace, ...listeners]: readonly (Multiaddr | undefined)[], msMax: number): Promise<void> {
    const dials = listeners.filter((address) => usable(address)).map((address) => this.#dialListener(address, msMax))
    if (usable(meetingPlace) && isTcp(meetingPlace)) dials.push(this.#meet(meetingPlace, msMax))
    if (dials.length === 0) throw new Unreachable('no address that can be dialled')
    await Promise.any(dials)
  }

  async #dialListener(address: Multiaddr, msMax: number): Promise<void> {
    const target = this.#full(address)
    const { transportManager } = this.#components
    const connection = await withDeadline(msMax, (signal) => transportManager.dial(target, { signal }), hangUp)
    this.#tell(connection)
  }

  async #meet(place: Multiaddr, msMax: number): Promise<void> {
    const { side, view } = this.#init
    const target = this.#full(place)
    const transport = this.#components.transportManager.dialTransportForMultiaddr(target)
    if (transport === undefined) throw new Unreachable('no address that can be dialled')
    const initiator = side === 'asks'
    const upgrader = initiator ? this.#components.upgrader : turnedAround(this.#components.upgrader)
    const { localPort } = view // Handed on to the socket by the transport.
    const connection = await withDeadline(
      msMax,
      (signal) => {
        const options = { signal, upgrader, initiator, localPort }
        return transport.dial(target, options)
      },
      hangUp,
    )
    if (initiator) this.#tell(connection)
  }

  /** More than one dial may succeed; the others are left without a stream, and end like any unused connection. */
  #tell(connection: Connection): void {
    if (this.#stands) return
    this.#stands = true
    this.#init.onDirect(connection)
  }

  #full(address: Multiaddr): Multiaddr {
    return address.encapsulate(`/p2p/${this.#init.peer.toString()}`)
  }
}

function turnedAround(upgrader: Upgrader): Upgrader {
  const turned: Pick<Upgrader, 'upgradeOutbound'> = {
    upgradeOutbound: async (raw: MultiaddrConnection, options: Parameters<Upgrader['upgradeOutbound']>[1]) => {
      raw.direction = 'inbound'
      return upgrader.upgradeOutbound(raw, options)
    },
  }
  return turned as Upgrader // Of which a dial uses nothing else.
}

function usable(address: Multiaddr | undefined): address is Multiaddr {
  return address !== undefined && isDialable(address) && !isLoopback(address)
}

/** The same port at the host that outsiders see, for routers that keep ports and let in whoever comes. */
function atHostOf(outside: Multiaddr, listener: Multiaddr): Multiaddr | undefined {
  const [host] = outside.getComponents()
  const [own, ...rest] = listener.getComponents()
  if (host === undefined || own === undefined || host.name !== own.name || host.value === own.value) return undefined
  return multiaddr([host, ...rest])
}

function hangUp(connection: Connection): void {
  connection.abort(new Unreachable('too late'))
}
