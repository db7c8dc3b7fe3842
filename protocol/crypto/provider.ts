/**
 * What a platform must offer: curves, signatures, KEM, hashes and ciphers. Two stand behind it, `provider-node.ts`
 * (native) and `provider-portable.ts` (@noble, any JavaScript engine), and the same suite holds both to the same
 * bytes. What is cheaper in JavaScript on every platform (short HMAC and HKDF) is not here but in `hmac.ts`.
 *
 * Lengths are checked by the callers in `primitives.ts`; hostile values come back as `undefined` or `false`.
 */
import type { Random } from './random.ts'

/** ML-KEM parameter set (FIPS 203). */
export type KemLevel = 768 | 1024

export interface KemKeyPair {
  /** 1184 or 1568 bytes. */
  readonly publicKey: Uint8Array
  /** 64 bytes, d ‖ z: what the key grows from. */
  readonly seed: Uint8Array
}

export interface Encapsulation {
  /** 1088 or 1568 bytes. */
  readonly ciphertext: Uint8Array
  /** 32 bytes. */
  readonly sharedSecret: Uint8Array
}

export interface DhKeyPair {
  readonly publicKey: Uint8Array
  readonly privateKey: Uint8Array
}

export interface Provider {
  readonly name: 'node' | 'portable'
  readonly systemRandom: Random

  sha256(message: Uint8Array): Uint8Array
  sha512(message: Uint8Array): Uint8Array
  sha3(bits: 256 | 512, message: Uint8Array): Uint8Array
  shake(bits: 128 | 256, message: Uint8Array, length: number): Uint8Array
  hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array

  aes256CbcEncrypt(key: Uint8Array, iv: Uint8Array, plaintext: Uint8Array): Uint8Array
  aes256CbcDecrypt(key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined
  chacha20poly1305Seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): Uint8Array
  chacha20poly1305Open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, aad: Uint8Array): Uint8Array | undefined

  ed25519PublicKey(seed: Uint8Array): Uint8Array
  ed25519Sign(seed: Uint8Array, message: Uint8Array): Uint8Array
  /** Cofactorless (RFC 8032 section 5.1.7); the caller has refused bad encodings of the key and s ≥ L. */
  ed25519Verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean

  x25519PublicKey(privateKey: Uint8Array): Uint8Array
  x25519Generate(random: Random): DhKeyPair
  /** Undefined when the result is all zeros. The caller has refused encodings that are not canonical. */
  x25519(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined

  kemGenerate(level: KemLevel, random: Random): KemKeyPair
  kemPublicKey(level: KemLevel, seed: Uint8Array): Uint8Array
  /** Undefined when the public key fails the modulus check of FIPS 203 section 7.2. */
  kemEncapsulate(level: KemLevel, publicKey: Uint8Array, random: Random): Encapsulation | undefined
  kemDecapsulate(level: KemLevel, seed: Uint8Array, ciphertext: Uint8Array): Uint8Array

  /** Drops whatever was kept for this key. */
  forgetKey(key: Uint8Array): void
}
