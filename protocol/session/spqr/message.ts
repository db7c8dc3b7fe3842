/**
 * The message of the post-quantum ratchet that rides in every Signal message: version, epoch, index of its key, and
 * one chunk of whatever is being sent. Codec only.
 */
import type { Chunk } from './erasure.ts'
import { chunkBytes } from './erasure.ts'

const formatVersion = 1

/** What the chunk is a part of. `EkCt1Ack` and `Ct1Ack` also say that the first ciphertext has arrived. */
export type PayloadType = 'None' | 'Hdr' | 'Ek' | 'EkCt1Ack' | 'Ct1Ack' | 'Ct1' | 'Ct2'

const payloadTypes: readonly PayloadType[] = ['None', 'Hdr', 'Ek', 'EkCt1Ack', 'Ct1Ack', 'Ct1', 'Ct2']

export type Payload =
  | { readonly type: 'None' | 'Ct1Ack' }
  | { readonly type: 'Hdr' | 'Ek' | 'EkCt1Ack' | 'Ct1' | 'Ct2'; readonly chunk: Chunk }

export interface PqMessage {
  /** From 1. The key of the message is of the epoch before. */
  readonly epoch: number
  /** Number of the key within its epoch, from 1. */
  readonly index: number
  readonly payload: Payload
}

export function encodePqMessage({ epoch, index, payload }: PqMessage): Uint8Array {
  // Version, two varints of 32 bits, type, varint of 16 bits, chunk.
  const bytes = new Uint8Array(1 + 5 + 5 + 1 + 3 + chunkBytes)
  bytes[0] = formatVersion
  let at = putVarint(bytes, 1, epoch)
  at = putVarint(bytes, at, index)
  bytes[at++] = payloadTypes.indexOf(payload.type)
  if ('chunk' in payload) {
    at = putVarint(bytes, at, payload.chunk.index)
    bytes.set(payload.chunk.bytes, at)
    at += chunkBytes
  }
  return bytes.slice(0, at)
}

/** Undefined for anything but version 1 in its one encoding. Chunks are views into `bytes`. */
export function decodePqMessage(bytes: Uint8Array): PqMessage | undefined {
  if (bytes[0] !== formatVersion) return undefined
  const epoch = takeVarint(bytes, 1, 5)
  const index = epoch && takeVarint(bytes, epoch.end, 5)
  if (index === undefined || epoch === undefined || epoch.value === 0 || index.value === 0) return undefined
  const type = payloadTypes[bytes[index.end] ?? payloadTypes.length]
  const start = index.end + 1
  if (type === undefined) return undefined
  const head = { epoch: epoch.value, index: index.value }
  if (type === 'None' || type === 'Ct1Ack') return start === bytes.length ? { ...head, payload: { type } } : undefined
  const chunkIndex = takeVarint(bytes, start, 3)
  if (chunkIndex === undefined || chunkIndex.value > 0xffff) return undefined
  if (bytes.length !== chunkIndex.end + chunkBytes) return undefined
  return { ...head, payload: { type, chunk: { index: chunkIndex.value, bytes: bytes.subarray(chunkIndex.end) } } }
}

function putVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value
  let next = at
  while (rest > 0x7f) {
    bytes[next++] = (rest & 0x7f) | 0x80
    rest = Math.floor(rest / 128)
  }
  bytes[next++] = rest
  return next
}

function takeVarint(
  bytes: Uint8Array,
  at: number,
  lengthMax: number,
): { readonly value: number; readonly end: number } | undefined {
  let value = 0
  for (let i = 0; i < lengthMax; i++) {
    const byte = bytes[at + i]
    if (byte === undefined) return undefined
    value += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) {
      const isMinimal = byte !== 0 || i === 0
      return isMinimal && value <= 0xffff_ffff ? { value, end: at + i + 1 } : undefined
    }
  }
  return undefined
}
