/**
 * A libp2p service that opens a stream to a given peer, by whichever of its addresses answers first, within a bound.
 *
 * libp2p's own dialling tries one address after the other, joins what it takes for the same dial, and can wait for ever;
 * here an address gets a short lead over the next, the first to answer wins, and the others are called off. It also lets go
 * of connections on which nothing has gone on for a while. What is said on a stream is left to others.
 */
import { peerIdFromString } from '@libp2p/peer-id'
import type { Connection, PeerId, Startable, Stream } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { peerIdOf, type DeviceId } from '../../protocol/ids.ts'
import { isCircuit, isDialable, parse, relayOf, withoutPeer } from './addresses.ts'
import { Unreachable, withDeadline } from './deadline.ts'
import type { Vantage } from './vantage.ts'

interface DialOptions {
  readonly signal: AbortSignal
  readonly onProgress?: (event: { readonly type: string }) => void
}

/** What of libp2p this service stands on. */
export interface ReachComponents {
  readonly connectionManager: { getConnections(peer?: PeerId): Connection[] }
  readonly transportManager: {
    dial(address: Multiaddr, options: DialOptions): Promise<Connection>
    getAddrs(): Multiaddr[]
  }
}

export interface ReachInit {
  /** A peer of whom no address answers is given up after so long. */
  readonly dialMsMax?: number
  /** An address has so long a lead before the next is tried beside it. */
  readonly leadMs?: number
  /** Connections without a stream are closed after one to two such intervals. */
  readonly unusedMsMax?: number
  /** Dials relays from a port that is remembered; without it no circuit is dialled. */
  readonly vantage?: () => Vantage
}

/** Which connections may carry a stream besides direct ones, and how new ones are made. */
export interface Manner {
  /** A circuit through a relay will do, and is dialled after every direct address. */
  readonly circuits?: boolean
  /**
   * The other side is a relay, which can tell us how we look from outside. To be said by whoever dials it as ourselves: all of
   * them share one connection, and without a remembered port there is no direct one to anybody.
   */
  readonly relay?: boolean
  /** Called when a dial has gone on for a moment and no machine has taken a connection. */
  readonly onSilent?: () => void
}

const dialMsMaxDefault = 5_000
/** Longer than a handshake in the same town, so that of two good addresses only one is dialled as a rule. */
const leadMsDefault = 100
const unusedMsMaxDefault = 30_000
/** A machine that is there takes a connection within a round trip; what is said on it may take longer. */
const silentMs = 300
/** What libp2p tells when one has, and it begins to speak with it. */
const metEvent = 'upgrader:encrypt-outbound-connection'
/** Opening a stream takes one round trip; a connection that needs longer is taken for dead. */
const openMsMax = 3_000

export interface Reached {
  readonly stream: Stream
  readonly connection: Connection
}

export class Reach implements Startable {
  readonly #components: ReachComponents
  readonly #init: ReachInit
  #sweep: NodeJS.Timeout | undefined
  #unused = new Set<Connection>()

  constructor(components: ReachComponents, init: ReachInit) {
    this.#components = components
    this.#init = init
  }

  start(): void {
    this.#sweep = setInterval(() => this.#closeUnused(), this.#init.unusedMsMax ?? unusedMsMaxDefault)
    this.#sweep.unref()
  }

  stop(): void {
    clearInterval(this.#sweep)
  }

  /** Addresses listened on, wildcards spelled out as they are now. */
  listening(): readonly Multiaddr[] {
    return this.#components.transportManager.getAddrs()
  }

  /** Rejects with an error `reasonOf` can explain; never later than two dials and a round trip take. */
  async open(device: DeviceId, addresses: readonly string[], protocol: string, manner: Manner = {}): Promise<Reached> {
    const peer = peerIdFromString(peerIdOf(device))
    for (const connection of this.#connections(peer, manner)) {
      try {
        return await openStream(connection, protocol)
      } catch (error) {
        if (error instanceof Error && error.name === 'UnsupportedProtocolError') throw error
        // No answer: it is dead. Otherwise it may be well, with as many streams as it can have; another one will do.
        if (error instanceof Unreachable) connection.abort(error)
      }
    }
    const connection = await this.#dial(peer, addresses, manner)
    if (connection.remotePeer.equals(peer)) return openStream(connection, protocol)
    connection.abort(new Unreachable('someone else answered'))
    throw new Unreachable('someone else answered')
  }

  /** Direct ones first. */
  #connections(peer: PeerId, { circuits }: Manner): readonly Connection[] {
    const open = this.#components.connectionManager.getConnections(peer).filter(({ status }) => status === 'open')
    const direct = open.filter(({ limits }) => limits === undefined)
    return circuits === true ? [...direct, ...open.filter(({ limits }) => limits !== undefined)] : direct
  }

