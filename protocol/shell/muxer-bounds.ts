/**
 * Three bounds that @libp2p/yamux 8 lacks, without which anyone who is connected could fill our memory or take our processor. It
 * gathers a frame of any length, up to four gigabytes, and asks only then whether its stream's window has room. It
 * answers whatever asks for an answer (a ping, a stream beyond the limit) also while nothing that it answers is read. And of
 * streams it bounds how many there are, not how many begin: one that is begun and reset costs its sender 24 bytes, and us a
 * tenth of a millisecond and what waits ten seconds for it to say what it wants. Where its insides have changed, it is left as
 * it is. To be dropped when upstream has bounds.
 */

/** What is used and replaced of a multiplexer, all of it private to it. */
interface Insides {
  readonly maConn?: { readonly writableNeedsDrain?: boolean; abort(error: Error): void }
  readonly decoder?: { readonly buffer?: { readonly byteLength: number } }
  readonly streamOptions?: { readonly maxStreamWindowSize?: number }
  onData?: (this: Insides, bytes: unknown) => void
  send?: (this: Insides, bytes: unknown) => boolean
  incomingStream?: (this: Insides, id: number) => void
  sendFrame?: (header: { type: number; flag: number; streamID: number; length: number }) => boolean
  [unsent]?: number
  /** How many streams may begin, as of when. */
  [room]?: { streams: number; atMs: number }
  [bounded]?: true
}

const unsent: unique symbol = Symbol('frames that wait for the other side to read')
const room: unique symbol = Symbol('room for streams that begin')
const bounded: unique symbol = Symbol('bounded')

const headerBytes = 12
/** As wide as upstream lets a stream's window grow, unless it is told otherwise. */
const windowBytesMaxDefault = 16 * 1_048_576
/** Streams wait by themselves while the connection is full, so these are few unless somebody asks and does not listen. */
const unsentMax = 10_000
/** Streams that the other side may begin at once, and then in a second: more than a relay's quotas would answer. */
const streamsBurst = 500
const streamsPerSecond = 20
/** Streams beyond that are reset, and whoever goes on is let go of. */
const resetMax = 500
const [windowUpdateType, resetFlag] = [1, 8]

/** No frame that is honest brings more. */
export function frameBytesMaxOf({ streamOptions }: Pick<Insides, 'streamOptions'>): number {
  return streamOptions?.maxStreamWindowSize ?? windowBytesMaxDefault
}

/** For all multiplexers of this one's kind in this process; a second time does nothing. */
export function boundMuxers(muxer: object): void {
  const methods: Insides | null = Reflect.getPrototypeOf(muxer)
  if (methods?.onData === undefined || methods.send === undefined || methods[bounded] === true) return
  methods[bounded] = true
  const { onData, send, incomingStream } = methods
  methods.onData = function (bytes) {
    onData.call(this, bytes)
    const unfinished = this.decoder?.buffer?.byteLength ?? 0
    if (unfinished > headerBytes + frameBytesMaxOf(this)) throw new Error('a frame longer than any window')
  }
  methods.send = function (bytes) {
    this[unsent] = this.maConn?.writableNeedsDrain === true ? (this[unsent] ?? 0) + 1 : 0
    if (this[unsent] <= unsentMax) return send.call(this, bytes)
    this.maConn?.abort(new Error('asks and does not read the answers'))
    return false
  }
  if (incomingStream === undefined) return
  methods.incomingStream = function (id) {
    const left = roomLeft(this)
    if (left >= 0) return incomingStream.call(this, id)
    if (left < -resetMax) return this.maConn?.abort(new Error('begins streams without end'))
    this.sendFrame?.({ type: windowUpdateType, flag: resetFlag, streamID: id, length: 0 })
  }
}

/** After one more has begun; less than none when it is one too many. */
function roomLeft(muxer: Insides): number {
  const nowMs = performance.now()
  const { streams, atMs } = (muxer[room] ??= { streams: streamsBurst, atMs: nowMs })
  const left = Math.min(streamsBurst, streams + ((nowMs - atMs) / 1_000) * streamsPerSecond) - 1
  muxer[room] = { streams: left, atMs: nowMs }
  return left
}
