/**
 * XEdDSA signatures (XEdDSA revision 1) in the variant libsignal speaks: the public key's own sign of x travels in
 * the top bit of the signature's last byte. Verification is strict (s < L), so a signature has one encoding only.
 *
 * Fast path: an identity grown from an Ed25519 seed is signed for natively, since its X25519 private key is the
 * Ed25519 scalar. Slow path: an imported X25519 private key, with the nonce of the paper.
 */
import { ed25519 } from '@noble/curves/ed25519.js'
import { concatBytes } from './bytes.ts'
import { edwardsFromMontgomery, isCanonicalScalar, isSmallOrderEdwards } from './field25519.ts'
import { ed25519PublicKey, ed25519Sign, sha512 } from './primitives.ts'
import { provider } from './platform.ts'
import type { Random } from './random.ts'

/** Signs with the identity grown from `seed`: 64 bytes. Deterministic, as Ed25519 is. */
export function xeddsaSignWithSeed(seed: Uint8Array, message: Uint8Array): Uint8Array {
  const signature = ed25519Sign(seed, message)
  const sign = (publicKeyOf(seed)[31] as number) & 0x80
  signature[63] = (signature[63] as number) | sign
  return signature
}

/**
 * Signs with an X25519 private key, 32 bytes: about twenty times slower. `random` gives the 64 bytes Z of the paper.
 */
export function xeddsaSign(privateKey: Uint8Array, message: Uint8Array, random: Random): Uint8Array {
  const { Point } = ed25519
  const clamped = new Uint8Array(privateKey)
  clamped[0] = (clamped[0] as number) & 0xf8
  clamped[31] = ((clamped[31] as number) & 0x7f) | 0x40
  const order = Point.Fn.ORDER
  const a = littleEndian(clamped) % order
  const publicKey = Point.BASE.multiply(a).toBytes()
  const z = random.bytes(64)
  // The paper's hash_1 prefix: a value no clamped key or point encoding starts with.
  const prefix = new Uint8Array(32).fill(0xff)
  prefix[0] = 0xfe
  const nonceHash = sha512(concatBytes(prefix, clamped, message, z))
  const r = littleEndian(nonceHash) % order
  const commitment = Point.BASE.multiply(r).toBytes()
  const h = littleEndian(sha512(concatBytes(commitment, publicKey, message))) % order
  const s = Point.Fn.toBytes((r + h * a) % order)
  clamped.fill(0)
  z.fill(0)
  nonceHash.fill(0)
  const signature = concatBytes(commitment, s)
  signature[63] = (signature[63] as number) | ((publicKey[31] as number) & 0x80)
  return signature
}

/** Verifies against an X25519 public key, 32 bytes of u. False for anything malformed, and for a key of small order. */
export function xeddsaVerify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false
  const last = signature[63] as number
  const edwards = convertedKey(publicKey, last > 0x7f ? 1 : 0)
  if (edwards === undefined) return false
  const plain = new Uint8Array(signature) // Not `slice()`: on a Buffer that copies nothing, and the signature is the caller’s.
  plain[63] = last & 0x7f
  if (!isCanonicalScalar(plain.subarray(32))) return false
  return provider.ed25519Verify(edwards, message, plain)
}

/**
 * Converted keys of late, since a group's messages and a bundle's two signatures come in rows under one key and the
 * conversion costs as much as the native import. Public values, so a plain map, oldest out first.
 */
const convertedKeysMax = 256
const convertedKeys = new Map<string, Uint8Array>()

function convertedKey(u: Uint8Array, sign: 0 | 1): Uint8Array | undefined {
  const name = String.fromCharCode(sign, ...u)
  const known = convertedKeys.get(name)
  if (known !== undefined) return known
  const edwards = edwardsFromMontgomery(u, sign)
  if (edwards === undefined || isSmallOrderEdwards(edwards)) return undefined
  if (convertedKeys.size >= convertedKeysMax) {
    const oldest = convertedKeys.keys().next()
    if (oldest.done !== true) convertedKeys.delete(oldest.value)
  }
  convertedKeys.set(name, edwards)
  return edwards
}

/** The public key decides one bit of each signature; kept beside the seed's own array for as long as that lives. */
const publicKeys = new WeakMap<Uint8Array, { readonly seed: Uint8Array; readonly publicKey: Uint8Array }>()

function publicKeyOf(seed: Uint8Array): Uint8Array {
  const known = publicKeys.get(seed)
  if (known !== undefined && known.seed.every((byte, i) => byte === seed[i])) return known.publicKey
  const publicKey = ed25519PublicKey(seed)
  publicKeys.set(seed, { seed: new Uint8Array(seed), publicKey })
  return publicKey
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] as number)
  return value
}
