/**
 * The bytes of the model's session messages: a session's name, which side speaks, and a counter, in the clear. As long as a
 * real one, so that mailboxes and wires carry what they would; a checksum stands for all that authenticates.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import type { MessageType } from '../../../protocol/session/types.ts'

export interface FirstPart {
  readonly signedPreKeyId: number
  readonly kyberPreKeyId: number
  /** 0 when there was none. */
  readonly preKeyId: number
  /** 33 bytes each. */
  readonly identityKey: Uint8Array
  readonly baseKey: Uint8Array
}

export interface ModelMessage {
  readonly type: MessageType
  /** 16 bytes in hexadecimal. */
  readonly session: string
  readonly byInitiator: boolean
  readonly counter: number
  readonly first: FirstPart | undefined
  readonly plaintext: Uint8Array
  readonly checksum: number
}

const headBytes = 1 + 16 + 1 + 4
const firstBytes = 12 + 33 + 33
/** What a real message carries besides: ratchet keys, tags, the post-quantum parts. */
const fillBytes = { 2: 110, 3: 1_700 } as const
const checksumBytes = 4

/** What names a message key, over all devices and time. */
export function keyName(message: ModelMessage): string {
  return `${message.session} ${message.byInitiator ? 'i' : 'r'} ${message.counter}`
}

export function writeMessage(
  message: Omit<ModelMessage, 'checksum' | 'session'> & { readonly session: Uint8Array },
  receiver: Uint8Array,
): Uint8Array {
  const { type, first, plaintext } = message
  const fill = fillBytes[type]
  const start = headBytes + (first === undefined ? 0 : firstBytes) + fill
  const bytes = zeroed(start + plaintext.length + checksumBytes)
  bytes[0] = type
  bytes.set(message.session, 1)
  bytes[17] = message.byInitiator ? 1 : 0
  putUint32(bytes, 18, message.counter)
  if (first !== undefined) {
    putUint32(bytes, 22, first.signedPreKeyId)
    putUint32(bytes, 26, first.kyberPreKeyId)
    putUint32(bytes, 30, first.preKeyId)
    bytes.set(first.identityKey, 34)
    bytes.set(first.baseKey, 67)
  }
  bytes.set(plaintext, start)
  putUint32(bytes, bytes.length - checksumBytes, checksumOf(bytes, receiver))
  return bytes
}

/** Undefined when it is none; `receiver` absent, the checksum is not looked at. */
export function readMessage(bytes: Uint8Array, receiver?: Uint8Array): ModelMessage | 'forged' | undefined {
  const type = bytes[0]
  if (type !== 2 && type !== 3) return undefined
  const start = headBytes + (type === 3 ? firstBytes : 0) + fillBytes[type]
  if (bytes.length < start + checksumBytes) return undefined
  const checksum = uint32At(bytes, bytes.length - checksumBytes)
  if (receiver !== undefined && checksum !== checksumOf(bytes, receiver)) return 'forged'
  return {
    type,
    session: bytesToHex(bytes.subarray(1, 17)),
    byInitiator: bytes[17] === 1,
    counter: uint32At(bytes, 18),
    first:
      type === 2
        ? undefined
        : {
            signedPreKeyId: uint32At(bytes, 22),
            kyberPreKeyId: uint32At(bytes, 26),
            preKeyId: uint32At(bytes, 30),
            identityKey: bytes.slice(34, 67),
            baseKey: bytes.slice(67, 100),
          },
    plaintext: bytes.subarray(start, bytes.length - checksumBytes),
    checksum,
  }
}

/** FNV-1a over the receiver's key and everything but the fill and the checksum itself. */
function checksumOf(bytes: Uint8Array, receiver: Uint8Array): number {
  const type = bytes[0] === 3 ? 3 : 2
  const fillAt = headBytes + (type === 3 ? firstBytes : 0)
  const hash = sum(0x811c9dc5, receiver, 0, receiver.length)
  const head = sum(hash, bytes, 0, fillAt)
  return sum(head, bytes, fillAt + fillBytes[type], bytes.length - checksumBytes) >>> 0
}

export function sum(start: number, bytes: Uint8Array, from: number, to: number): number {
  let hash = start
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193)
  return hash
}

/** Big-endian, and without a view: a small array's buffer is only made when it is asked for. */
export function putUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

export function uint32At(bytes: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0
}

/** Many small arrays cut from a larger one: each by itself would be asked of the operating system, and given back. */
export function zeroed(length: number): Uint8Array {
  if (length > slabBytes / 4) return new Uint8Array(length)
  if (cut + length > slab.length) {
    slab = new Uint8Array(slabBytes)
    cut = 0
  }
  cut += length
  return slab.subarray(cut - length, cut)
}

const slabBytes = 16_384
let slab = new Uint8Array(slabBytes)
let cut = 0
