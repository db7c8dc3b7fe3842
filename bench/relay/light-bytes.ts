/** Bytes as they are put together and taken apart again: varints, protobuf fields, length-prefixed pieces. */
import { concatBytes } from '../../protocol/crypto/bytes.ts'

const empty = new Uint8Array(0)

/** What has arrived and was not understood yet. */
export class Inbox {
  #bytes: Uint8Array = empty

  push(bytes: Uint8Array): void {
    this.#bytes = this.#bytes.length === 0 ? bytes : concatBytes(this.#bytes, bytes)
  }

  get length(): number {
    return this.#bytes.length
  }

  at(index: number): number {
    return this.#bytes[index] ?? 0
  }

  /** A whole number, the most significant byte first. */
  uint(index: number, bytes: number): number {
    let value = 0
    for (let i = index; i < index + bytes; i++) value = value * 256 + this.at(i)
    return value
  }

  /** The next bytes; undefined, and nothing is taken, when there are not so many. */
  take(length: number): Uint8Array | undefined {
    if (this.#bytes.length < length) return undefined
    const taken = this.#bytes.subarray(0, length)
    this.#bytes = this.#bytes.length === length ? empty : this.#bytes.subarray(length)
    return taken
  }

  /** The next piece with its length in front as a varint; undefined when it is not whole yet. */
  takePrefixed(): Uint8Array | undefined {
    let length = 0
    let prefix = 0
    for (;;) {
      if (prefix >= this.#bytes.length) return undefined
      const byte = this.at(prefix)
      length += (byte & 0x7f) * 2 ** (7 * prefix)
      prefix += 1
      if (byte < 0x80) break
    }
    return this.take(prefix + length)?.subarray(prefix)
  }

  /** Everything. */
  drain(): Uint8Array {
    return this.take(this.#bytes.length) ?? empty
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Uint8Array.from([...bytes, left])
    bytes.push((left % 128) | 0x80)
  }
}

export function prefixed(bytes: Uint8Array): Uint8Array {
  return concatBytes(varint(bytes.length), bytes)
}

/** A length-delimited protobuf field. */
export function bytesField(number: number, bytes: Uint8Array): Uint8Array {
  return concatBytes(varint(number * 8 + 2), prefixed(bytes))
}
