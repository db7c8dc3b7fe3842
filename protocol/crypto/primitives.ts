/**
 * The cryptographic primitives everything above uses: synchronous, on plain bytes, chosen by size between the
 * platform's provider and lean JavaScript. Hostile values come back as `undefined` or `false`; a wrong length is the
 * caller's fault and throws UsageError. Decides no protocol.
 *
 * @example
 * const bob = x25519KeyPair(systemRandom.bytes(32)) const shared = x25519(alicePrivateKey, bob.publicKey)
 */
import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { UsageError } from '../errors.ts'
import { aesCbcDecrypt, aesCbcEncrypt } from './aes-cbc.ts'
import { concatBytes, samePublicBytes } from './bytes.ts'
import {
  groupOrder,
  isCanonicalField,
  isCanonicalScalar,
  isSmallOrderEdwards,
  montgomeryFromEdwards,
} from './field25519.ts'
import { hkdfSha256, hmacLean, leanHmacBytesMax } from './hmac.ts'
import { provider } from './platform.ts'
import type { DhKeyPair, Encapsulation, KemKeyPair, KemLevel } from './provider.ts'
import type { Random } from './random.ts'
import { sha256Lean } from './sha256.ts'

export { hkdfSha256 }

/** The operating system's randomness. */
export const systemRandom: Random = provider.systemRandom

/**
 * Above these lengths, in bytes, the native call is cheaper than JavaScript, its fixed cost included. Measured by
 * `bench/primitives.ts` on Node 24; off by a factor of two they would cost a few microseconds a message.
 */
const leanHashBytesMax = 128
const leanAesBytesMax = 2048
const leanChachaBytesMax = 640

/** 32 bytes. */
export function sha256(message: Uint8Array): Uint8Array {
  return message.length <= leanHashBytesMax ? sha256Lean(message) : provider.sha256(message)
}

/** 64 bytes. */
export function sha512(message: Uint8Array): Uint8Array {
  return provider.sha512(message)
}

/** SHA3-256 or SHA3-512 (FIPS 202). */
export function sha3(bits: 256 | 512, message: Uint8Array): Uint8Array {
  return provider.sha3(bits, message)
}

/** SHAKE128 or SHAKE256 (FIPS 202) to `length` bytes. */
export function shake(bits: 128 | 256, message: Uint8Array, length: number): Uint8Array {
  return provider.shake(bits, message, length)
}

/** 32 bytes, over `parts` in a row. */
export function hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  return length > leanHmacBytesMax ? provider.hmacSha256(key, concatBytes(...parts)) : hmacLean(key, ...parts)
}

/** AES-256 in CBC mode with PKCS #7 padding: key 32, iv 16 bytes. Not authenticated: for formats that add a MAC. */
export function aes256CbcEncrypt(key: Uint8Array, iv: Uint8Array, plaintext: Uint8Array): Uint8Array {
  expectLength('key', key, 32)
  expectLength('iv', iv, 16)
  return plaintext.length <= leanAesBytesMax
    ? aesCbcEncrypt(key, iv, plaintext)
    : provider.aes256CbcEncrypt(key, iv, plaintext)
}

/** Undefined for a length or padding that cannot be. Only for ciphertext whose MAC was verified. */
export function aes256CbcDecrypt(key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
  expectLength('key', key, 32)
  expectLength('iv', iv, 16)
  if (ciphertext.length === 0 || ciphertext.length % 16 !== 0) return undefined
  return ciphertext.length <= leanAesBytesMax
    ? aesCbcDecrypt(key, iv, ciphertext)
    : provider.aes256CbcDecrypt(key, iv, ciphertext)
}

/** RFC 8439: key 32, nonce 12 bytes; the result is the ciphertext and a tag of 16 bytes. */
export function chacha20poly1305Seal(
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  aad: Uint8Array,
): Uint8Array {
  expectLength('key', key, 32)
  expectLength('nonce', nonce, 12)
  return plaintext.length <= leanChachaBytesMax
    ? chacha20poly1305(key, nonce, aad).encrypt(plaintext)
    : provider.chacha20poly1305Seal(key, nonce, plaintext, aad)
}

/** Undefined when the tag does not verify. */
export function chacha20poly1305Open(
  key: Uint8Array,
  nonce: Uint8Array,
  sealed: Uint8Array,
  aad: Uint8Array,
): Uint8Array | undefined {
  expectLength('key', key, 32)
  expectLength('nonce', nonce, 12)
  if (sealed.length < 16) return undefined
  if (sealed.length > leanChachaBytesMax) return provider.chacha20poly1305Open(key, nonce, sealed, aad)
  try {
    return chacha20poly1305(key, nonce, aad).decrypt(sealed)
  } catch {
    // Lengths are right, so this is the tag.
    return undefined
  }
}

