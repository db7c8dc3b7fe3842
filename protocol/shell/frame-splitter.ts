/**
 * Cuts a stream of bytes into frames, each with its length in front as a varint. Keeps what has come of a frame until the rest
 * has, and never more room than twice of what has come: what a length announces is not believed before it is there.
 */
import { frameBytesMax } from '../limits.ts'

const none = new Uint8Array(0)
/** Of the varint before a frame: 132 KiB take three bytes. */
const prefixBytesMax = 3

export class FrameSplitter {
  #bytes: Uint8Array = none
  #start = 0
  #end = 0
  /** The bytes are our own and have room behind their end. */
  #owned = false

  /** Takes what came. It must not be changed afterwards. */
  push(bytes: Uint8Array): void {
    if (this.#start === this.#end) return this.#hold(bytes, bytes.length, false)
    if (!this.#owned || this.#end + bytes.length > this.#bytes.length) {
      const unread = this.#bytes.subarray(this.#start, this.#end)
      const roomier = new Uint8Array(2 * (unread.length + bytes.length))
      roomier.set(unread)
      this.#hold(roomier, unread.length, true)
    }
    this.#bytes.set(bytes, this.#end)
    this.#end += bytes.length
  }

  /** The next whole frame, to be used before anything else is pushed; undefined when more must come, false when it is too long. */
  next(): Uint8Array | undefined | false {
    let length = 0
    for (let i = 0; i < prefixBytesMax; i++) {
      const at = this.#start + i
      if (at >= this.#end) return undefined
      const byte = this.#bytes[at] ?? 0
      length |= (byte & 0x7f) << (7 * i)
      if (byte < 0x80) return length > frameBytesMax ? false : this.#take(at + 1, length)
    }
    return false
  }

  #take(start: number, length: number): Uint8Array | undefined {
    const end = start + length
    if (end > this.#end) return undefined
    const frame = this.#bytes.subarray(start, end)
    if (end === this.#end) this.#hold(none, 0, false)
    else this.#start = end
    return frame
  }

  #hold(bytes: Uint8Array, end: number, owned: boolean): void {
    this.#bytes = bytes
    this.#start = 0
    this.#end = end
    this.#owned = owned
  }
}

/** A frame's bytes with their length in front. */
export function withLength(bytes: Uint8Array): Uint8Array {
  const { length } = bytes
  const prefixBytes = length < 0x80 ? 1 : length < 0x4000 ? 2 : prefixBytesMax
  const framed = new Uint8Array(prefixBytes + length)
  for (let i = 0; i < prefixBytes; i++) {
    framed[i] = ((length >>> (7 * i)) & 0x7f) | (i < prefixBytes - 1 ? 0x80 : 0)
  }
  framed.set(bytes, prefixBytes)
  return framed
}
