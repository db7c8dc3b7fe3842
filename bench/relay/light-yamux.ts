/**
 * The client's half of yamux, lean: windows are kept to, and whatever is sent in one turn of the event loop leaves in one piece, a
 * stream's bytes in one frame. A stream belongs to whoever opened it; a server asks little of a client, so few do.
 */
import { Inbox } from './light-bytes.ts'

const [data, windowUpdate, ping, goAway] = [0, 1, 2, 3]
const [syn, ack, fin, rst] = [1, 2, 4, 8]
const headerBytes = 12
const windowBytes = 262_144

export interface MuxedStream {
  /** Sends as far as the other side's window allows, and the rest when it opens. */
  send(bytes: Uint8Array): void
  /** Nothing more will be sent, once what waits for the window has been. */
  close(): void
  reset(): void
  /** Bytes that wait for the other side's window. */
  readonly waiting: number
  onData: (bytes: Uint8Array) => void
  /** Told once; nothing can be sent or received any more. */
  onEnd: () => void
}

export interface MuxerInit {
  /** Sends pieces in a row. */
  readonly write: (pieces: readonly Uint8Array[]) => void
  readonly onStream: (stream: MuxedStream) => void
  readonly onGoAway: () => void
}

export class Muxer {
  readonly #init: MuxerInit
  readonly #inbox = new Inbox()
  readonly #streams = new Map<number, Stream>()
  /** A few at most: two streams of a connection seldom speak in the same turn. */
  readonly #unsent: Stream[] = []
  #control: Uint8Array[] = []
  #scheduled = false
  #lastId = -1

  constructor(init: MuxerInit) {
    this.#init = init
  }

  open(): MuxedStream {
    this.#lastId += 2
    const stream = this.#add(this.#lastId)
    this.#say(windowUpdate, syn, this.#lastId, 0)
    return stream
  }

  receive(bytes: Uint8Array): void {
    this.#inbox.push(bytes)
    while (this.#inbox.length >= headerBytes) {
      const type = this.#inbox.at(1)
      const flags = this.#inbox.uint(2, 2)
      const id = this.#inbox.uint(4, 4)
      const length = this.#inbox.uint(8, 4)
      const frame = this.#inbox.take(headerBytes + (type === data ? length : 0))
      if (frame === undefined) return
      this.#take(type, flags, id, type === data ? frame.subarray(headerBytes) : length)
    }
  }

  /** The connection is gone. */
  end(): void {
    for (const stream of this.#streams.values()) stream.end()
  }

  #take(type: number, flags: number, id: number, content: number | Uint8Array): void {
    if (type === ping && (flags & syn) !== 0) return this.#say(ping, ack, 0, Number(content))
    if (type === goAway) return this.#init.onGoAway()
    if (type === ping) return
    if ((flags & syn) !== 0) {
      this.#init.onStream(this.#add(id))
      this.#say(windowUpdate, ack, id, 0)
    }
    const stream = this.#streams.get(id)
    if (stream === undefined) return
    if (typeof content === 'number') stream.widen(content)
    else stream.receive(content)
    if ((flags & fin) !== 0) stream.close()
    if ((flags & (fin | rst)) !== 0) stream.end()
  }

  #add(id: number): Stream {
    const stream = new Stream({
      unsent: () => {
        if (!this.#unsent.includes(stream)) this.#unsent.push(stream)
        this.#schedule()
      },
      say: (flags, length) => this.#say(windowUpdate, flags, id, length),
      ended: () => this.#streams.delete(id),
      id,
    })
    this.#streams.set(id, stream)
    return stream
  }

  #say(type: number, flags: number, id: number, length: number): void {
    this.#control.push(header(type, flags, id, length))
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => this.#flush())
  }

  #flush(): void {
    this.#scheduled = false
    const pieces = this.#control
    this.#control = []
    for (const stream of this.#unsent) pieces.push(...stream.taken())
    this.#unsent.length = 0
    if (pieces.length > 0) this.#init.write(pieces)
  }
}

interface StreamInit {
  readonly id: number
  readonly unsent: () => void
  readonly say: (flags: number, length: number) => void
  readonly ended: () => void
}

class Stream implements MuxedStream {
  readonly #init: StreamInit
  #pieces: Uint8Array[] = []
  #waiting = 0
  #window = windowBytes
  #unconfirmed = 0
  #end: 'not-yet' | 'due' | 'told' = 'not-yet'
  #ended = false
  onData: (bytes: Uint8Array) => void = () => undefined
  onEnd: () => void = () => undefined

  constructor(init: StreamInit) {
    this.#init = init
  }

  get waiting(): number {
    return this.#waiting
  }

  send(bytes: Uint8Array): void {
    if (this.#ended || this.#end !== 'not-yet') return
    this.#pieces.push(bytes)
    this.#waiting += bytes.length
    if (this.#window > 0) this.#init.unsent()
  }

  close(): void {
    if (this.#ended || this.#end !== 'not-yet') return
    this.#end = 'due'
    this.#init.unsent()
  }

  reset(): void {
    if (this.#ended) return
    this.#init.say(rst, 0)
    this.end()
  }

  receive(bytes: Uint8Array): void {
    this.#unconfirmed += bytes.length
    if (this.#unconfirmed >= windowBytes / 2) {
      this.#init.say(0, this.#unconfirmed)
      this.#unconfirmed = 0
    }
    if (bytes.length > 0) this.onData(bytes)
  }

  widen(bytes: number): void {
    this.#window += bytes
    if (this.#waiting > 0) this.#init.unsent()
  }

  /** What may leave now, as a frame; and the end, in a frame of its own, once nothing is left. */
  taken(): Uint8Array[] {
    const frames: Uint8Array[] = []
    const length = Math.min(this.#waiting, this.#window)
    if (length > 0) {
      const [first] = this.#pieces
      const whole = first !== undefined && this.#pieces.length === 1 ? first : Buffer.concat(this.#pieces)
      this.#pieces = length < whole.length ? [whole.subarray(length)] : []
      this.#waiting -= length
      this.#window -= length
      frames.push(header(data, 0, this.#init.id, length), whole.subarray(0, length))
    }
    if (this.#end === 'due' && this.#waiting === 0) {
      frames.push(header(windowUpdate, fin, this.#init.id, 0))
      this.#end = 'told'
    }
    return frames
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#init.ended()
    this.onEnd()
  }
}

function header(type: number, flags: number, id: number, length: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(headerBytes)
  bytes.writeUInt8(0, 0)
  bytes.writeUInt8(type, 1)
  bytes.writeUInt16BE(flags, 2)
  bytes.writeUInt32BE(id, 4)
  bytes.writeUInt32BE(length, 8)
  return bytes
}
