/**
 * The primitives as everyone calls them: chosen by size, strict about what is hostile, loud about what is our own
 * mistake.
 */
import { ED25519_TORSION_SUBGROUP, ed25519 } from '@noble/curves/ed25519.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { aesCbcDecrypt, aesCbcEncrypt } from '../../../protocol/crypto/aes-cbc.ts'
import { concatBytes, equalBytes, uint64Be } from '../../../protocol/crypto/bytes.ts'
import {
  edwardsFromMontgomery,
  groupOrder,
  isCanonicalField,
  isCanonicalScalar,
  montgomeryFromEdwards,
} from '../../../protocol/crypto/field25519.ts'
import { kyber1024Decapsulate, kyber1024Encapsulate } from '../../../protocol/crypto/kyber1024.ts'
import {
  aes256CbcDecrypt,
  aes256CbcEncrypt,
  chacha20poly1305Open,
  chacha20poly1305Seal,
  ed25519PublicKey,
  ed25519Sign,
  ed25519Verify,
  hkdfSha256,
  hmacSha256,
  identityKeyOf,
  isTorsionFree,
  kemDecapsulate,
  kemEncapsulate,
  kemGenerate,
  sha256,
  systemRandom,
  x25519,
  x25519KeyPair,
  x25519PrivateOf,
} from '../../../protocol/crypto/primitives.ts'
import { nodeProvider } from '../../../protocol/crypto/provider-node.ts'
import { xeddsaSign, xeddsaSignWithSeed, xeddsaVerify } from '../../../protocol/crypto/xeddsa.ts'
import { UsageError } from '../../../protocol/errors.ts'
import { smallOrderKeys, withTorsion } from '../../interop/forgeries.ts'

const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length })
const upTo = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength: length })

describe('lean and native are the same function', () => {
  test('SHA-256 and HMAC', () => {
    fc.assert(
      fc.property(upTo(100), upTo(700), (key, message) => {
        expect(sha256(message)).toEqual(nodeProvider.sha256(message))
        expect(hmacSha256(key, message)).toEqual(nodeProvider.hmacSha256(key, message))
        expect(hmacSha256(key, message.subarray(0, 9), message.subarray(9))).toEqual(hmacSha256(key, message))
      }),
      { numRuns: 200 },
    )
  })

  test('HKDF', () => {
    fc.assert(
      fc.property(
        upTo(80),
        fc.option(upTo(80), { nil: undefined }),
        upTo(60),
        fc.integer({ min: 1, max: 200 }),
        (ikm, salt, info, length) => {
          expect(hkdfSha256(ikm, salt, info, length)).toEqual(
            hkdf(nobleSha256, ikm, salt ?? new Uint8Array(32), info, length),
          )
        },
      ),
      { numRuns: 200 },
    )
  })

  test('AES-CBC', () => {
    fc.assert(
      fc.property(bytes(32), bytes(16), upTo(300), (key, iv, plaintext) => {
        const sealed = aesCbcEncrypt(key, iv, plaintext)
        expect(sealed).toEqual(nodeProvider.aes256CbcEncrypt(key, iv, plaintext))
        expect(aesCbcDecrypt(key, iv, sealed)).toEqual(plaintext)
      }),
      { numRuns: 200 },
    )
  })

  test('AES-CBC on ciphertexts nobody made: the padding is judged alike', () => {
    const [key, iv] = [new Uint8Array(32).fill(1), new Uint8Array(16)]
    fc.assert(
      fc.property(bytes(32), fc.integer({ min: 0, max: 255 }), (plaintext, last) => {
        plaintext[31] = last
        // Sealing adds a block of padding; without it the chosen last byte is what the reader takes for padding.
        const sealed = nodeProvider.aes256CbcEncrypt(key, iv, plaintext).subarray(0, 32)
        expect(aesCbcDecrypt(key, iv, sealed)).toEqual(nodeProvider.aes256CbcDecrypt(key, iv, sealed))
      }),
      { numRuns: 600 },
    )
  })

  test('ciphers around the length where the choice is made', () => {
    const [key, iv, nonce] = [systemRandom.bytes(32), systemRandom.bytes(16), systemRandom.bytes(12)]
    for (const length of [0, 1, 639, 640, 641, 2047, 2048, 2049, 4096]) {
      const plaintext = systemRandom.bytes(length)
      expect(aes256CbcDecrypt(key, iv, aes256CbcEncrypt(key, iv, plaintext))).toEqual(plaintext)
      const sealed = chacha20poly1305Seal(key, nonce, plaintext, iv)
      expect(chacha20poly1305Open(key, nonce, sealed, iv)).toEqual(plaintext)
      expect(chacha20poly1305Open(key, nonce, sealed, nonce)).toBeUndefined()
    }
  })
})

describe('Ed25519 is strict', () => {
  const seed = systemRandom.bytes(32)
  const key = ed25519PublicKey(seed)
  const message = systemRandom.bytes(20)
  const signature = ed25519Sign(seed, message)

  test('one signature for one message', () => {
    expect(ed25519Verify(key, message, signature)).toBe(true)
    const s = BigInt(`0x${Buffer.from(signature.slice(32).toReversed()).toString('hex')}`) + groupOrder
    const larger = signature.slice()
    larger.set(Buffer.from(s.toString(16).padStart(64, '0'), 'hex').toReversed(), 32)
    expect(ed25519Verify(key, message, larger)).toBe(false)
    expect(isCanonicalScalar(larger.subarray(32))).toBe(false)
  })

  test('keys of small order and second encodings verify nothing', () => {
    for (const text of ED25519_TORSION_SUBGROUP) {
      const torsion = new Uint8Array(Buffer.from(text, 'hex'))
      // R = neutral, s = 0 verifies under a key of small order for a share of all messages.
      const universal = concatBytes(Uint8Array.of(1), new Uint8Array(63))
      for (let i = 0; i < 16; i++) expect(ed25519Verify(torsion, Uint8Array.of(i), universal)).toBe(false)
    }
    expect(ed25519Verify(new Uint8Array(32).fill(0xff), message, signature)).toBe(false)
    expect(ed25519Verify(key.subarray(1), message, signature)).toBe(false)
    expect(ed25519Verify(key, message, signature.subarray(1))).toBe(false)
  })
})

