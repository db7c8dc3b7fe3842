/**
 * The portable provider: @noble only, for engines without node:crypto (a browser, a phone). About fifty times slower on
 * curves than the native one and the same byte for byte; `test/protocol/crypto/providers.test.ts` holds it to that.
 */
import { cbc } from '@noble/ciphers/aes.js'
import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { sha3_256, sha3_512, shake128, shake256 } from '@noble/hashes/sha3.js'
import { ml_kem1024, ml_kem768 } from '@noble/post-quantum/ml-kem.js'
import { concatBytes, samePublicBytes } from './bytes.ts'
import type { KemLevel, Provider } from './provider.ts'
import type { Random } from './random.ts'

/** The most `getRandomValues` gives in one call. */
const randomCallBytesMax = 65_536

const systemRandom: Random = {
  bytes(length) {
    const bytes = new Uint8Array(length)
    for (let at = 0; at < length; at += randomCallBytesMax)
      globalThis.crypto.getRandomValues(bytes.subarray(at, at + randomCallBytesMax))
    return bytes
  },
}

const kems = { 768: ml_kem768, 1024: ml_kem1024 }

export const portableProvider: Provider = {
  name: 'portable',
  systemRandom,

  sha256: (message) => sha256(message),
  sha512: (message) => sha512(message),
  sha3: (bits, message) => (bits === 256 ? sha3_256(message) : sha3_512(message)),
  shake: (bits, message, dkLen) => (bits === 128 ? shake128(message, { dkLen }) : shake256(message, { dkLen })),
  hmacSha256: (key, message) => hmac(sha256, key, message),

  aes256CbcEncrypt: (key, iv, plaintext) => cbc(key, iv).encrypt(plaintext),
  aes256CbcDecrypt(key, iv, ciphertext) {
    if (ciphertext.length === 0 || ciphertext.length % 16 !== 0) return undefined
    return orUndefined(() => cbc(key, iv).decrypt(ciphertext))
  },
  chacha20poly1305Seal: (key, nonce, plaintext, aad) => chacha20poly1305(key, nonce, aad).encrypt(plaintext),
  chacha20poly1305Open(key, nonce, sealed, aad) {
    if (sealed.length < 16) return undefined
    return orUndefined(() => chacha20poly1305(key, nonce, aad).decrypt(sealed))
  },

  ed25519PublicKey: (seed) => ed25519.getPublicKey(seed),
  ed25519Sign: (seed, message) => ed25519.sign(message, seed),
  ed25519Verify(publicKey, message, signature) {
    // Written out because the library multiplies by the cofactor first and OpenSSL does not: a signature with a
    // component of small order would pass one and fail the other.
    const { Point } = ed25519
    const key = orUndefined(() => Point.fromBytes(publicKey))
    if (key === undefined) return false
    const r = signature.subarray(0, 32)
    const s = Point.Fn.fromBytes(signature.subarray(32))
    const h = wideScalar(sha512(concatBytes(r, publicKey, message)))
    const expected = Point.BASE.multiplyUnsafe(s).subtract(key.multiplyUnsafe(h))
    return samePublicBytes(expected.toBytes(), r)
  },

  x25519PublicKey: (privateKey) => x25519.getPublicKey(privateKey),
  x25519Generate(random) {
    const privateKey = random.bytes(32)
    return { privateKey, publicKey: x25519.getPublicKey(privateKey) }
  },
  x25519: (privateKey, publicKey) => orUndefined(() => x25519.getSharedSecret(privateKey, publicKey)),

  kemGenerate(level, random) {
    const seed = random.bytes(64)
    return { seed, publicKey: kems[level].keygen(seed).publicKey }
  },
  kemPublicKey: (level, seed) => kems[level].keygen(seed).publicKey,
  kemEncapsulate(level, publicKey, random) {
    const message = random.bytes(32)
    const made = orUndefined(() => kems[level].encapsulate(publicKey, message))
    message.fill(0)
    return made === undefined ? undefined : { ciphertext: made.cipherText, sharedSecret: made.sharedSecret }
  },
  kemDecapsulate(level: KemLevel, seed, ciphertext) {
    const { secretKey } = kems[level].keygen(seed)
    const sharedSecret = kems[level].decapsulate(ciphertext, secretKey)
    secretKey.fill(0)
    return sharedSecret
  },

  forgetKey() {
    // Nothing is kept.
  },
}

/** 64 little-endian bytes reduced modulo the group order. */
function wideScalar(bytes: Uint8Array): bigint {
  let value = 0n
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] as number)
  return value % ed25519.Point.Fn.ORDER
}

/** The library throws on hostile values; lengths were checked before, so nothing else can fail here. */
function orUndefined<Value>(compute: () => Value): Value | undefined {
  try {
    return compute()
  } catch {
    return undefined
  }
}
