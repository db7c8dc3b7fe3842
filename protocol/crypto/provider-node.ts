/**
 * The native provider: OpenSSL through node:crypto. The only file of the protocol that imports it. ML-KEM is native
 * from Node 24.7 on; older versions get it from the portable provider, which gives the same bytes.
 *
 * A key generated from the system's randomness is made by one native call; from any other `Random` (a simulation) its
 * bytes decide the key, so that a run can be replayed.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hash,
  randomFillSync,
  sign,
  verify,
} from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import * as nodeCrypto from 'node:crypto'
import { concatBytes } from './bytes.ts'
import { keyCache } from './key-cache.ts'
import { portableProvider } from './provider-portable.ts'
import type { KemLevel, Provider } from './provider.ts'
import type { Random } from './random.ts'

/** Taken from the namespace, because naming what an older Node does not export would stop it at the import. */
const { decapsulate, encapsulate } = nodeCrypto

const systemRandom: Random = { bytes: (length) => randomFillSync(new Uint8Array(length)) }

const tagBytes = 16

/** RFC 8410 and RFC 9935 prefixes of the DER forms; JWK would do for curves, but costs a base64 round trip. */
const pkcs8X25519 = bytesOf('302e020100300506032b656e04220420')
const pkcs8Ed25519 = bytesOf('302e020100300506032b657004220420')
const pkcs8Kem = {
  768: bytesOf('3054020100300b060960864801650304040204428040'),
  1024: bytesOf('3054020100300b060960864801650304040304428040'),
}
const spkiKem = {
  768: bytesOf('308204b2300b0609608648016503040402038204a100'),
  1024: bytesOf('30820632300b06096086480165030404030382062100'),
}

const x25519Private = keyCache((key) => privateFrom(pkcs8X25519, key))
const x25519Public = keyCache((key) => publicFromJwk('X25519', key))
const ed25519Private = keyCache((seed) => privateFrom(pkcs8Ed25519, seed))
const ed25519Public = keyCache((key) => publicFromJwk('Ed25519', key))
const kemPrivate = {
  768: keyCache((seed) => privateFrom(pkcs8Kem[768], seed)),
  1024: keyCache((seed) => privateFrom(pkcs8Kem[1024], seed)),
}

const exportsRaw = canExportRaw()
const hasNativeKem = typeof encapsulate === 'function' && canGenerateKem()

export const nodeProvider: Provider = {
  name: 'node',
  systemRandom,

  sha256: (message) => plain(hash('sha256', message, 'buffer')),
  sha512: (message) => plain(hash('sha512', message, 'buffer')),
  sha3: (bits, message) => plain(hash(`sha3-${bits}`, message, 'buffer')),
  shake: (bits, message, outputLength) => plain(createHash(`shake${bits}`, { outputLength }).update(message).digest()),

  hmacSha256(key, message) {
    // Two one-shot hashes cost a fifth of createHmac on OpenSSL 3.5.
    const block = new Uint8Array(64)
    block.set(key.length > 64 ? hash('sha256', key, 'buffer') : key)
    const inner = hash(
      'sha256',
      concatBytes(
        block.map((byte) => byte ^ 0x36),
        message,
      ),
      'buffer',
    )
    const mac = plain(
      hash(
        'sha256',
        concatBytes(
          block.map((byte) => byte ^ 0x5c),
          inner,
        ),
        'buffer',
      ),
    )
    block.fill(0)
    return mac
  },

  aes256CbcEncrypt(key, iv, plaintext) {
    const cipher = createCipheriv('aes-256-cbc', key, iv)
    return concatBytes(cipher.update(plaintext), cipher.final())
  },

  aes256CbcDecrypt(key, iv, ciphertext) {
    if (ciphertext.length === 0 || ciphertext.length % 16 !== 0) return undefined
    const decipher = createDecipheriv('aes-256-cbc', key, iv)
    const head = decipher.update(ciphertext)
    try {
      return concatBytes(head, decipher.final())
    } catch {
      // The only thing `final` refuses here is the padding.
      return undefined
    }
  },

  chacha20poly1305Seal(key, nonce, plaintext, aad) {
    const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: tagBytes })
    cipher.setAAD(aad, { plaintextLength: plaintext.length })
    return concatBytes(cipher.update(plaintext), cipher.final(), cipher.getAuthTag())
  },

  chacha20poly1305Open(key, nonce, sealed, aad) {
    const length = sealed.length - tagBytes
    if (length < 0) return undefined
    const decipher = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: tagBytes })
    decipher.setAAD(aad, { plaintextLength: length })
    decipher.setAuthTag(sealed.subarray(length))
    const plaintext = plain(decipher.update(sealed.subarray(0, length)))
    try {
      decipher.final()
      return plaintext
    } catch {
      plaintext.fill(0)
      return undefined
    }
  },

  ed25519PublicKey: (seed) => publicBytes(ed25519Private.get(seed)),
  ed25519Sign: (seed, message) => plain(sign(null, message, ed25519Private.get(seed))),
  ed25519Verify: (publicKey, message, signature) => verify(null, message, ed25519Public.get(publicKey), signature),

  x25519PublicKey: (privateKey) => publicBytes(x25519Private.get(privateKey)),

  x25519Generate(random) {
    if (random !== systemRandom) {
      const privateKey = random.bytes(32)
      return { privateKey, publicKey: this.x25519PublicKey(privateKey) }
    }
    const pair = generateKeyPairSync('x25519')
    const privateKey = privateBytes(pair.privateKey)
    x25519Private.put(privateKey, pair.privateKey)
    return { privateKey, publicKey: fromBase64Url(pair.publicKey.export({ format: 'jwk' }).x) }
  },

  x25519(privateKey, publicKey) {
    const options = { privateKey: x25519Private.get(privateKey), publicKey: x25519Public.get(publicKey) }
    try {
      return plain(diffieHellman(options))
    } catch {
      // Both keys are imported, so what OpenSSL refuses here is a point of small order.
      return undefined
    }
  },

  kemGenerate(level, random) {
    if (!hasNativeKem || random !== systemRandom) {
      const seed = random.bytes(64)
      return { seed, publicKey: this.kemPublicKey(level, seed) }
    }
    const pair = level === 768 ? generateKeyPairSync('ml-kem-768') : generateKeyPairSync('ml-kem-1024')
    const { priv, pub } = pair.privateKey.export({ format: 'jwk' })
    const seed = fromBase64Url(priv)
    kemPrivate[level].put(seed, pair.privateKey)
    return { seed, publicKey: fromBase64Url(pub) }
  },

  kemPublicKey(level, seed) {
    if (!hasNativeKem) return portableProvider.kemPublicKey(level, seed)
    return fromBase64Url(kemPrivate[level].get(seed).export({ format: 'jwk' })['pub'])
  },

  kemEncapsulate(level, publicKey, random) {
    // The native call draws its own randomness, so a replayable `Random` needs the portable one.
    if (!hasNativeKem || random !== systemRandom) return portableProvider.kemEncapsulate(level, publicKey, random)
    const key = importKemPublic(level, publicKey)
    if (key === undefined) return undefined
    const { ciphertext, sharedKey } = encapsulate(key)
    return { ciphertext: plain(ciphertext), sharedSecret: plain(sharedKey) }
  },

  kemDecapsulate(level, seed, ciphertext) {
    if (!hasNativeKem) return portableProvider.kemDecapsulate(level, seed, ciphertext)
    return plain(decapsulate(kemPrivate[level].get(seed), ciphertext))
  },

  forgetKey(key) {
    x25519Private.forget(key)
    ed25519Private.forget(key)
    kemPrivate[768].forget(key)
    kemPrivate[1024].forget(key)
  },
}

