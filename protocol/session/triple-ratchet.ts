/**
 * The Triple Ratchet (Double Ratchet revision 3, section 6): both ratchets give a key to each message, and only who
 * knows both can read it. Makes and opens `SignalMessage`s; both ratchets move together or not at all.
 */
import { equalBytes } from '../crypto/bytes.ts'
import { aes256CbcDecrypt, aes256CbcEncrypt, hmacSha256 } from '../crypto/primitives.ts'
import type { Random } from '../crypto/random.ts'
import { messageKeysOf, wipeMessageKeys } from './chain.ts'
import type { MessageKeys, Work } from './chain.ts'
import type { DoubleRatchet } from './double-ratchet.ts'
import { nextToSend, receive } from './double-ratchet.ts'
import { encodeCurveKey } from './keys.ts'
import { encodeSignalMessage, macBytes } from './messages.ts'
import type { SignalMessage } from './messages.ts'
import { nextPqToSend, receivePq } from './spqr/pq-ratchet.ts'
import type { PqRatchet } from './spqr/pq-ratchet.ts'
import type { DecryptFailure } from './types.ts'

export interface TripleRatchet {
  readonly classical: DoubleRatchet
  readonly postQuantum: PqRatchet
}

/** The identity keys every MAC covers, 33 bytes each. */
export interface Parties {
  readonly senderIdentityKey: Uint8Array
  readonly receiverIdentityKey: Uint8Array
}

/** Undefined cannot happen in a ratchet this code made. */
export function encryptMessage(
  ratchet: TripleRatchet,
  parties: Parties,
  plaintext: Uint8Array,
  random: Random,
): { readonly ratchet: TripleRatchet; readonly bytes: Uint8Array } | undefined {
  const classical = nextToSend(ratchet.classical, random)
  const postQuantum = nextPqToSend(ratchet.postQuantum, random)
  if (classical === undefined || postQuantum === undefined) return undefined
  const keys = messageKeysOf(classical.seed, postQuantum.key)
  classical.seed.fill(0)
  postQuantum.key.fill(0)
  const bytes = encodeSignalMessage({
    ratchetKey: encodeCurveKey(classical.ratchet.ownRatchetKey.publicKey),
    counter: classical.counter,
    previousCounter: classical.ratchet.previousCounter,
    ciphertext: aes256CbcEncrypt(keys.cipherKey, keys.iv, plaintext),
    pqRatchet: postQuantum.bytes,
  })
  const end = bytes.length - macBytes
  bytes.set(macOf(keys, parties, bytes.subarray(0, end)), end)
  wipeMessageKeys(keys)
  return { ratchet: { classical: classical.ratchet, postQuantum: postQuantum.ratchet }, bytes }
}

export type Opened =
  | { readonly ok: true; readonly ratchet: TripleRatchet; readonly plaintext: Uint8Array }
  | { readonly ok: false; readonly reason: DecryptFailure }

export function decryptMessage(
  ratchet: TripleRatchet,
  parties: Parties,
  message: SignalMessage,
  work: Work,
  random: Random,
): Opened {
  const classical = receive(ratchet.classical, message.ratchetKey, message.counter, work, random)
  if (typeof classical === 'string') return { ok: false, reason: classical }
  const postQuantum = receivePq(ratchet.postQuantum, message.pqRatchet, work)
  if (typeof postQuantum === 'string') {
    classical.seed.fill(0)
    return { ok: false, reason: postQuantum }
  }
  const keys = messageKeysOf(classical.seed, postQuantum.key)
  classical.seed.fill(0)
  postQuantum.key.fill(0)
  const isGenuine = equalBytes(macOf(keys, parties, message.authenticated), message.mac)
  // The padding is looked at only after the MAC: an answer about it would be an oracle.
  const plaintext = isGenuine ? aes256CbcDecrypt(keys.cipherKey, keys.iv, message.ciphertext) : undefined
  wipeMessageKeys(keys)
  if (plaintext === undefined) return { ok: false, reason: 'forged' }
  return { ok: true, plaintext, ratchet: { classical: classical.ratchet, postQuantum: postQuantum.ratchet } }
}

function macOf(keys: MessageKeys, parties: Parties, authenticated: Uint8Array): Uint8Array {
  const { senderIdentityKey, receiverIdentityKey } = parties
  return hmacSha256(keys.macKey, senderIdentityKey, receiverIdentityKey, authenticated).subarray(0, macBytes)
}
