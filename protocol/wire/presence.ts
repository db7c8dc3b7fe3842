/**
 * Presence: “here”, “gone”, “typing”, said by one device to one other over a channel that anybody may carry and nobody else
 * can read. Topic and key come from what only the two devices can compute, so that a topic means nothing to whoever sees it,
 * and another one every day, so that it does not follow anybody about. Nothing of it is kept anywhere.
 */
import { bytesToHex, concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { timeMs, word } from '../codec/fields.ts'
import { struct, type Codec } from '../codec/schema.ts'
import {
  chacha20poly1305Open,
  chacha20poly1305Seal,
  hkdfSha256,
  hmacSha256,
  identityKeyOf,
  x25519,
  x25519PrivateOf,
} from '../crypto/primitives.ts'
import type { Random } from '../crypto/random.ts'
import { idBytes, type DeviceId } from '../ids.ts'
import { presenceAgeMsMax } from '../limits.ts'

export type Sign = 'here' | 'gone' | 'typing' | 'silent'

export interface Signal {
  readonly sign: Sign
  readonly atMs: number
}

/** What two devices share: the same on both sides. */
export interface PresencePair {
  readonly key: Uint8Array
}

const dayMs = 86_400_000
/** Around midnight both days' topics are listened to, for clocks that disagree. */
const overlapMs = 3_600_000
const nonceLength = 12
/** Ours take 37. */
const sealedBytesMax = 128
/** Where every topic begins. */
export const presencePrefix = '/linnet/presence/1/'

const codec: Codec<Signal> = struct<Signal>({
  sign: [1, word(['here', 'gone', 'typing', 'silent'])],
  atMs: [2, timeMs],
})

/** `seed`: of our own device, 32 bytes. Undefined for a device key with which no secret can be shared. */
export function presencePair(seed: Uint8Array, device: DeviceId): PresencePair | undefined {
  const secret = x25519(x25519PrivateOf(seed), identityKeyOf(idBytes(device)).subarray(1))
  if (secret === undefined) return undefined
  return { key: hkdfSha256(secret, undefined, 'linnet presence v1', 32) }
}

/** Where signals are published at this time. */
export function presenceTopic({ key }: PresencePair, nowMs: number): string {
  const day = Math.floor(nowMs / dayMs)
  return `${presencePrefix}${bytesToHex(hmacSha256(key, utf8ToBytes(`topic ${day}`)).subarray(0, 16))}`
}

/** Where they may come from at this time. */
export function presenceTopics(pair: PresencePair, nowMs: number): readonly string[] {
  return [...new Set([nowMs - overlapMs, nowMs, nowMs + overlapMs].map((ms) => presenceTopic(pair, ms)))]
}

/** The sender is bound in, so that nobody is answered with their own signal. */
export function sealSignal({ key }: PresencePair, from: DeviceId, signal: Signal, random: Random): Uint8Array {
  const nonce = random.bytes(nonceLength)
  return concatBytes(nonce, chacha20poly1305Seal(key, nonce, codec.encode(signal), idBytes(from)))
}

/** Undefined when it is not from this device, or not from just now. */
export function openSignal(
  { key }: PresencePair,
  from: DeviceId,
  sealed: Uint8Array,
  nowMs: number,
): Signal | undefined {
  if (sealed.length < nonceLength || sealed.length > sealedBytesMax) return undefined
  const nonce = sealed.slice(0, nonceLength)
  const opened = chacha20poly1305Open(key, nonce, sealed.slice(nonceLength), idBytes(from))
  const signal = opened && codec.decode(opened)
  return signal !== undefined && Math.abs(nowMs - signal.atMs) <= presenceAgeMsMax ? signal : undefined
}