function privateFrom(prefix: Uint8Array, key: Uint8Array): KeyObject {
  const der = concatBytes(prefix, key)
  const imported = withoutTraces(() => createPrivateKey({ key: der as Buffer, format: 'der', type: 'pkcs8' }))
  der.fill(0)
  return imported
}

function publicFromJwk(crv: 'X25519' | 'Ed25519', key: Uint8Array): KeyObject {
  const x = base64Url(key)
  return withoutTraces(() => createPublicKey({ key: { kty: 'OKP', crv, x }, format: 'jwk' }))
}

function importKemPublic(level: KemLevel, publicKey: Uint8Array): KeyObject | undefined {
  const der = concatBytes(spkiKem[level], publicKey)
  try {
    return withoutTraces(() => createPublicKey({ key: der as Buffer, format: 'der', type: 'spki' }))
  } catch {
    // The length is right, so this is the modulus check.
    return undefined
  }
}

/**
 * Node finds out what kind of key it was given by throwing and catching, four times an import; recording the traces
 * of those errors, which nobody sees, is three quarters of what an import costs.
 */
function withoutTraces(importKey: () => KeyObject): KeyObject {
  const before = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    return importKey()
  } finally {
    Error.stackTraceLimit = before
  }
}

function publicBytes(privateKey: KeyObject): Uint8Array {
  return fromBase64Url(privateKey.export({ format: 'jwk' }).x)
}

/** As raw bytes where Node can, which leaves no copy in a string that cannot be wiped. */
function privateBytes(privateKey: KeyObject): Uint8Array {
  return exportsRaw
    ? plain(privateKey.export({ format: 'raw-private' }))
    : fromBase64Url(privateKey.export({ format: 'jwk' }).d)
}

function canExportRaw(): boolean {
  try {
    return generateKeyPairSync('x25519').privateKey.export({ format: 'raw-private' }).length === 32
  } catch {
    return false
  }
}

function canGenerateKem(): boolean {
  try {
    generateKeyPairSync('ml-kem-768')
    return true
  } catch {
    return false
  }
}

function base64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url')
}

function fromBase64Url(text: unknown): Uint8Array {
  return new Uint8Array(Buffer.from(String(text), 'base64url'))
}

function bytesOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'))
}

/** A Uint8Array over memory of its own, so that nothing from Node's shared pool is handed out or wiped. */
function plain(buffer: Uint8Array): Uint8Array {
  if (buffer.byteLength === buffer.buffer.byteLength) return new Uint8Array(buffer.buffer as ArrayBuffer)
  return new Uint8Array(buffer)
}
