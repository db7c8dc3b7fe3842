/**
 * HMAC-SHA256 (RFC 2104) and HKDF-SHA256 (RFC 5869) for short input, on the open midstates of `sha256.ts`: a key is
 * absorbed once and used for several messages, which is what a ratchet does all day.
 *
 * Works in memory it keeps and wipes, and gives keys out in blocks of 32 bytes: arrays of up to 64 bytes live on the
 * engine's own heap, larger ones are a system allocation each, which costs more than the hashing.
 */
import { utf8Bytes } from './bytes.ts'
import {
  compress,
  copyState,
  finish,
  initialState,
  resetState,
  sha256Lean,
  wipeWorkspace,
  writeDigest,
} from './sha256.ts'
import type { Sha256State } from './sha256.ts'

/** A key absorbed into both pads. As secret as the key itself. */
interface HmacKey {
  readonly inner: Sha256State
  readonly outer: Sha256State
}

const zeros: Sha256State = new Int32Array(8)
const pad = new Uint8Array(64)
const work: Sha256State = initialState()
const innerDigest = new Uint8Array(32)
const pseudoRandom = new Uint8Array(32)
const ownKey: HmacKey = { inner: initialState(), outer: initialState() }

/** Longest message put together in kept memory: what a native hash is not yet cheaper for. */
export const leanHmacBytesMax = 512
const joined = new Uint8Array(leanHmacBytesMax)

/** RFC 5869 section 2.2: an absent salt is 32 zero bytes. */
const zeroSalt: HmacKey = { inner: initialState(), outer: initialState() }
absorb(zeroSalt, new Uint8Array(32))

function absorb(into: HmacKey, key: Uint8Array): void {
  const short = key.length > 64 ? sha256Lean(key) : key
  pad.fill(0x36)
  for (let i = 0; i < short.length; i++) pad[i] = (short[i] as number) ^ 0x36
  resetState(into.inner)
  compress(into.inner, pad, 0)
  for (let i = 0; i < 64; i++) pad[i] = (pad[i] as number) ^ 0x6a
  resetState(into.outer)
  compress(into.outer, pad, 0)
  pad.fill(0)
}

/** The HMAC of the first `length` bytes of `message`, 32 bytes. */
function macOf(key: HmacKey, message: Uint8Array, length: number, out: Uint8Array): Uint8Array {
  copyState(key.inner, work)
  finish(work, message, length, 64)
  writeDigest(work, innerDigest, 0)
  copyState(key.outer, work)
  finish(work, innerDigest, 32, 64)
  writeDigest(work, out, 0)
  return out
}

/** 32 bytes; the message is `parts` in a row, at most `leanHmacBytesMax` long together. */
export function hmacLean(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) {
    joined.set(part, length)
    length += part.length
  }
  absorb(ownKey, key)
  const mac = macOf(ownKey, joined, length, new Uint8Array(32))
  wipe()
  joined.fill(0, Math.min(length, wipedBytes), length)
  return mac
}

/** HMACs of two messages under one key, which is absorbed once. */
export function hmacOfBoth(key: Uint8Array, first: Uint8Array, second: Uint8Array): readonly [Uint8Array, Uint8Array] {
  absorb(ownKey, key)
  const ofFirst = macOf(ownKey, first, first.length, new Uint8Array(32))
  const ofSecond = macOf(ownKey, second, second.length, new Uint8Array(32))
  wipe()
  return [ofFirst, ofSecond]
}

/** So many blocks of 32 bytes. */
export type Blocks<Count extends 1 | 2 | 3> = Count extends 3
  ? readonly [Uint8Array, Uint8Array, Uint8Array]
  : Count extends 2
    ? readonly [Uint8Array, Uint8Array]
    : readonly [Uint8Array]

/** HKDF-SHA256 to `count` blocks of 32 bytes. `info` as text is its UTF-8 form, and at most 400 bytes long. */
export function hkdfBlocks<Count extends 1 | 2 | 3>(
  ikm: Uint8Array,
  salt: Uint8Array | undefined,
  info: string | Uint8Array,
  count: Count,
): Blocks<Count> {
  return expand(ikm, salt, info, count) as readonly Uint8Array[] as Blocks<Count>
}

function expand(ikm: Uint8Array, salt: Uint8Array | undefined, info: string | Uint8Array, count: number): Uint8Array[] {
  const infoBytes = typeof info === 'string' ? infoOf(info) : info
  if (salt !== undefined) absorb(ownKey, salt)
  macOf(salt === undefined ? zeroSalt : ownKey, ikm, ikm.length, pseudoRandom)
  absorb(ownKey, pseudoRandom)
  const blocks: Uint8Array[] = []
  let before = 0
  for (let i = 1; i <= count; i++) {
    joined.set(infoBytes, before)
    joined[before + infoBytes.length] = i
    const block = macOf(ownKey, joined, before + infoBytes.length + 1, new Uint8Array(32))
    blocks.push(block)
    joined.set(block)
    before = 32
  }
  wipe()
  return blocks
}

/** HKDF-SHA256 to `length` bytes in one piece. */
export function hkdfSha256(
  ikm: Uint8Array,
  salt: Uint8Array | undefined,
  info: string | Uint8Array,
  length: number,
): Uint8Array {
  const output = new Uint8Array(length)
  expand(ikm, salt, info, Math.ceil(length / 32)).forEach((block, i) => {
    output.set(block.subarray(0, length - 32 * i), 32 * i)
    block.fill(0)
  })
  return output
}

function wipe(): void {
  copyState(zeros, ownKey.inner)
  copyState(zeros, ownKey.outer)
  copyState(zeros, work)
  innerDigest.fill(0)
  pseudoRandom.fill(0)
  joined.fill(0, 0, wipedBytes)
  wipeWorkspace()
}

/** What an expansion puts in front of its label, with room: a block. */
const wipedBytes = 64

const infos = new Map<string, Uint8Array>()

/** The labels are a dozen constants, so encoding each once is bounded; anything unusual is encoded afresh. */
function infoOf(text: string): Uint8Array {
  const known = infos.get(text)
  if (known !== undefined) return known
  const bytes = utf8Bytes(text)
  if (infos.size < 64) infos.set(text, bytes)
  return bytes
}