  async #dial(peer: PeerId, addresses: readonly string[], manner: Manner): Promise<Connection> {
    const places = addresses
      .map(parse)
      .filter((address) => address !== undefined)
      .map(withoutPeer)
    const through = manner.circuits === true && this.#init.vantage !== undefined ? places.filter(isCircuit) : []
    const targets = [...places.filter(isDialable), ...through].map((a) => a.encapsulate(`/p2p/${peer.toString()}`))
    if (targets.length === 0) throw new Unreachable('no address that can be dialled')
    const silence = manner.onSilent && setTimeout(manner.onSilent, silentMs)
    const onProgress: DialOptions['onProgress'] = ({ type }) => {
      if (type === metEvent) clearTimeout(silence)
    }
    try {
      return await withDeadline(this.#init.dialMsMax ?? dialMsMaxDefault, (giveUp) =>
        firstToAnswer({
          targets,
          leadMs: this.#init.leadMs ?? leadMsDefault,
          giveUp,
          dial: (target, signal) => this.#dialOne(target, { signal, onProgress }, manner),
        }),
      )
    } finally {
      clearTimeout(silence)
    }
  }

  async #dialOne(target: Multiaddr, options: DialOptions, manner: Manner): Promise<Connection> {
    const { transportManager, connectionManager } = this.#components
    const vantage = this.#init.vantage?.()
    const relay = relayOf(target)
    if (relay === undefined) {
      return manner.relay === true && vantage !== undefined
        ? vantage.dial(target, options.signal)
        : transportManager.dial(target, options)
    }
    // Left to itself, the circuit's transport would dial the relay from a port nobody knows.
    const relayPeer = relay.getComponents().at(-1)?.value
    const known = relayPeer === undefined ? [] : connectionManager.getConnections(peerIdFromString(relayPeer))
    if (!known.some(({ status }) => status === 'open')) await vantage?.dial(relay, options.signal)
    return transportManager.dial(target, options)
  }

  #closeUnused(): void {
    const unused = this.#components.connectionManager.getConnections().filter(isUnused)
    for (const connection of unused) {
      if (this.#unused.has(connection)) void connection.close().catch((error: Error) => connection.abort(error))
    }
    this.#unused = new Set(unused.filter((connection) => !this.#unused.has(connection)))
  }
}

/** The service in libp2p's own form: `createLibp2p({ services: { reach: reach() } })`. */
export function reach(init: ReachInit = {}): (components: ReachComponents) => Reach {
  return (components) => new Reach(components, init)
}

/** Gossip keeps a stream open to everybody, and is no reason to keep a connection. */
function isUnused({ streams }: Connection): boolean {
  return streams.every(({ protocol }) => protocol.startsWith('/meshsub/'))
}

/** Within a bound; a stream that opens later is ended. */
export function openStream(connection: Connection, protocol: string): Promise<Reached> {
  return withDeadline(
    openMsMax,
    async (signal) => ({
      stream: await connection.newStream(protocol, { signal, runOnLimitedConnection: true }),
      connection,
    }),
    ({ stream }) => stream.abort(new Unreachable('too late')),
  )
}

interface Race {
  readonly targets: readonly Multiaddr[]
  readonly leadMs: number
  readonly giveUp: AbortSignal
  readonly dial: (target: Multiaddr, signal: AbortSignal) => Promise<Connection>
}

/** The next target starts when the one before has failed, or has had its lead. Each has a signal of its own, because that
 * of the winner must never be aborted. */
function firstToAnswer({ targets, leadMs, giveUp, dial }: Race): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const dialling = new Set<AbortController>()
    const waiting = [...targets]
    const failures: unknown[] = []
    let lead: NodeJS.Timeout | undefined
    let over = false

    const finish = (): void => {
      over = true
      clearTimeout(lead)
      for (const controller of dialling) controller.abort(new Unreachable('called off'))
    }
    const next = (): void => {
      clearTimeout(lead)
      const target = waiting.shift()
      if (target === undefined || over) return
      const controller = new AbortController()
      dialling.add(controller)
      lead = setTimeout(next, leadMs)
      dial(target, controller.signal).then(
        (connection) => {
          dialling.delete(controller)
          if (over) return connection.abort(new Unreachable('too late'))
          finish()
          resolve(connection)
        },
        (error: unknown) => {
          dialling.delete(controller)
          failures.push(error)
          if (dialling.size > 0 || waiting.length > 0) return next()
          clearTimeout(lead)
          reject(new AggregateError(failures, 'no address answered'))
        },
      )
    }
    giveUp.addEventListener('abort', finish, { once: true })
    next()
  })
}
