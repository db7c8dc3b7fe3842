/** Making this device's identity and prekeys. Storing, handing out and retiring them is the device's business. */
import { ed25519PublicKey, identityKeyOf, kemGenerate, x25519Generate } from '../crypto/primitives.ts'
import type { Random } from '../crypto/random.ts'
import { xeddsaSignWithSeed } from '../crypto/xeddsa.ts'
import { UsageError } from '../errors.ts'
import { encodeCurveKey, encodeKyberBytes } from './keys.ts'
import { prekeyIdMax, registrationIdMax } from './limits.ts'
import type { KyberPreKey, OwnIdentity, PreKey, SignedPreKey } from './types.ts'

/**
 * The identity that grows from an Ed25519 seed of 32 bytes. Throws UsageError for a registration id outside 1 to 16380.
 *
 * @example
 * const own = createIdentity(systemRandom.bytes(32), 4711)
 */
export function createIdentity(seed: Uint8Array, registrationId: number): OwnIdentity {
  if (!Number.isInteger(registrationId) || registrationId < 1 || registrationId > registrationIdMax)
    throw new UsageError(`registration id: an integer from 1 to ${registrationIdMax} is needed`)
  const publicKey = ed25519PublicKey(seed)
  return { seed, publicKey, identityKey: identityKeyOf(publicKey), registrationId }
}

export function generatePreKeys(firstId: number, count: number, random: Random): PreKey[] {
  expectId(firstId)
  expectId(firstId + Math.max(0, count - 1))
  return Array.from({ length: count }, (_, i) => generatePreKey(firstId + i, random))
}

function generatePreKey(id: number, random: Random): PreKey {
  const { publicKey, privateKey } = x25519Generate(random)
  return { id, publicKey: encodeCurveKey(publicKey), privateKey }
}

export function generateSignedPreKey(own: OwnIdentity, id: number, random: Random, nowMs: number): SignedPreKey {
  expectId(id)
  const preKey = generatePreKey(id, random)
  return { ...preKey, signature: xeddsaSignWithSeed(own.seed, preKey.publicKey), createdMs: nowMs }
}

/** The private key is the 64-byte seed. */
export function generateKyberPreKey(own: OwnIdentity, id: number, random: Random, nowMs: number): KyberPreKey {
  expectId(id)
  const { publicKey, seed } = kemGenerate(1024, random)
  const encoded = encodeKyberBytes(publicKey)
  return {
    id,
    publicKey: encoded,
    privateKey: seed,
    signature: xeddsaSignWithSeed(own.seed, encoded),
    createdMs: nowMs,
  }
}

function expectId(id: number): void {
  if (!Number.isInteger(id) || id < 0 || id > prekeyIdMax)
    throw new UsageError(`prekey id: an integer from 0 to ${prekeyIdMax} is needed`)
}
