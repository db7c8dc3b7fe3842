/**
 * The erasure code of the braid (ML-KEM Braid section 2.3): a message becomes an endless row of chunks of 32 bytes,
 * and any as many of them as the message has give it back. The first ones are the message itself.
 *
 * Element i of the message (16 bits, big-endian) is polynomial i mod 16 at x = i div 16; chunk n is the sixteen
 * polynomials at x = n.
 */
import { addScaled, lagrangeWeights } from './gf16.ts'

export const chunkBytes = 32
const chunkElements = chunkBytes / 2

/** x is an element of the field. */
const chunkIndexMax = 0xffff

export interface Chunk {
  readonly index: number
  /** 32 bytes. */
  readonly bytes: Uint8Array
}

/** What is being sent, and the number of the next chunk. */
export interface Encoder {
  /** A multiple of 32 bytes. */
  readonly message: Uint8Array
  readonly next: number
}

export function encoder(message: Uint8Array): Encoder {
  return { message, next: 0 }
}

export function nextChunk(from: Encoder): { readonly chunk: Chunk; readonly encoder: Encoder } {
  const index = from.next
  const next = index === chunkIndexMax ? 0 : index + 1
  return { chunk: { index, bytes: chunkAt(from.message, index) }, encoder: { message: from.message, next } }
}

function chunkAt(message: Uint8Array, index: number): Uint8Array {
  const count = message.length / chunkBytes
  if (index < count) return message.slice(index * chunkBytes, (index + 1) * chunkBytes)
  const nodes = Array.from({ length: count }, (_, i) => i)
  return interpolate(message, nodes, index)
}

/** What has arrived of a message of `length` bytes. */
export interface Decoder {
  readonly length: number
  /** Distinct by index, in order of arrival. */
  readonly chunks: readonly Chunk[]
}

export function decoder(length: number): Decoder {
  return { length, chunks: [] }
}

/**
 * A chunk seen before adds nothing, and of two that disagree the first stands: what they decode to is authenticated.
 */
export function withChunk(to: Decoder, chunk: Chunk): Decoder {
  if (to.chunks.some((one) => one.index === chunk.index)) return to
  return { length: to.length, chunks: [...to.chunks, { index: chunk.index, bytes: chunk.bytes.slice() }] }
}

/** The message, or undefined while chunks are missing. */
export function decoded(from: Decoder): Uint8Array | undefined {
  const count = from.length / chunkBytes
  if (from.chunks.length < count) return undefined
  const used = from.chunks.slice(0, count)
  const message = new Uint8Array(from.length)
  const present = new Set<number>()
  for (const { index, bytes } of used) {
    if (index >= count) continue
    present.add(index)
    message.set(bytes, index * chunkBytes)
  }
  if (present.size === count) return message
  const nodes = used.map((chunk) => chunk.index)
  const values = new Uint8Array(from.length)
  used.forEach((chunk, i) => values.set(chunk.bytes, i * chunkBytes))
  for (let x = 0; x < count; x++) if (!present.has(x)) message.set(interpolate(values, nodes, x), x * chunkBytes)
  return message
}

/** The sixteen polynomials at `x`, from their values at `nodes`: a chunk for each node. */
function interpolate(values: Uint8Array, nodes: readonly number[], x: number): Uint8Array {
  const sums = new Uint16Array(chunkElements)
  lagrangeWeights(nodes, x).forEach((weight, i) => addScaled(sums, values, i * chunkBytes, weight))
  const bytes = new Uint8Array(chunkBytes)
  sums.forEach((sum, i) => {
    bytes[2 * i] = sum >>> 8
    bytes[2 * i + 1] = sum & 255
  })
  return bytes
}