describe('X25519', () => {
  test('an identity agrees under its X25519 form', () => {
    for (let i = 0; i < 20; i++) {
      const seed = systemRandom.bytes(32)
      const identity = identityKeyOf(ed25519PublicKey(seed)).subarray(1)
      expect(x25519KeyPair(x25519PrivateOf(seed)).publicKey).toEqual(identity.slice())
    }
  })

  test('both forms of the curve map back and forth', () => {
    for (let i = 0; i < 20; i++) {
      const key = ed25519PublicKey(systemRandom.bytes(32))
      const u = montgomeryFromEdwards(key)
      expect(u && edwardsFromMontgomery(u, key[31]! > 0x7f ? 1 : 0)).toEqual(key)
      expect(u).toEqual(ed25519.utils.toMontgomery(key))
    }
    expect(montgomeryFromEdwards(Uint8Array.of(1, ...new Uint8Array(31)))).toBeUndefined()
    expect(edwardsFromMontgomery(new Uint8Array(32).fill(0xff), 0)).toBeUndefined()
  })

  test('what is not canonical, of small order, or has torsion is told apart', () => {
    const { privateKey, publicKey } = x25519KeyPair(systemRandom.bytes(32))
    expect(isTorsionFree(publicKey)).toBe(true)
    const bent = withTorsion(Uint8Array.of(5, ...publicKey)).slice(1)
    expect(isTorsionFree(bent)).toBe(false)
    // This is why it matters: two names, one secret.
    expect(x25519(privateKey, bent)).toEqual(x25519(privateKey, publicKey))
    for (const key of smallOrderKeys) expect(x25519(privateKey, key.slice(1))).toBeUndefined()
    expect(
      x25519(
        privateKey,
        publicKey.map((byte, i) => (i === 31 ? byte | 0x80 : byte)),
      ),
    ).toBeUndefined()
  })

  test('canonical field elements end one below the prime', () => {
    const prime = new Uint8Array(32).fill(0xff)
    prime[0] = 0xed
    prime[31] = 0x7f
    expect(isCanonicalField(prime)).toBe(false)
    prime[0] = 0xec
    expect(isCanonicalField(prime)).toBe(true)
    expect(isCanonicalField(prime.subarray(1))).toBe(false)
  })

  test('a key array that was written to is another key', () => {
    const privateKey = systemRandom.bytes(32)
    const { publicKey } = x25519KeyPair(systemRandom.bytes(32))
    const before = x25519(privateKey, publicKey)
    privateKey[5]! ^= 1
    expect(x25519(privateKey, publicKey)).not.toEqual(before)
  })
})

describe('XEdDSA', () => {
  test('the slow path and the fast path verify alike', () => {
    for (let i = 0; i < 8; i++) {
      const seed = systemRandom.bytes(32)
      const u = identityKeyOf(ed25519PublicKey(seed)).slice(1)
      const message = systemRandom.bytes(i * 10)
      expect(xeddsaVerify(u, message, xeddsaSignWithSeed(seed, message))).toBe(true)
      expect(xeddsaVerify(u, message, xeddsaSign(x25519PrivateOf(seed), message, systemRandom))).toBe(true)
    }
  })

  test('a key of small order verifies nothing', () => {
    // Under it, R = neutral and s = 0 are a signature of every other or every fourth message.
    const universal = concatBytes(Uint8Array.of(1), new Uint8Array(63))
    for (const key of smallOrderKeys) {
      for (let i = 0; i < 32; i++) expect(xeddsaVerify(key.subarray(1), Uint8Array.of(i), universal)).toBe(false)
    }
  })
})

describe('KEM', () => {
  test('Kyber-1024 of round 3 is not ML-KEM-1024: only the secret differs', () => {
    const { publicKey, seed } = kemGenerate(1024, systemRandom)
    const made = kyber1024Encapsulate(publicKey, systemRandom)
    expect(made && kyber1024Decapsulate(seed, made.ciphertext)).toEqual(made?.sharedSecret)
    expect(made && kemDecapsulate(1024, seed, made.ciphertext)).not.toEqual(made?.sharedSecret)
  })

  test('wrong lengths are refused', () => {
    expect(kemEncapsulate(768, new Uint8Array(1183), systemRandom)).toBeUndefined()
    expect(kemDecapsulate(768, systemRandom.bytes(64), new Uint8Array(1087))).toBeUndefined()
  })
})

test('our own mistakes are loud', () => {
  expect(() => x25519(new Uint8Array(31), new Uint8Array(32))).toThrow(UsageError)
  expect(() => ed25519Sign(new Uint8Array(33), new Uint8Array())).toThrow(UsageError)
  expect(() => aes256CbcEncrypt(new Uint8Array(16), new Uint8Array(16), new Uint8Array())).toThrow(UsageError)
  expect(() => identityKeyOf(new Uint8Array(31))).toThrow(UsageError)
})

test('bytes', () => {
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true)
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false)
  expect(equalBytes(Uint8Array.of(1), Uint8Array.of(1, 2))).toBe(false)
  expect(uint64Be(2 ** 40 + 5)).toEqual(Uint8Array.of(0, 0, 1, 0, 0, 0, 0, 5))
})
