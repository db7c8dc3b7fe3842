/**
 * A cure for what a handshake costs in @chainsafe/libp2p-noise 17: it turns the same X25519 keys from bytes into OpenSSL's form
 * again for each of three key agreements, derives keys in JavaScript that is not made for it, and signs its static key anew
 * for everybody who connects, though it never changes. That is more than half of the handshake's cryptography.
 *
 * Here keys are kept in the form they are used in, and the one signature is made once. The record cipher stays the same:
 * theirs is the fastest there is. Reaches into the encrypter, whose own `crypto` option would have its ciphers replaced
 * as well; where its insides have changed, it is left as it is. To be dropped when upstream keeps its keys.
 */
import { ChaCha20Poly1305, newInstance } from '@chainsafe/as-chacha20poly1305'
import { noise, type NoiseComponents } from '@chainsafe/libp2p-noise'
import type { ConnectionEncrypter, MessageStream, PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromMultihash } from '@libp2p/peer-id'
import { decode as decodeDigest } from 'multiformats/hashes/digest'
import { equalBytes } from '../../protocol/crypto/bytes.ts'
import { hkdfSha256, systemRandom, x25519, x25519Generate } from '../../protocol/crypto/primitives.ts'
import type { DhKeyPair } from '../../protocol/crypto/provider.ts'
import { handshakeMessages } from './handshake-messages.ts'
import { Records } from './noise-records.ts'
import { takesBytes } from './streams-cure.ts'

/** What is replaced of the encrypter, all of it private to it. */
interface Insides {
  crypto?: {
    generateKeypair?: () => DhKeyPair
    dh?: (own: DhKeyPair, theirs: Gathered) => Uint8Array
    hkdf?: (chain: Uint8Array, input: Uint8Array) => readonly Uint8Array[]
    encrypt?: Encrypt
  }
  staticKey?: DhKeyPair
  performHandshakeResponder?: (messages: { unwrap(): MessageStream }, ...rest: unknown[]) => Promise<unknown>
}

type Encrypt = (plaintext: Gathered, nonce: Uint8Array, bound: Uint8Array, key: Uint8Array) => Gathered

/** What is changed of a secured connection, all of it private to it. */
interface SecuredInsides {
  readonly stream?: { [takesBytes]?: boolean }
  readonly handshake?: Handshake
  decoder?: { readonly buffer?: Gathered; decode(bytes: Gathered): Iterable<Gathered> }
  encrypt?: (this: SecuredInsides, bytes: Gathered) => Gathered
  decrypt?: (this: SecuredInsides, record: Gathered) => Gathered
  [takesBytes]?: boolean
}

interface Handshake {
  payload?: unknown
  encrypt(plaintext: Uint8Array): Gathered
  decrypt(record: Uint8Array, into: Uint8Array): Gathered
}

/** Bytes in one piece or in several. */
interface Gathered {
  readonly byteLength: number
  subarray(from?: number, to?: number): Uint8Array
}

const cipher = new ChaCha20Poly1305(newInstance())
/** Up to here it is faster than OpenSSL's. */
const smallBytesMax = 1_200
const nothing = new Uint8Array(0)
const lengthBytes = 2
const tagBytes = 16
const plaintextBytesMax = 65_535 - tagBytes

export function curedNoise(): (components: NoiseComponents) => ConnectionEncrypter {
  return (components) => {
    const privateKey = signsOnce(components.privateKey)
    const encrypter: ConnectionEncrypter = noise()(Object.create(components, { privateKey: { value: privateKey } }))
    cureHandshake(encrypter as unknown as Insides)
    const secureInbound = encrypter.secureInbound.bind(encrypter)
    encrypter.secureInbound = async (socket, options) => {
      const secured = await secureInbound(socket, options)
      lighten(secured.connection)
      return { ...secured, remotePeer: copied(secured.remotePeer) }
    }
    return encrypter
  }
}

