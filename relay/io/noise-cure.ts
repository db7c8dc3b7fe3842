/**
 * A cure for what a handshake costs in @chainsafe/libp2p-noise 17: it turns the same X25519 keys from bytes into OpenSSL's form
 * again for each of three key agreements, derives keys in JavaScript that is not made for it, and signs its static key anew
 * for everybody who connects, though it never changes. That is more than half of the handshake's cryptography.
 *
 * Here keys are kept in the form they are used in, and the one signature is made once. The record cipher stays as it is:
 * theirs is the fastest there is. Reaches into the encrypter, whose own `crypto` option would have its ciphers replaced
 * as well; where its insides have changed, it is left as it is. To be dropped when upstream keeps its keys.
 */
import { noise, type NoiseComponents } from '@chainsafe/libp2p-noise'
import type { ConnectionEncrypter, MessageStream, PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromMultihash } from '@libp2p/peer-id'
import { decode as decodeDigest } from 'multiformats/hashes/digest'
import { equalBytes } from '../../protocol/crypto/bytes.ts'
import { hkdfSha256, systemRandom, x25519, x25519Generate } from '../../protocol/crypto/primitives.ts'
import type { DhKeyPair } from '../../protocol/crypto/provider.ts'
import { handshakeMessages } from './handshake-messages.ts'

/** What is replaced of the encrypter, all of it private to it. */
interface Insides {
  crypto?: {
    generateKeypair?: () => DhKeyPair
    dh?: (own: DhKeyPair, theirs: Gathered) => Uint8Array
    hkdf?: (chain: Uint8Array, input: Uint8Array) => readonly Uint8Array[]
  }
  staticKey?: DhKeyPair
  performHandshakeResponder?: (messages: { unwrap(): MessageStream }, ...rest: unknown[]) => Promise<unknown>
}

/** What is changed of a secured connection, all of it private to it. */
interface SecuredInsides {
  handshake?: { payload?: unknown }
  encrypt?: (chunk: unknown) => Gathered
  decoder?: { lengthDecoder?: (unread: Unread) => number }
}

interface Unread {
  readonly byteLength: number
  get(index: number): number
}

/** Bytes in one piece or in several. */
interface Gathered {
  subarray(): Uint8Array
}

const nothing = new Uint8Array(0)

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
  if (known) {
    insides.crypto = { ...crypto, generateKeypair, dh, hkdf }
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

/**
 * What was said in the handshake is done with. A record goes to the socket in one piece instead of two. And that nothing is left
 * to read, which is how reading ends each time, is told by one error made in advance: a new one, stack trace and all, cost as much
 * as deciphering a record.
 */
function lighten(connection: object): void {
  const { handshake, encrypt, decoder } = connection as SecuredInsides
  if (decoder?.lengthDecoder !== undefined) decoder.lengthDecoder = recordLength
  if (handshake?.payload === undefined || encrypt === undefined) return
  handshake.payload = undefined
  Object.assign(connection, {
    encrypt: (chunk: unknown) => encrypt.call(connection, chunk).subarray(),
  })
}

const notWhole = new RangeError('the length of a record is not whole yet')

function recordLength(unread: Unread): number {
  if (unread.byteLength < 2) throw notWhole
  return unread.get(0) * 256 + unread.get(1)
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
