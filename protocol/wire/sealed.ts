/**
 * The sealed form of a session message, for paths where others carry it: who sent it is inside, and its length says only
 * which bucket it fits.
 *
 *     0x01 ‖ ephemeral X25519 key, 32 ‖ ChaCha20-Poly1305( padded { sender, type, ciphertext } )
 *
 * The key is HKDF-SHA256 of the agreement between the ephemeral key and the recipient's identity key, bound to both. It is
 * used once, so the nonce is zero. The seal hides; it proves nothing about the sender: that is the session's to prove.
 */
import { device as deviceField, bytes, messageType } from '../codec/fields.ts'
import { struct, type Codec } from '../codec/schema.ts'
import { idBytes, type DeviceId } from '../ids.ts'
import { ciphertextBytesMax, sealedBytesMax } from '../limits.ts'
import {
  chacha20poly1305Open,
  chacha20poly1305Seal,
  hkdfSha256,
  identityKeyOf,
  isEd25519PublicKey,
  x25519,
  x25519Generate,
  x25519PrivateOf,
} from '../crypto/primitives.ts'
import type { Random } from '../crypto/random.ts'
import { LocalError } from '../errors.ts'
import type { MessageType, OwnIdentity } from '../session/types.ts'

/** A session message and the device it claims to be from. */
export interface SealedMessage {
  readonly sender: DeviceId
  readonly type: MessageType
  readonly ciphertext: Uint8Array
}

/** Behind an interface so that a simulation of thousands of devices can leave the arithmetic out. */
export interface Sealing {
  seal(recipient: DeviceId, message: SealedMessage, random: Random): Uint8Array
  /** Undefined when it is not for this device, was altered, or is not a sealed message at all. */
  open(own: OwnIdentity, sealed: Uint8Array): SealedMessage | undefined
}

export const sealedMessage: Codec<SealedMessage> = struct<SealedMessage>({
  sender: [1, deviceField],
  type: [2, messageType],
  ciphertext: [3, bytes(1, ciphertextBytesMax)],
})

const version = 1
const keyBytes = 32
const tagBytes = 16
const headBytes = 1 + keyBytes
const zeroNonce = new Uint8Array(12)
const label = 'linnet sealed v1'
/** The smallest bucket: a receipt or a short text of an open session fits, so that those two look alike. */
const bucketBytesMin = 512

/** Sealing as described above, with real keys. */
export const sealing: Sealing = {
  seal(recipient, message, random) {
    const theirs = identityKeyOf(idBytes(recipient)).subarray(1)
    const ephemeral = x25519Generate(random)
    const shared = x25519(ephemeral.privateKey, theirs)
    // A device id is only taken from a card or bundle that was checked, so its key is never of small order.
    if (shared === undefined) throw new LocalError('recipient key has no agreement')
    const sealed = chacha20poly1305Seal(
      sealKey(shared, ephemeral.publicKey, theirs),
      zeroNonce,
      pad(sealedMessage.encode(message)),
      Uint8Array.of(version),
    )
    const out = new Uint8Array(headBytes + sealed.length)
    out[0] = version
    out.set(ephemeral.publicKey, 1)
    out.set(sealed, headBytes)
    return out
  },

  open(own, sealed) {
    if (sealed[0] !== version || sealed.length < headBytes + tagBytes || sealed.length > sealedBytesMax)
      return undefined
    const ephemeral = sealed.subarray(1, headBytes)
    const shared = x25519(x25519PrivateOf(own.seed), ephemeral)
    if (shared === undefined) return undefined
    const padded = chacha20poly1305Open(
      sealKey(shared, ephemeral, own.identityKey.subarray(1)),
      zeroNonce,
      sealed.subarray(headBytes),
      Uint8Array.of(version),
    )
    const encoded = padded && unpad(padded)
    const message = encoded && sealedMessage.decode(encoded)
    // Anyone can seal, so the sender may be any 32 bytes; only those that are a key can be someone.
    return message !== undefined && isEd25519PublicKey(idBytes(message.sender)) ? message : undefined
  },
}

function sealKey(shared: Uint8Array, ephemeral: Uint8Array, recipient: Uint8Array): Uint8Array {
  const salt = new Uint8Array(2 * keyBytes)
  salt.set(ephemeral)
  salt.set(recipient, keyBytes)
  return hkdfSha256(shared, salt, label, keyBytes)
}

/** Appends 0x80 and zeros up to the next power of two, so that a length says little. */
function pad(message: Uint8Array): Uint8Array {
  let length = bucketBytesMin
  while (length < message.length + 1) length *= 2
  const padded = new Uint8Array(length)
  padded.set(message)
  padded[message.length] = 0x80
  return padded
}

function unpad(padded: Uint8Array): Uint8Array | undefined {
  const end = padded.findLastIndex((byte) => byte !== 0)
  return padded[end] === 0x80 ? padded.subarray(0, end) : undefined
}
