/**
 * HMAC-SHA256 (RFC 2104) and HKDF-SHA256 (RFC 5869) for short input, on the open midstates of `sha256.ts`: a key is
 * absorbed once and used for several messages, which is what a ratchet does all day.
 */
import { utf8Bytes } from './bytes.ts'
import { compress, finish, initialState, sha256Lean, wipeWorkspace, writeDigest } from './sha256.ts'
import type { Sha256State } from './sha256.ts'

/** A key absorbed into both pads. As secret as the key itself. */
export interface HmacKey {
  readonly inner: Sha256State
  readonly outer: Sha256State
}

const pad = new Uint8Array(64)
const work: Sha256State = initialState()
const innerDigest = new Uint8Array(32)

export function hmacKey(key: Uint8Array): HmacKey {
  const short = key.length > 64 ? sha256Lean(key) : key
  const inner = initialState()
  const outer = initialState()
  pad.fill(0x36)
  for (let i = 0; i < short.length; i++) pad[i] = (short[i] as number) ^ 0x36
  compress(inner, pad, 0)
  for (let i = 0; i < 64; i++) pad[i] = (pad[i] as number) ^ 0x6a
  compress(outer, pad, 0)
  pad.fill(0)
  return { inner, outer }
}

/** HMAC of `message`, 32 bytes, written into `out` at `offset`. */
export function hmacInto(key: HmacKey, message: Uint8Array, out: Uint8Array, offset: number): void {
  work.set(key.inner)
  finish(work, message, 64)
  writeDigest(work, innerDigest, 0)
  work.set(key.outer)
  finish(work, innerDigest, 64)
  writeDigest(work, out, offset)
}

export function hmacWith(key: HmacKey, message: Uint8Array): Uint8Array {
  const mac = new Uint8Array(32)
  hmacInto(key, message, mac, 0)
  return mac
}

export function wipeHmacKey(key: HmacKey): void {
  key.inner.fill(0)
  key.outer.fill(0)
}

/** Overwrites what the last calls left in the shared work space. */
export function wipeHmacWorkspace(): void {
  work.fill(0)
  innerDigest.fill(0)
  wipeWorkspace()
}

/** RFC 5869 section 2.2: an absent salt is 32 zero bytes. */
const zeroSalt = hmacKey(new Uint8Array(32))

/**
 * HKDF-SHA256 to `length` bytes (at most 255 × 32). `info` as text is its UTF-8 form.
 */
export function hkdfSha256(
  ikm: Uint8Array,
  salt: Uint8Array | undefined,
  info: string | Uint8Array,
  length: number,
): Uint8Array {
  const infoBytes = typeof info === 'string' ? infoOf(info) : info
  const extractKey = salt === undefined ? zeroSalt : hmacKey(salt)
  const pseudoRandom = hmacWith(extractKey, ikm)
  if (extractKey !== zeroSalt) wipeHmacKey(extractKey)
  const key = hmacKey(pseudoRandom)
  pseudoRandom.fill(0)
  const blocks = Math.ceil(length / 32)
  const output = new Uint8Array(blocks * 32)
  const message = new Uint8Array(32 + infoBytes.length + 1)
  message.set(infoBytes, 32)
  for (let i = 1; i <= blocks; i++) {
    message[message.length - 1] = i
    if (i > 1) message.set(output.subarray((i - 2) * 32, (i - 1) * 32))
    hmacInto(key, i === 1 ? message.subarray(32) : message, output, (i - 1) * 32)
  }
  message.fill(0)
  wipeHmacKey(key)
  if (output.length === length) return output
  const cut = output.slice(0, length)
  output.fill(0)
  return cut
}

const infos = new Map<string, Uint8Array>()

/** The labels are a dozen constants, so encoding each once is bounded; anything unusual is encoded afresh. */
function infoOf(text: string): Uint8Array {
  const known = infos.get(text)
  if (known !== undefined) return known
  const bytes = utf8Bytes(text)
  if (infos.size < 64) infos.set(text, bytes)
  return bytes
}
