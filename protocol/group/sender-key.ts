/**
 * Sender keys: one key per sender and group, handed to every member inside pairwise sessions, so that a message is
 * encrypted once for all. A chain gives forward secrecy, a signature keeps members from speaking for each other;
 * there is no healing after a theft, so the group rotates keys when it must (who and when is the group's decision,
 * not made here).
 *
 * Values in, values out, as in sessions: a refused message leaves everything as it was.
 */
import { samePublicBytes } from '../crypto/bytes.ts'
import { hkdfSha256 } from '../crypto/hmac.ts'
import { aes256CbcDecrypt, aes256CbcEncrypt, ed25519PublicKey, identityKeyOf } from '../crypto/primitives.ts'
import type { Random } from '../crypto/random.ts'
import { Secret } from '../crypto/secret.ts'
import { xeddsaSignWithSeed, xeddsaVerify } from '../crypto/xeddsa.ts'
import { concatBytes } from '../crypto/bytes.ts'
import { UsageError } from '../errors.ts'
import { advance, reach } from '../session/chain.ts'
import type { Chain, TheirChain } from '../session/chain.ts'
import { forwardJumpMax, senderKeyStatesMax } from '../session/limits.ts'
import {
  decodeDistribution,
  decodeSenderKeyMessage,
  distributionIdBytes,
  encodeDistribution,
  encodeSenderKeyMessage,
} from './sender-key-message.ts'

/** Our key for one distribution. */
export interface OwnSenderKey {
  readonly distributionId: Uint8Array
  readonly chainId: number
  readonly chain: Chain
  /** Ed25519 seed. */
  readonly signingSeed: Secret
  /** u, 32 bytes. */
  readonly signingKey: Uint8Array
}

/** One key of a peer's. */
export interface TheirSenderKey extends TheirChain {
  readonly chainId: number
  /** u, 32 bytes. */
  readonly signingKey: Uint8Array
}

/** The keys of one sender for one distribution, newest first. */
export interface TheirSenderKeys {
  readonly distributionId: Uint8Array
  readonly keys: readonly TheirSenderKey[]
}

/** A new key for a distribution (16 bytes); also how to rotate: the old one is dropped and the new one distributed. */
export function createSenderKey(distributionId: Uint8Array, random: Random): OwnSenderKey {
  if (distributionId.length !== distributionIdBytes)
    throw new UsageError(`distribution id: ${distributionIdBytes} bytes are needed`)
  const [b0, b1, b2, b3] = random.bytes(4) as unknown as [number, number, number, number]
  const signingSeed = random.bytes(32)
  return {
    distributionId,
    chainId: ((b0 & 0x7f) << 24) | (b1 << 16) | (b2 << 8) | b3,
    chain: { index: 0, key: new Secret(random.bytes(32)) },
    signingSeed: new Secret(signingSeed),
    signingKey: identityKeyOf(ed25519PublicKey(signingSeed)).slice(1),
  }
}

/** What each member is sent, inside a pairwise session only. Gives what comes from now on, nothing earlier. */
export function distributionOf(own: OwnSenderKey): Uint8Array {
  const { distributionId, chainId, chain, signingKey } = own
  return encodeDistribution({
    distributionId,
    chainId,
    iteration: chain.index,
    chainKey: chain.key.bytes,
    signingKey,
  })
}

export type DistributionResult =
  | { readonly ok: true; readonly keys: TheirSenderKeys }
  | { readonly ok: false; readonly reason: 'malformed' | 'version' | 'invalid-key' | 'wrong-distribution' }

