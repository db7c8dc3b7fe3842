/**
 * The little of protobuf that Signal's messages need, strict: minimal varints of at most 32 bits, known wire types,
 * lengths inside the buffer. Unknown fields are skipped, as the format intends; a field given twice is the caller's
 * to refuse.
 */

/** Walks the fields of one message. After `next()` returned false, `isWhole` tells a clean end from malformed bytes. */
export class FieldReader {
  field = 0
  /** Value of a varint field; undefined for a length-delimited one. */
  varint: number | undefined
  /** Content of a length-delimited field, a view into the message. */
  bytes: Uint8Array | undefined
  isWhole = true
  readonly #data: Uint8Array
  readonly #end: number
  #at: number

  constructor(data: Uint8Array, start: number, end: number) {
    this.#data = data
    this.#at = start
    this.#end = end
  }

  next(): boolean {
    if (this.#at === this.#end) return false
    const tag = this.#readVarint()
    if (tag === undefined || tag >>> 3 === 0) return this.#fail()
    this.field = tag >>> 3
    this.varint = undefined
    this.bytes = undefined
    switch (tag & 7) {
      case 0:
        this.varint = this.#readVarint()
        return this.varint === undefined ? this.#fail() : true
      case 1:
        return this.#skip(8)
      case 2: {
        const length = this.#readVarint()
        if (length === undefined || length > this.#end - this.#at) return this.#fail()
        this.bytes = this.#data.subarray(this.#at, this.#at + length)
        this.#at += length
        return true
      }
      case 5:
        return this.#skip(4)
      default:
        return this.#fail()
    }
  }

  #skip(length: number): boolean {
    if (length > this.#end - this.#at) return this.#fail()
    this.#at += length
    return true
  }

  #fail(): false {
    this.isWhole = false
    this.#at = this.#end
    return false
  }

  #readVarint(): number | undefined {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.#at >= this.#end) return undefined
      const byte = this.#data[this.#at++] as number
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) {
        const isMinimal = byte !== 0 || shift === 0
        return isMinimal && value <= 0xffff_ffff ? value : undefined
      }
    }
    return undefined
  }
}

/** Writes fields into memory of exactly the size they need: measure with the `…Size` functions first. */
export class FieldWriter {
  readonly data: Uint8Array
  #at: number

  constructor(data: Uint8Array, start: number) {
    this.data = data
    this.#at = start
  }

  /** Where the next field will begin. */
  get end(): number {
    return this.#at
  }

  varintField(field: number, value: number): void {
    this.#varint(field << 3)
    this.#varint(value)
  }

  bytesField(field: number, value: Uint8Array): void {
    this.#varint((field << 3) | 2)
    this.#varint(value.length)
    this.data.set(value, this.#at)
    this.#at += value.length
  }

  #varint(value: number): void {
    let rest = value
    while (rest > 0x7f) {
      this.data[this.#at++] = (rest & 0x7f) | 0x80
      rest = Math.floor(rest / 128)
    }
    this.data[this.#at++] = rest
  }
}

function varintSize(value: number): number {
  let size = 1
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) size++
  return size
}

/** Size of a field with a number below 16 and this varint. */
export function varintFieldSize(value: number): number {
  return 1 + varintSize(value)
}

/** Size of a field with a number below 16 and content of this length. */
export function bytesFieldSize(length: number): number {
  return 1 + varintSize(length) + length
}