/** Ed25519 public key, 32 bytes, of a 32-byte seed. */
export function ed25519PublicKey(seed: Uint8Array): Uint8Array {
  expectLength('seed', seed, 32)
  return provider.ed25519PublicKey(seed)
}

/** 64 bytes. */
export function ed25519Sign(seed: Uint8Array, message: Uint8Array): Uint8Array {
  expectLength('seed', seed, 32)
  return provider.ed25519Sign(seed, message)
}

/**
 * Strict: s < L, a canonical public key that is not of small order, no cofactor. One message, key and commitment have
 * one signature. False for anything malformed.
 */
export function ed25519Verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (!isEd25519PublicKey(publicKey) || signature.length !== 64) return false
  if (!isCanonicalScalar(signature.subarray(32))) return false
  return provider.ed25519Verify(publicKey, message, signature)
}

/** A canonical encoding that is not of small order. Says nothing about being on the curve. */
export function isEd25519PublicKey(publicKey: Uint8Array): boolean {
  if (publicKey.length !== 32) return false
  const y = new Uint8Array(publicKey)
  y[31] = (y[31] as number) & 0x7f
  return isCanonicalField(y) && !isSmallOrderEdwards(publicKey)
}

/** Key pair of the given private bytes, clamped on use as RFC 7748 has it. */
export function x25519KeyPair(seed: Uint8Array): DhKeyPair {
  expectLength('seed', seed, 32)
  return { privateKey: seed, publicKey: provider.x25519PublicKey(seed) }
}

/** A new key pair; from the system's randomness it costs half of what `x25519KeyPair` does. */
export function x25519Generate(random: Random): DhKeyPair {
  return provider.x25519Generate(random)
}

/** The shared secret, 32 bytes; undefined when the public key is not canonical or of small order. */
export function x25519(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined {
  expectLength('private key', privateKey, 32)
  if (!isCanonicalField(publicKey)) return undefined
  return provider.x25519(privateKey, publicKey)
}

/**
 * Five times the group order, less one: -1 modulo the order, 0 modulo the cofactor, and left alone by clamping.
 * Multiplying by it therefore negates the part of a point in the prime subgroup and kills the rest, and u hides the
 * sign.
 */
const torsionProbe = littleEndian32(5n * groupOrder - 1n)

/**
 * True when a u has no component of small order, so that no other u gives the same shared secrets. Costs one
 * agreement.
 */
export function isTorsionFree(publicKey: Uint8Array): boolean {
  const projected = x25519(torsionProbe, publicKey)
  return projected !== undefined && samePublicBytes(projected, publicKey)
}

/** The X25519 private key, 32 bytes, of the identity grown from an Ed25519 seed. */
export function x25519PrivateOf(seed: Uint8Array): Uint8Array {
  expectLength('seed', seed, 32)
  const digest = sha512(seed)
  const privateKey = digest.slice(0, 32)
  digest.fill(0)
  return privateKey
}

/** Signal's form of a device key: 33 bytes, 0x05 and u. Throws UsageError for a key that has no such form. */
export function identityKeyOf(ed25519Key: Uint8Array): Uint8Array {
  const u = montgomeryFromEdwards(ed25519Key)
  if (u === undefined)
    throw new UsageError('not an Ed25519 public key: 32 bytes, canonical and not neutral, are needed')
  return concatBytes(Uint8Array.of(0x05), u)
}

/** A new ML-KEM key pair (FIPS 203). */
export function kemGenerate(level: KemLevel, random: Random): KemKeyPair {
  return provider.kemGenerate(level, random)
}

/** Undefined when the public key has the wrong length or fails the modulus check. */
export function kemEncapsulate(level: KemLevel, publicKey: Uint8Array, random: Random): Encapsulation | undefined {
  if (publicKey.length !== (level === 768 ? 1184 : 1568)) return undefined
  return provider.kemEncapsulate(level, publicKey, random)
}

/** 32 bytes; undefined for a wrong length only, since a forged ciphertext yields an unrelated secret (FIPS 203 6.3). */
export function kemDecapsulate(level: KemLevel, seed: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
  expectLength('seed', seed, 64)
  if (ciphertext.length !== (level === 768 ? 1088 : 1568)) return undefined
  return provider.kemDecapsulate(level, seed, ciphertext)
}

/** Drops what was prepared for a key that is about to be wiped. */
export function forgetKey(key: Uint8Array): void {
  provider.forgetKey(key)
}

function littleEndian32(value: bigint): Uint8Array {
  const bytes = new Uint8Array(32)
  for (let i = 0; i < 32; i++) bytes[i] = Number((value >> BigInt(8 * i)) & 255n)
  return bytes
}

function expectLength(what: string, bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) throw new UsageError(`${what}: ${length} bytes are needed, ${bytes.length} were given`)
}
