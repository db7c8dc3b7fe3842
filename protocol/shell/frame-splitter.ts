/** Cuts a stream of bytes into frames, each with its length in front as a varint, and keeps what has come of a frame until the rest has. */
import { frameBytesMax } from '../limits.ts'
import { Unread } from './unread.ts'

/** Of the varint before a frame: 129 KiB take three bytes. */
const prefixBytesMax = 3

export class FrameSplitter {
  readonly #unread = new Unread()

  /** Takes what came. It must not be changed afterwards. */
  push(bytes: Uint8Array): void {
    this.#unread.push(bytes)
  }

  /** The next whole frame, to be used before anything else is pushed; undefined when more must come, false when it is too long. */
  next(): Uint8Array | undefined | false {
    const unread = this.#unread
    let length = 0
    for (let i = 0; i < prefixBytesMax; i++) {
      if (i >= unread.length) return undefined
      const byte = unread.at(i)
      length |= (byte & 0x7f) << (7 * i)
      if (byte >= 0x80) continue
      if (length > frameBytesMax) return false
      const whole = i + 1 + length
      return whole > unread.length ? undefined : unread.take(whole, i + 1)
    }
    return false
  }
}

/** A frame's bytes with their length in front, to be sent soon: they lie in a page that others share. */
export function withLength(bytes: Uint8Array): Uint8Array {
  const { length } = bytes
  const prefixBytes = length < 0x80 ? 1 : length < 0x4000 ? 2 : prefixBytesMax
  const framed = Buffer.allocUnsafe(prefixBytes + length)
  for (let i = 0; i < prefixBytes; i++) {
    framed[i] = ((length >>> (7 * i)) & 0x7f) | (i < prefixBytes - 1 ? 0x80 : 0)
  }
  framed.set(bytes, prefixBytes)
  return framed
}