/** Takes in a distribution that came over the sender's own session; `keys` are those held of that sender. */
export function acceptDistribution(keys: TheirSenderKeys | undefined, bytes: Uint8Array): DistributionResult {
  const parts = decodeDistribution(bytes)
  if (typeof parts === 'string') return { ok: false, reason: parts }
  const { distributionId, chainId, iteration, chainKey, signingKey } = parts
  if (keys !== undefined && !samePublicBytes(keys.distributionId, distributionId))
    return { ok: false, reason: 'wrong-distribution' }
  const held = keys?.keys ?? []
  const same = held.find((key) => key.chainId === chainId && samePublicBytes(key.signingKey, signingKey))
  // The key we hold may be further on: going back would make delivered messages readable again.
  if (keys !== undefined && same !== undefined) return { ok: true, keys }
  const added = { chainId, signingKey, chain: { index: iteration, key: new Secret(chainKey) }, skipped: [] }
  const others = held.filter((key) => key.chainId !== chainId)
  return { ok: true, keys: { distributionId, keys: [added, ...others].slice(0, senderKeyStatesMax) } }
}

export function encryptToGroup(
  own: OwnSenderKey,
  plaintext: Uint8Array,
): { readonly own: OwnSenderKey; readonly bytes: Uint8Array } {
  const { distributionId, chainId, chain, signingSeed, signingKey } = own
  const { seed, chain: next } = advance(chain)
  const { iv, cipherKey } = groupKeysOf(seed)
  const ciphertext = aes256CbcEncrypt(cipherKey, iv, plaintext)
  cipherKey.fill(0)
  iv.fill(0)
  const signed = encodeSenderKeyMessage({ distributionId, chainId, iteration: chain.index, ciphertext })
  const bytes = concatBytes(signed, xeddsaSignWithSeed(signingSeed.bytes, signed))
  return { own: { distributionId, chainId, chain: next, signingSeed, signingKey }, bytes }
}

/** `unknown-key`: no distribution of this key has arrived (yet). */
export type GroupDecryptFailure =
  'malformed' | 'version' | 'invalid-key' | 'unknown-key' | 'forged' | 'duplicate' | 'too-far-ahead'

export type GroupDecryptResult =
  | { readonly ok: true; readonly keys: TheirSenderKeys; readonly plaintext: Uint8Array }
  | { readonly ok: false; readonly reason: GroupDecryptFailure }

/** `keys` are those of the sender the message is taken to come from. */
export function decryptFromGroup(keys: TheirSenderKeys | undefined, bytes: Uint8Array): GroupDecryptResult {
  const message = decodeSenderKeyMessage(bytes)
  if (typeof message === 'string') return { ok: false, reason: message }
  if (keys === undefined || !samePublicBytes(keys.distributionId, message.distributionId)) return unknownKey
  const at = keys.keys.findIndex((key) => key.chainId === message.chainId)
  const key = keys.keys[at]
  if (key === undefined) return unknownKey
  // Before anything is derived: only the sender may make us work.
  if (!xeddsaVerify(key.signingKey, message.signed, message.signature)) return { ok: false, reason: 'forged' }
  const reached = reach(key, message.iteration, { stepsLeft: forwardJumpMax })
  if (typeof reached === 'string') return { ok: false, reason: reached }
  const { iv, cipherKey } = groupKeysOf(reached.seed)
  const plaintext = aes256CbcDecrypt(cipherKey, iv, message.ciphertext)
  cipherKey.fill(0)
  iv.fill(0)
  if (plaintext === undefined) return { ok: false, reason: 'malformed' }
  const after = [...keys.keys]
  after[at] = { chainId: key.chainId, signingKey: key.signingKey, ...reached.their }
  return { ok: true, plaintext, keys: { distributionId: keys.distributionId, keys: after } }
}

const unknownKey = { ok: false, reason: 'unknown-key' } as const

/** Wipes the seed. */
function groupKeysOf(seed: Uint8Array): { readonly iv: Uint8Array; readonly cipherKey: Uint8Array } {
  const keys = hkdfSha256(seed, undefined, 'WhisperGroup', 48)
  seed.fill(0)
  return { iv: keys.subarray(0, 16), cipherKey: keys.subarray(16) }
}
