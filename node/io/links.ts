/**
 * Direct links: one authenticated stream to one device each. Numbers them for the core, sends and receives its frames, and
 * bounds what others can make of them. Every link that rose is lost exactly once; every dial ends in a link or a failure.
 *
 * When to dial, what to say and whom to believe is the core's.
 */
import type { Connection, Stream } from '@libp2p/interface'
import { deviceIdOfPeerId, type DeviceId } from '../../protocol/ids.ts'
import { strangerIdleMs } from '../../protocol/limits.ts'
import type { Backlog } from '../../protocol/shell/backlog.ts'
import { Frames } from '../../protocol/shell/frames.ts'
import { directFrame, directProtocol, type DirectFrame } from '../../protocol/wire/direct.ts'
import type { Input } from '../core/inputs.ts'
import { isCircuit } from '../core/routes.ts'
import { withoutPeer } from './addresses.ts'
import { reasonOf } from './deadline.ts'
import { short, type Log } from './log.ts'
import { openStream, type Reach } from './reach.ts'

export interface LinksInit {
  readonly push: (input: Input) => void
  readonly backlog: Backlog
  /** Whether the user has let this device's owner in: it may keep a link without saying anything. */
  readonly isFriend: (device: DeviceId) => boolean
  readonly reach: () => Reach
  readonly log: Log
  readonly strangerIdleMsMax?: number
}

/** One to talk on, and one more while two sides that dialled each other find out, or one does not know that it is dead. */
const linksPerDeviceMax = 2
/** Strangers at the door; the newest takes the place of the oldest, so that waiting there keeps nobody out. */
const strangersMax = 32
/** A stream that was closed is given so long to be closed from the other side too. */
const lingerMsMax = 2_000
/** A circuit that a direct link has replaced: answers that were on their way over it still arrive. */
const circuitLingerMs = 1_000

interface Link {
  readonly number: number
  readonly device: DeviceId
  readonly stream: Stream
  readonly frames: Frames<DirectFrame>
  readonly circuit: boolean
}

export class Links {
  readonly #init: LinksInit
  readonly #links = new Map<number, Link>()
  readonly #strangers = new Set<Link>()
  #lastNumber = 0

  constructor(init: LinksInit) {
    this.#init = init
  }

  dial(device: DeviceId, addresses: readonly string[]): void {
    this.#init
      .reach()
      .open(device, addresses, directProtocol, { circuits: true })
      .then(
        ({ stream, connection }) => this.#rise(device, stream, connection),
        (error: unknown) =>
          this.#init.push({ kind: 'dial-failed', device, called: addresses.some(isCircuit), reason: reasonOf(error) }),
      )
  }

  /** A direct connection has taken the place of a circuit: a link over it takes the place of the other. */
  async adopt(device: DeviceId, connection: Connection): Promise<void> {
    try {
      const { stream } = await openStream(connection, directProtocol)
      this.#rise(device, stream, connection)
    } catch (error) {
      this.#init.log('debug', 'no link on a direct connection', { reason: reasonOf(error) })
    }
  }

  /** Someone opened a stream to us. */
  accept(stream: Stream, connection: Connection): void {
    const device = deviceIdOfPeerId(connection.remotePeer.toString())
    if (device === undefined) return stream.abort(new Error('not an Ed25519 key'))
    const link = this.#rise(device, stream, connection, this.#init.strangerIdleMsMax ?? strangerIdleMs)
    if (this.#init.isFriend(device)) return link.frames.trust()
    this.#strangers.add(link)
    const [oldest] = this.#strangers
    if (this.#strangers.size > strangersMax && oldest !== undefined) this.#drop(oldest)
  }

  send(number: number, frame: DirectFrame): void {
    const link = this.#links.get(number)
    if (link === undefined) return // Lost meanwhile; the core is about to hear of it.
    link.frames.send(frame)
    if (frame.kind !== 'refuse' && this.#strangers.delete(link)) link.frames.trust()
  }

  close(number: number, reason: string): void {
    const link = this.#links.get(number)
    if (link === undefined) return
    this.#init.log('debug', 'link closed', { link: number, reason })
    this.#drop(link)
  }

  closeAll(): void {
    for (const link of this.#links.values()) this.#drop(link)
  }

  #rise(device: DeviceId, stream: Stream, connection: Connection, idleMsMax?: number): Link {
    const others = [...this.#links.values()].filter((other) => other.device === device)
    const [oldest] = others
    if (others.length >= linksPerDeviceMax && oldest !== undefined) this.#drop(oldest)

    const number = ++this.#lastNumber
    const address = withoutPeer(connection.remoteAddr).toString()
    this.#init.log('debug', 'link risen', { link: number, device: short(device), direction: stream.direction })
    this.#init.push({ kind: 'link-risen', link: number, device, address })
    const frames = new Frames<DirectFrame>(stream, {
      codec: directFrame,
      ...(idleMsMax !== undefined && { idleMsMax }),
      onFrame: (frame) => this.#init.push({ kind: 'frame-received', link: number, frame }),
      pace: () => this.#init.backlog.caughtUp,
      onEnd: (reason) => this.#lost(link, reason),
    })
    const link: Link = { number, device, stream, frames, circuit: connection.limits !== undefined }
    this.#links.set(number, link)
    if (connection.limits === undefined) this.#leaveCircuits(others)
    return link
  }

  /** What is on its way over them arrives, or is sent again over the new link and dropped by its id where it came twice. */
  #leaveCircuits(others: readonly Link[]): void {
    for (const other of others) {
      if (!other.circuit || !this.#links.has(other.number)) continue
      const timer = setTimeout(() => this.#drop(other), circuitLingerMs)
      timer.unref()
    }
  }

  #drop(link: Link): void {
    link.frames.close()
    const timer = setTimeout(() => {
      if (link.stream.status === 'open' || link.stream.status === 'closing') link.stream.abort(new Error('not closed'))
    }, lingerMsMax)
    timer.unref()
  }

  #lost(link: Link, reason: string): void {
    this.#links.delete(link.number)
    this.#strangers.delete(link)
    this.#init.log('debug', 'link lost', { link: link.number, reason })
    this.#init.push({ kind: 'link-lost', link: link.number, reason })
  }
}
