/**
 * ML-KEM-768 with its public key and ciphertext in two parts (ML-KEM Braid section 2.2): the header (rho and the hash
 * of the whole key) is enough to make the first part of a ciphertext and the secret, and the vector for the second.
 * Both parts together are an ordinary ciphertext, so keys and decapsulation are the platform's own.
 */
import { concatBytes, samePublicBytes } from '../../crypto/bytes.ts'
import { kemDecapsulate, kemGenerate, sha3 } from '../../crypto/primitives.ts'
import type { Random } from '../../crypto/random.ts'
import { Secret } from '../../crypto/secret.ts'
import {
  addProduct,
  addTo,
  compressAndPack,
  messagePolynomial,
  sampleSmall,
  sampleUniform,
  transform,
  transformBack,
  unpack12,
} from './lattice.ts'
import type { Polynomial } from './lattice.ts'

const moduleRank = 3

export const headerBytes = 64
export const vectorBytes = 1152
export const ct1Bytes = 960
export const ct2Bytes = 128

export interface KemKeys {
  /** 64 bytes that the key grows from. */
  readonly seed: Secret
  /** rho ‖ SHA3-256(vector ‖ rho), 64 bytes. */
  readonly header: Uint8Array
  /** 1152 bytes. */
  readonly vector: Uint8Array
}

export function generateKeys(random: Random): KemKeys {
  const { publicKey, seed } = kemGenerate(768, random)
  const rho = publicKey.slice(vectorBytes)
  return {
    seed: new Secret(seed),
    header: concatBytes(rho, sha3(256, publicKey)),
    vector: publicKey.slice(0, vectorBytes),
  }
}

/** What the second half of an encapsulation needs of the first. */
export interface Opened {
  /** m ‖ r, 64 bytes. */
  readonly randomness: Secret
}

export function encapsulateFirst(
  header: Uint8Array,
  random: Random,
): { readonly opened: Opened; readonly ct1: Uint8Array; readonly sharedSecret: Uint8Array } {
  const rho = header.subarray(0, 32)
  const message = random.bytes(32)
  const hashed = concatBytes(message, header.subarray(32))
  const expanded = sha3(512, hashed)
  const r = expanded.subarray(32)
  const y = smallVector(r)
  const parts: Uint8Array[] = []
  for (let i = 0; i < moduleRank; i++) {
    const u = new Uint16Array(256)
    for (let j = 0; j < moduleRank; j++) addProduct(u, sampleUniform(rho, i, j), y[j] as Polynomial)
    const noise = sampleSmall(r, moduleRank + i)
    addTo(transformBack(u), noise)
    parts.push(compressAndPack(u, 10))
    overwrite(u, noise)
  }
  const randomness = new Secret(concatBytes(message, r))
  const sharedSecret = expanded.slice(0, 32)
  overwrite(message, hashed, expanded, ...y)
  return { opened: { randomness }, ct1: concatBytes(...parts), sharedSecret }
}

/** True when the vector is the one whose hash the header carries. */
export function matchesHeader(header: Uint8Array, vector: Uint8Array): boolean {
  return samePublicBytes(sha3(256, concatBytes(vector, header.subarray(0, 32))), header.subarray(32))
}

/** Undefined when the vector fails the modulus check. */
export function encapsulateSecond(opened: Opened, vector: Uint8Array): Uint8Array | undefined {
  const t = Array.from({ length: moduleRank }, (_, i) => unpack12(vector.subarray(384 * i, 384 * (i + 1))))
  if (t.includes(undefined)) return undefined
  const message = messagePolynomial(opened.randomness.bytes.subarray(0, 32))
  const r = opened.randomness.bytes.subarray(32)
  const y = smallVector(r)
  const noise = sampleSmall(r, 2 * moduleRank)
  const v = new Uint16Array(256)
  for (let i = 0; i < moduleRank; i++) addProduct(v, t[i] as Polynomial, y[i] as Polynomial)
  addTo(transformBack(v), noise)
  addTo(v, message)
  const ct2 = compressAndPack(v, 4)
  overwrite(message, noise, v, ...y)
  return ct2
}

export function decapsulate(seed: Secret, ct1: Uint8Array, ct2: Uint8Array): Uint8Array | undefined {
  return kemDecapsulate(768, seed.bytes, concatBytes(ct1, ct2))
}

function smallVector(r: Uint8Array): Polynomial[] {
  return Array.from({ length: moduleRank }, (_, i) => transform(sampleSmall(r, i)))
}

/** What a secret could be told from lives no longer than the call. */
function overwrite(...secrets: readonly (Uint8Array | Polynomial)[]): void {
  for (const secret of secrets) secret.fill(0)
}
