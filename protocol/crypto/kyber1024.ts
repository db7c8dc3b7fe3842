/**
 * Kyber-1024 of round 3, the KEM of PQXDH as deployed, on top of ML-KEM-1024 (FIPS 203). Key and ciphertext encodings
 * are the same; what differs on the wire is only the last step of the shared secret. A rejected ciphertext gives
 * another pseudo-random value than round 3 would, which nobody can tell from the outside.
 */
import { concatBytes } from './bytes.ts'
import { kemDecapsulate, kemEncapsulate, sha3, shake } from './primitives.ts'
import type { Encapsulation } from './provider.ts'
import type { Random } from './random.ts'

/** Undefined when the public key, 1568 bytes, is not one. */
export function kyber1024Encapsulate(publicKey: Uint8Array, random: Random): Encapsulation | undefined {
  const made = kemEncapsulate(1024, publicKey, random)
  if (made === undefined) return undefined
  return { ciphertext: made.ciphertext, sharedSecret: roundThreeSecret(made.sharedSecret, made.ciphertext) }
}

/** `seed` is the 64 bytes the key grows from; undefined when the ciphertext has the wrong length. */
export function kyber1024Decapsulate(seed: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
  const sharedSecret = kemDecapsulate(1024, seed, ciphertext)
  return sharedSecret === undefined ? undefined : roundThreeSecret(sharedSecret, ciphertext)
}

function roundThreeSecret(mlKemSecret: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  const secret = shake(256, concatBytes(mlKemSecret, sha3(256, ciphertext)), 32)
  mlKemSecret.fill(0)
  return secret
}
