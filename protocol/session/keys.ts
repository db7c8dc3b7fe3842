/**
 * Public keys in Signal's serialised forms (a type byte in front, so that no curve key can pass for a KEM key), and
 * this device's own keys in the form the agreements need.
 */
import { concatBytes } from '../crypto/bytes.ts'
import { isCanonicalField } from '../crypto/field25519.ts'
import { keyCache } from '../crypto/key-cache.ts'
import { x25519Generate, x25519PrivateOf } from '../crypto/primitives.ts'
import type { Random } from '../crypto/random.ts'
import { Secret } from '../crypto/secret.ts'
import type { OwnIdentity } from './types.ts'

/** X25519. */
const curveKeyType = 0x05
/** Kyber-1024 of round 3. */
const kyberKeyType = 0x08

/** Both are a type byte and the key. */
export const curveKeyBytes = 33
const kyberKeyBytes = 1569

/** A ratchet or base key of ours. */
export interface OwnKeyPair {
  /** u, 32 bytes. */
  readonly publicKey: Uint8Array
  readonly privateKey: Secret
}

/** The 32 bytes of u; undefined for another type or length, or an encoding that is not the canonical one. */
export function decodeCurveKey(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length !== curveKeyBytes || bytes[0] !== curveKeyType) return undefined
  const u = new Uint8Array(bytes.subarray(1))
  return isCanonicalField(u) ? u : undefined
}

export function encodeCurveKey(u: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(curveKeyType), u)
}

/** The 1568 bytes of a Kyber-1024 public key or ciphertext; undefined for another type or length. */
export function decodeKyberBytes(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length !== kyberKeyBytes || bytes[0] !== kyberKeyType) return undefined
  return bytes.subarray(1)
}

export function encodeKyberBytes(bytes: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(kyberKeyType), bytes)
}

export function generateKeyPair(random: Random): OwnKeyPair {
  const { publicKey, privateKey } = x25519Generate(random)
  return { publicKey, privateKey: new Secret(privateKey) }
}

const identityPrivateKeys = keyCache(x25519PrivateOf)

/** The X25519 private key of the device's identity, 32 bytes. Not to be wiped: it is shared by every use. */
export function identityPrivateKey(own: OwnIdentity): Uint8Array {
  return identityPrivateKeys.get(own.seed)
}
