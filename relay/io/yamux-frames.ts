/**
 * The part of `yamux-cure.ts` that cuts what came into frames and makes frames of what is sent, each in one piece. Upstream
 * gathers a frame of any length, up to four gigabytes, and asks only then whether its stream has room for it.
 */
import { YamuxStream } from '@libp2p/yamux/stream'
import { frameBytesMaxOf } from '../../protocol/shell/muxer-bounds.ts'
import { Unread } from '../../protocol/shell/unread.ts'
import { takesBytes, type Pieces, type SendResult } from './streams-cure.ts'

interface Header {
  readonly type: number
  readonly flag: number
  readonly streamID: number
  readonly length: number
}

interface Frame {
  readonly header: Header
  readonly data?: Uint8Array
}

/** What is used and replaced of a multiplexer, all of it private to it. */
interface MuxerInsides {
  [unread]?: Unread
  readonly streamOptions?: { readonly maxStreamWindowSize?: number }
  readonly decoder?: { readonly buffer?: Pieces }
  onData?: (this: MuxerInsides, bytes: Pieces) => void
  handleFrame?: (this: MuxerInsides, frame: Frame) => void
  handleStreamMessage?: (this: MuxerInsides, frame: Frame) => void
  sendFrame?: (this: MuxerInsides, header: Header, data?: Pieces) => boolean
  send?: (this: MuxerInsides, bytes: Uint8Array) => boolean
  [cured]?: true
}

interface StreamInsides {
  readonly streamId?: number
  sendWindowCapacity?: number
  getSendFlags?: () => number
  sendFrame?: (header: Header, data: Uint8Array) => boolean
  sendData?: (this: StreamInsides, bytes: Pieces) => SendResult
  [takesBytes]?: boolean
}

const unread: unique symbol = Symbol('unread')
const cured: unique symbol = Symbol('frames in one piece')
const headerBytes = 12
const [dataType, windowUpdateType] = [0, 1]

/** For all multiplexers of this muxer's kind and all their streams; a second time does nothing. */
export function cureFrames(muxer: object): void {
  const methods: MuxerInsides | null = Reflect.getPrototypeOf(muxer)
  const streams: StreamInsides = YamuxStream.prototype as object
  if (methods === null || methods[cured] === true || streams.sendData === undefined) return
  const { onData, handleFrame, handleStreamMessage, sendFrame, send } = methods
  const known = [onData, handleStreamMessage, send].every((method) => method !== undefined)
  if (!known || handleFrame === undefined || sendFrame === undefined) return
  methods[cured] = true
  methods.onData = receive
  methods.handleFrame = handling(handleFrame)
  methods.sendFrame = framing(sendFrame)
  streams.sendData = sending(streams.sendData)
  streams[takesBytes] = true
}

/** Each frame is dealt with before the next is looked at, so that what comes before a malformed one still counts. */
function receive(this: MuxerInsides, bytes: Pieces): void {
  const bytesUnread = (this[unread] ??= begun(this.decoder?.buffer))
  const bytesMax = frameBytesMaxOf(this)
  bytesUnread.push(bytes.subarray())
  for (let frame = nextOf(bytesUnread, bytesMax); frame !== undefined; frame = nextOf(bytesUnread, bytesMax)) {
    this.handleFrame?.(frame)
  }
}

/** With what came before the cure. */
function begun(before: Pieces | undefined): Unread {
  const bytes = new Unread()
  if (before !== undefined) bytes.push(before.subarray())
  return bytes
}

/** No honest frame brings more than its stream's window has room for. */
function nextOf(bytes: Unread, bytesMax: number): Frame | undefined {
  if (bytes.length < headerBytes) return undefined
  if (bytes.at(0) !== 0) throw new Error('a frame of another version')
  const header = {
    type: bytes.at(1),
    flag: bytes.at(2) * 256 + bytes.at(3),
    streamID: uint(bytes, 4),
    length: uint(bytes, 8),
  }
  if (header.type !== dataType) {
    bytes.take(headerBytes)
    return { header }
  }
  if (header.length > bytesMax) throw new Error('a frame longer than any window')
  const whole = headerBytes + header.length
  return bytes.length < whole ? undefined : { header, data: bytes.take(whole, headerBytes) }
}

function uint(bytes: Unread, at: number): number {
  return ((bytes.at(at) * 256 + bytes.at(at + 1)) * 256 + bytes.at(at + 2)) * 256 + bytes.at(at + 3)
}

function handling(stock: NonNullable<MuxerInsides['handleFrame']>): NonNullable<MuxerInsides['handleFrame']> {
  return function (frame) {
    const { type, streamID } = frame.header
    const isOfStream = streamID !== 0 && (type === dataType || type === windowUpdateType)
    if (isOfStream) this.handleStreamMessage?.(frame)
    else stock.call(this, frame)
  }
}

function framing(stock: NonNullable<MuxerInsides['sendFrame']>): NonNullable<MuxerInsides['sendFrame']> {
  return function (header, data) {
    if (!(data instanceof Uint8Array)) return stock.call(this, header, data)
    const { type, flag, streamID, length } = header
    const frame = Buffer.allocUnsafe(headerBytes + data.length)
    frame.writeUInt8(0, 0)
    frame.writeUInt8(type, 1)
    frame.writeUInt16BE(flag, 2)
    frame.writeUInt32BE(streamID, 4)
    frame.writeUInt32BE(length, 8)
    frame.set(data, headerBytes)
    return this.send?.(frame) ?? false
  }
}

function sending(stock: NonNullable<StreamInsides['sendData']>): NonNullable<StreamInsides['sendData']> {
  return function (bytes) {
    if (!(bytes instanceof Uint8Array)) return stock.call(this, bytes)
    let sentBytes = 0
    let canSendMore = true
    while (canSendMore && sentBytes < bytes.length) {
      const piece = bytes.subarray(sentBytes, sentBytes + (this.sendWindowCapacity ?? 0))
      if (piece.length === 0) return { sentBytes, canSendMore: false } // Until the window opens.
      const header = {
        type: dataType,
        flag: this.getSendFlags?.() ?? 0,
        streamID: this.streamId ?? 0,
        length: piece.length,
      }
      canSendMore = this.sendFrame?.(header, piece) ?? false
      this.sendWindowCapacity = (this.sendWindowCapacity ?? 0) - piece.length
      sentBytes += piece.length
    }
    return { sentBytes, canSendMore }
  }
}
