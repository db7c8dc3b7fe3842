/**
 * A cure for how libp2p 3 passes bytes from one layer to the next. A message goes through a connection, its encryption, its
 * multiplexer and a stream, and at each of them, both ways, it is put into a list of pieces, taken out of it as a second list,
 * copied as a third, and the first is emptied: a dozen objects a layer, and a sixth of what a small message took of a relay's thread.
 *
 * Here what arrives while nothing waits is told as it came, and what is sent while nothing waits is handed on as it is. Whatever
 * has to wait (for a reader that pauses, a window, a socket that is full) goes the old way, and so does everything of a class that
 * has not said that it takes bytes in one piece. To be dropped when upstream takes the short way itself.
 */
import { StreamMessageEvent } from '@libp2p/interface'
import { YamuxStream } from '@libp2p/yamux/stream'

/** Bytes in one piece or in several. */
export interface Pieces {
  readonly byteLength: number
  subarray(from?: number): Uint8Array
}

export interface SendResult {
  readonly sentBytes: number
  readonly canSendMore: boolean
}

/** What is used of a stream, most of it protected. */
interface Insides extends EventTarget {
  readonly readStatus: string
  readonly remoteWriteStatus: string
  readonly writeStatus: string
  readonly readBuffer: Pieces
  readonly writeBuffer: Pieces & { prepend(bytes: Uint8Array): void }
  readonly maxMessageSize?: number
  writableNeedsDrain: boolean
  sendingData: boolean
  readonly [takesBytes]?: boolean
  listenerCount(type: string): number
  dispatchReadBuffer(): void
  processSendQueue(): boolean
  checkWriteBufferLength(): void
  sendData(bytes: Pieces): SendResult
  abort(error: unknown): void
}

/** True of whatever has a `sendData` that takes a Uint8Array as well as a list, and listeners that take both. */
export const takesBytes: unique symbol = Symbol('takes bytes in one piece')

type Receive = (this: Insides, bytes: Pieces) => void
type Send = (this: Insides, bytes: Pieces) => boolean

const cured: unique symbol = Symbol('short way')

interface Methods {
  onData?: Receive
  send?: Send
  [cured]?: true
}

/** For all streams and connections of this process; a second time does nothing. */
export function cureStreams(): void {
  const methods = prototypeWith('dispatchReadBuffer', YamuxStream.prototype)
  if (methods?.onData === undefined || methods.send === undefined || methods[cured] === true) return
  methods[cured] = true
  methods.onData = receiving(methods.onData)
  methods.send = sending(methods.send)
}

function receiving(stock: Receive): Receive {
  return function (bytes) {
    const isIdle = this[takesBytes] === true && this.readBuffer.byteLength === 0 && this.readStatus === 'readable'
    if (!isIdle || bytes.byteLength === 0 || this.listenerCount('message') === 0) return stock.call(this, bytes)
    this.dispatchEvent(new StreamMessageEvent(bytes as Uint8Array))
    // As after a dispatch of old: that was the last, or a listener brought more.
    if (this.remoteWriteStatus === 'closed' || this.readBuffer.byteLength > 0) this.dispatchReadBuffer()
  }
}

function sending(stock: Send): Send {
  return function (bytes) {
    const isIdle = !this.writableNeedsDrain && !this.sendingData && this.writeBuffer.byteLength === 0
    const fits = bytes.byteLength > 0 && (this.maxMessageSize === undefined || bytes.byteLength <= this.maxMessageSize)
    const mayTake = this[takesBytes] === true && bytes instanceof Uint8Array && this.writeStatus === 'writable'
    return isIdle && fits && mayTake ? sendNow(this, bytes) : stock.call(this, bytes)
  }
}

function sendNow(stream: Insides, bytes: Uint8Array): boolean {
  stream.sendingData = true
  try {
    const { sentBytes, canSendMore } = stream.sendData(bytes)
    if (sentBytes < bytes.byteLength) stream.writeBuffer.prepend(bytes.subarray(sentBytes))
    if (!canSendMore) {
      stream.writableNeedsDrain = true
      stream.checkWriteBufferLength()
    }
    if (stream.writeBuffer.byteLength === 0 && stream.listenerCount('idle') > 0) stream.dispatchEvent(new Event('idle'))
    stream.sendingData = false
    return canSendMore && stream.writeBuffer.byteLength > 0 ? stream.processSendQueue() : canSendMore // Sent meanwhile.
  } catch (error) {
    stream.abort(error)
    throw error
  } finally {
    stream.sendingData = false
  }
}

/** The nearest prototype that has this method of its own. */
function prototypeWith(method: string, start: object): Methods | undefined {
  for (let at: object | null = start; at !== null; at = Reflect.getPrototypeOf(at)) {
    if (Object.hasOwn(at, method)) return at
  }
  return undefined
}
