/** Writing and reading this device's own stored values. What does not read back is a damaged store: LocalError. */
import { LocalError } from '../errors.ts'

/** Grows as needed; one is used over and over, so that storing a session allocates only its result. */
export class ByteWriter {
  #data: Uint8Array = new Uint8Array(16_384)
  #at = 0

  /** What was written, as a copy; the writer is empty again and keeps no secrets. */
  take(): Uint8Array {
    const taken = this.#data.slice(0, this.#at)
    this.#data.fill(0, 0, this.#at)
    this.#at = 0
    return taken
  }

  /** A safe integer from 0. */
  number(value: number): void {
    this.#room(8)
    let rest = value
    while (rest > 0x7f) {
      this.#data[this.#at++] = (rest % 128) | 0x80
      rest = Math.floor(rest / 128)
    }
    this.#data[this.#at++] = rest
  }

  /** Bytes of a length that the reader knows. */
  fixed(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.#data.set(bytes, this.#at)
    this.#at += bytes.length
  }

  bytes(bytes: Uint8Array): void {
    this.number(bytes.length)
    this.fixed(bytes)
  }

  list<Item>(items: readonly Item[], write: (item: Item) => void): void {
    this.number(items.length)
    for (const item of items) write(item)
  }

  #room(length: number): void {
    if (this.#at + length <= this.#data.length) return
    const larger = new Uint8Array(Math.max(2 * this.#data.length, this.#at + length))
    larger.set(this.#data)
    this.#data.fill(0)
    this.#data = larger
  }
}

export class ByteReader {
  readonly #data: Uint8Array
  #at = 0

  constructor(data: Uint8Array) {
    this.#data = data
  }

  number(): number {
    let value = 0
    for (let shift = 0; shift < 53; shift += 7) {
      const byte = this.#data[this.#at++]
      if (byte === undefined) break
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw damaged()
  }

  fixed(length: number): Uint8Array {
    const end = this.#at + length
    if (end > this.#data.length) throw damaged()
    const bytes = this.#data.slice(this.#at, end)
    this.#at = end
    return bytes
  }

  bytes(): Uint8Array {
    return this.fixed(this.number())
  }

  list<Item>(lengthMax: number, read: () => Item): Item[] {
    const length = this.number()
    if (length > lengthMax) throw damaged()
    return Array.from({ length }, read)
  }

  end(): void {
    if (this.#at !== this.#data.length) throw damaged()
  }
}

export function damaged(): LocalError {
  return new LocalError('stored session: not in a form this version wrote')
}