function cureHandshake(insides: Insides): void {
  const { crypto, staticKey } = insides
  const known = [crypto?.generateKeypair, crypto?.dh, crypto?.hkdf, staticKey].every((part) => part !== undefined)
  if (known && crypto?.encrypt !== undefined) {
    insides.crypto = { ...crypto, generateKeypair, dh, hkdf, encrypt: sealing(crypto.encrypt) }
    insides.staticKey = generateKeypair()
  }
  const respond = insides.performHandshakeResponder?.bind(insides)
  if (respond === undefined) return
  insides.performHandshakeResponder = async (stock, ...rest) => {
    const messages = handshakeMessages(stock.unwrap())
    try {
      return await respond(messages, ...rest)
    } finally {
      messages.unwrap()
    }
  }
}

/** The same cipher as theirs for what is small, without room made for each record by the C library. */
function sealing(stock: Encrypt): Encrypt {
  return (plaintext, nonce, bound, key) => {
    if (plaintext.byteLength > smallBytesMax) return stock(plaintext, nonce, bound, key)
    return cipher.seal(key, nonce, plaintext.subarray(), bound, Buffer.allocUnsafe(plaintext.byteLength + tagBytes))
  }
}

/**
 * What was said in the handshake is done with. From now on bytes are passed in one piece (`streams-cure.ts`): records are cut by
 * `Records`, opened where they lie, and made with their length in front at once.
 */
function lighten(connection: object): void {
  const insides: SecuredInsides = connection
  const { stream, handshake, decoder } = insides
  const methods: SecuredInsides | null = Reflect.getPrototypeOf(connection)
  if (handshake?.payload === undefined || decoder === undefined || methods?.encrypt === undefined) return
  handshake.payload = undefined
  insides.decoder = new Records(decoder.buffer)
  cureRecords(methods, methods.encrypt)
  if (stream?.[takesBytes] === false) stream[takesBytes] = true
}

function cureRecords(methods: SecuredInsides, encryptStock: NonNullable<SecuredInsides['encrypt']>): void {
  if (methods[takesBytes] === true) return
  methods[takesBytes] = true
  methods.encrypt = function (bytes) {
    if (this.handshake === undefined || bytes.byteLength > plaintextBytesMax)
      return encryptStock.call(this, bytes).subarray()
    return withLength(this.handshake.encrypt(bytes.subarray()).subarray())
  }
  methods.decrypt = function (record) {
    if (this.handshake === undefined || record.byteLength < tagBytes) throw new Error('too short for a record')
    const sealed = record.subarray()
    return this.handshake.decrypt(sealed, sealed.subarray(0, -tagBytes))
  }
}

function withLength(record: Uint8Array): Uint8Array {
  const whole = Buffer.allocUnsafe(lengthBytes + record.length)
  whole.writeUInt16BE(record.length)
  whole.set(record, lengthBytes)
  return whole
}

/** Its bytes are a slice of a page that passing messages filled, and would keep all of it alive as long as the connection. */
function copied(peer: PeerId): PeerId {
  return peerIdFromMultihash(decodeDigest(new Uint8Array(peer.toMultihash().bytes)))
}

function generateKeypair(): DhKeyPair {
  return x25519Generate(systemRandom)
}

function dh({ privateKey }: DhKeyPair, theirs: Gathered): Uint8Array {
  const shared = x25519(privateKey, theirs.subarray())
  if (shared === undefined) throw new Error('a public key that agrees on nothing')
  return shared
}

function hkdf(chain: Uint8Array, input: Uint8Array): readonly Uint8Array[] {
  const keys = hkdfSha256(input, chain, nothing, 96)
  return [keys.slice(0, 32), keys.slice(32, 64), keys.slice(64)]
}

/** An Ed25519 signature depends on the message alone, so the last one serves as long as the same is signed. */
function signsOnce(key: PrivateKey): PrivateKey {
  let last: { readonly message: Uint8Array; readonly signature: Uint8Array } | undefined
  const sign: PrivateKey['sign'] = async (message, options) => {
    const bytes = message.subarray()
    if (last === undefined || !equalBytes(last.message, bytes)) {
      last = { message: bytes.slice(), signature: await key.sign(bytes, options) }
    }
    return last.signature
  }
  return Object.create(key, { sign: { value: sign } }) as PrivateKey
}
