/**
 * From a circuit to a direct connection: DCUtR's protocol as a libp2p service, in the place of the one libp2p ships, which
 * cannot succeed over TCP (see `docs/networking.md`). The two agree over the circuit on a moment and dial each other in it, so
 * that to each router the other's packets look like the answer to its own. How is in `upgrade-dials.ts`.
 *
 * Both sides tell each other where they are, so it is done with friends only.
 *
 * https://github.com/libp2p/specs/blob/master/relay/DCUtR.md
 */
import type { Connection, Libp2pEvents, PeerId, Startable, Stream, TypedEventTarget } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { deviceIdOfPeerId, type DeviceId } from '../../protocol/ids.ts'
import { Unreachable, withDeadline } from './deadline.ts'
import type { AnswererComponents } from './direct-service.ts'
import type { Log } from './log.ts'
import { Meeting, type MeetingComponents, type Side } from './upgrade-dials.ts'
import { MeetingWords } from './upgrade-words.ts'
import type { Vantage } from './vantage.ts'

export interface UpgradeComponents extends AnswererComponents, MeetingComponents {
  readonly events: TypedEventTarget<Libp2pEvents>
  readonly connectionManager: { getConnections(peer?: PeerId): Connection[] }
}

export interface UpgradeInit {
  readonly vantage: () => Vantage
  /** Where we listen; wildcards spelled out. */
  readonly listening: () => readonly Multiaddr[]
  readonly isFriend: (device: DeviceId) => boolean
  /** A direct connection stands, and it is ours to open a stream on it. */
  readonly onDirect: (device: DeviceId, connection: Connection) => void
  readonly log: Log
}

const protocol = '/libp2p/dcutr'
/** A circuit is looked at so often while it might still become direct; strangers become friends meanwhile. */
const lookEveryMs = 1_000
/** Nearly all that succeed do so at once; a second and a third time are for lost packets and bad moments. */
const pausesMs: readonly number[] = [3_000, 30_000, 120_000]
/** From then on so often, for as long as the circuit is used: routers and networks change. */
const lastPauseMs = 600_000
const agreeMsMax = 8_000
const dialsMsMax = 8_000

interface Watched {
  attempts: number
  fromMs: number
  busy: boolean
}

export class Upgrade implements Startable {
  readonly #components: UpgradeComponents
  readonly #init: UpgradeInit
  readonly #watched = new Map<Connection, Watched>()
  #timer: NodeJS.Timeout | undefined

  constructor(components: UpgradeComponents, init: UpgradeInit) {
    this.#components = components
    this.#init = init
    components.events.addEventListener('connection:open', ({ detail }) => this.#watch(detail))
    components.events.addEventListener('connection:close', ({ detail }) => void this.#watched.delete(detail))
  }

  async start(): Promise<void> {
    const { registrar } = this.#components
    await registrar.handle(protocol, (stream, connection) => void this.#asked(stream, connection), {
      maxInboundStreams: 1,
      maxOutboundStreams: 1,
      runOnLimitedConnection: true,
    })
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#watched.clear()
    await this.#components.registrar.unhandle(protocol)
  }

  /** Whoever was reached over the circuit begins, as in DCUtR: the other side may have nothing but this circuit. */
  #watch(connection: Connection): void {
    if (connection.limits === undefined || connection.direction !== 'inbound') return
    this.#watched.set(connection, { attempts: 0, fromMs: 0, busy: false })
    this.#timer ??= setInterval(() => this.#look(), lookEveryMs).unref()
    this.#look()
  }

  #look(): void {
    for (const [connection, watched] of this.#watched) {
      if (watched.busy || watched.fromMs > performance.now()) continue
      const device = deviceIdOfPeerId(connection.remotePeer.toString())
      if (device === undefined) {
        this.#watched.delete(connection)
        continue
      }
      // One that stands may be dead without anybody knowing, so the circuit is watched until it ends.
      if (this.#isDirect(connection.remotePeer)) continue
      if (!this.#init.isFriend(device) || this.#init.vantage().views().length === 0) continue
      watched.busy = true
      watched.attempts++
      void this.#begin(connection, device).then((how) => {
        this.#init.log('debug', 'upgrade', { attempt: watched.attempts, how })
        watched.busy = false
        watched.fromMs = performance.now() + (pausesMs[watched.attempts - 1] ?? lastPauseMs)
      })
    }
    if (this.#watched.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  async #begin(connection: Connection, device: DeviceId): Promise<string> {
    let stream: Stream | undefined
    try {
      const agreed = await withDeadline(agreeMsMax, async (signal) => {
        stream = await connection.newStream(protocol, { signal, runOnLimitedConnection: true })
        const meeting = this.#meeting(connection, device, 'answers')
        const words = new MeetingWords(stream)
        const askedMs = performance.now()
        words.connect(meeting.own())
        const theirs = await words.connected()
        const roundTripMs = performance.now() - askedMs
        words.sync()
        return { meeting, theirs, roundTripMs }
      })
      // Half a round trip after it was sent, the word to begin has arrived.
      await new Promise((resolve) => setTimeout(resolve, agreed.roundTripMs / 2))
      await agreed.meeting.dial(agreed.theirs, dialsMsMax)
      return 'direct'
    } catch (error) {
      return this.#isDirect(connection.remotePeer) ? 'direct' : wordFor(error)
    } finally {
      stream?.abort(new Unreachable('done'))
    }
  }

  async #asked(stream: Stream, connection: Connection): Promise<void> {
    const device = deviceIdOfPeerId(connection.remotePeer.toString())
    if (device === undefined || connection.limits === undefined || !this.#init.isFriend(device)) {
      return stream.abort(new Unreachable('not with you'))
    }
    try {
      const agreed = await withDeadline(agreeMsMax, async () => {
        const meeting = this.#meeting(connection, device, 'asks')
        const words = new MeetingWords(stream)
        const theirs = await words.connected()
        words.connect(meeting.own())
        await words.synced()
        return { meeting, theirs }
      })
      await agreed.meeting.dial(agreed.theirs, dialsMsMax)
    } catch (error) {
      this.#init.log('debug', 'upgrade', { how: wordFor(error) })
    } finally {
      stream.abort(new Unreachable('done'))
    }
  }

  #meeting(circuit: Connection, device: DeviceId, side: Side): Meeting {
    const view = this.#init.vantage().views()[0]
    if (view === undefined) throw new Unreachable('own address unknown')
    const { listening, onDirect } = this.#init
    const peer = circuit.remotePeer
    return new Meeting(this.#components, {
      peer,
      side,
      view,
      listening: listening(),
      onDirect: (c) => onDirect(device, c),
    })
  }

  #isDirect(peer: PeerId): boolean {
    const connections = this.#components.connectionManager.getConnections(peer)
    return connections.some(({ limits, status }) => limits === undefined && status === 'open')
  }
}

/** The service in libp2p's own form. */
export function upgrade(init: UpgradeInit): (components: UpgradeComponents) => Upgrade {
  return (components) => new Upgrade(components, init)
}

function wordFor(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 80) : 'unknown'
}
