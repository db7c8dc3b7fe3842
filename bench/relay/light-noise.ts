/**
 * The initiator's half of libp2p's Noise handshake (XX, 25519, ChaChaPoly, SHA-256) and the records after it, at the cost of the
 * cryptography alone. For loading a server: whom it meets is not verified, and one static key serves the whole process.
 */
import { ChaCha20Poly1305, newInstance } from '@chainsafe/as-chacha20poly1305'
import { createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { concatBytes, utf8Bytes } from '../../protocol/crypto/bytes.ts'
import { ed25519PublicKey, ed25519Sign, hkdfSha256, sha256 } from '../../protocol/crypto/primitives.ts'
import { bytesField } from './light-bytes.ts'

const protocolName = utf8Bytes('Noise_XX_25519_ChaChaPoly_SHA256') // 32 bytes, so it is its own hash.
const signedPrefix = utf8Bytes('noise-libp2p-static-key:')
const nothing = new Uint8Array(0)
const keyBytes = 32
const tagBytes = 16
/** Plaintext of one record: its length is told in two bytes, tag included. */
export const recordBytesMax: number = 65_535 - tagBytes

const lengthBytes = 2

/** The cipher libp2p's own Noise uses for small records: for those, three to five times as fast as any other in Node. */
const cipher = new ChaCha20Poly1305(newInstance())

/** One direction of a channel: each record has the next number for its nonce. */
export class RecordCipher {
  readonly #key: Uint8Array
  readonly #nonce = new Uint8Array(12)
  readonly #counter = new DataView(this.#nonce.buffer)
  #count = 0

  constructor(key: Uint8Array) {
    this.#key = key
  }

  seal(plaintext: Uint8Array, bound: Uint8Array = nothing): Uint8Array {
    return cipher.seal(this.#key, this.#next(), plaintext, bound)
  }

  /** With its length in front. */
  record(plaintext: Uint8Array): Uint8Array {
    const sealedBytes = plaintext.length + tagBytes
    const record = Buffer.allocUnsafe(lengthBytes + sealedBytes)
    record.writeUInt16BE(sealedBytes)
    cipher.seal(this.#key, this.#next(), plaintext, nothing, record.subarray(lengthBytes))
    return record
  }

  /** Where it lies: the sealed bytes are overwritten. */
  open(sealed: Uint8Array, bound: Uint8Array = nothing): Uint8Array {
    const opened = cipher.open(this.#key, this.#next(), sealed, bound, sealed.subarray(0, -tagBytes))
    if (opened === null) throw new Error('a record does not open')
    return opened
  }

  #next(): Uint8Array {
    this.#counter.setUint32(4, this.#count++, true)
    return this.#nonce
  }
}

export interface Channel {
  /** The message that ends the handshake. */
  readonly third: Uint8Array
  readonly sending: RecordCipher
  readonly receiving: RecordCipher
}

const ownStatic = generateKeyPairSync('x25519')
const ownStaticRaw = rawOf(ownStatic.publicKey)

export class NoiseInitiator {
  /** Message A, to be sent first. */
  readonly first: Uint8Array
  readonly #seed: Uint8Array
  readonly #muxer: string
  readonly #ephemeral: KeyObject
  #hash: Uint8Array = sha256(protocolName) // And so the empty prologue is in it.
  #chain: Uint8Array = protocolName
  #cipher = new RecordCipher(nothing)

  /** `seed`: of the Ed25519 identity. */
  constructor(seed: Uint8Array, muxer: string) {
    const pair = generateKeyPairSync('x25519')
    this.#seed = seed
    this.#muxer = muxer
    this.#ephemeral = pair.privateKey
    this.first = rawOf(pair.publicKey)
    this.#mixHash(this.first)
    this.#mixHash(nothing)
  }

  /** Takes message B; throws when it was not made for this handshake. */
  answer(second: Uint8Array): Channel {
    const theirEphemeral = second.subarray(0, keyBytes)
    this.#mixHash(theirEphemeral)
    const ephemeral = publicKeyOf(theirEphemeral)
    this.#mixKey(this.#ephemeral, ephemeral)
    const theirStatic = this.#open(second.subarray(keyBytes, 2 * keyBytes + tagBytes))
    this.#mixKey(this.#ephemeral, publicKeyOf(theirStatic))
    this.#open(second.subarray(2 * keyBytes + tagBytes))
    const sealedStatic = this.#seal(ownStaticRaw)
    this.#mixKey(ownStatic.privateKey, ephemeral)
    const third = concatBytes(sealedStatic, this.#seal(this.#payload()))
    const keys = hkdfSha256(nothing, this.#chain, nothing, 2 * keyBytes)
    return {
      third,
      sending: new RecordCipher(keys.slice(0, keyBytes)),
      receiving: new RecordCipher(keys.slice(keyBytes)),
    }
  }

  #payload(): Uint8Array {
    return concatBytes(
      bytesField(1, identityMessage(this.#seed)),
      bytesField(2, ed25519Sign(this.#seed, concatBytes(signedPrefix, ownStaticRaw))),
      bytesField(4, bytesField(2, utf8Bytes(this.#muxer))),
    )
  }

  #mixHash(bytes: Uint8Array): void {
    this.#hash = sha256(concatBytes(this.#hash, bytes))
  }

  #mixKey(privateKey: KeyObject, publicKey: KeyObject): void {
    const keys = hkdfSha256(diffieHellman({ privateKey, publicKey }), this.#chain, nothing, 2 * keyBytes)
    this.#chain = keys.slice(0, keyBytes)
    this.#cipher = new RecordCipher(keys.slice(keyBytes))
  }

  #seal(plaintext: Uint8Array): Uint8Array {
    const sealed = this.#cipher.seal(plaintext, this.#hash)
    this.#mixHash(sealed)
    return sealed
  }

  #open(sealed: Uint8Array): Uint8Array {
    const opened = this.#cipher.open(new Uint8Array(sealed), this.#hash)
    this.#mixHash(sealed)
    return opened
  }
}

/** An Ed25519 public key as libp2p writes it. */
export function identityMessage(seed: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(8, 1), bytesField(2, ed25519PublicKey(seed)))
}

function rawOf(key: KeyObject): Uint8Array {
  return key.export({ format: 'raw-public' })
}

function publicKeyOf(key: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(key), format: 'raw-public', asymmetricKeyType: 'x25519' })
}
