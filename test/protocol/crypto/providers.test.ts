/**
 * One suite for both providers, and both against each other: they must agree byte for byte, also on what they refuse.
 */
import { ED25519_TORSION_SUBGROUP, ed25519 } from '@noble/curves/ed25519.js'
import { describe, expect, test } from 'vitest'
import { concatBytes } from '../../../protocol/crypto/bytes.ts'
import { nodeProvider } from '../../../protocol/crypto/provider-node.ts'
import { portableProvider } from '../../../protocol/crypto/provider-portable.ts'
import type { KemLevel, Provider } from '../../../protocol/crypto/provider.ts'
import { seededRandom } from '../../interop/seeded-random.ts'

const providers: readonly Provider[] = [nodeProvider, portableProvider]
const random = seededRandom('providers')
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const toHex = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString('hex')
const abc = new TextEncoder().encode('abc')

for (const provider of providers) {
  describe(provider.name, () => {
    test('hashes: FIPS 180-4 and FIPS 202', () => {
      expect(toHex(provider.sha256(abc))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
      expect(toHex(provider.sha512(abc))?.slice(0, 32)).toBe('ddaf35a193617abacc417349ae204131')
      expect(toHex(provider.sha3(256, abc))).toBe('3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532')
      expect(toHex(provider.sha3(512, abc))?.slice(0, 32)).toBe('b751850b1a57168a5693cd924b6b096e')
      expect(toHex(provider.shake(128, abc, 16))).toBe('5881092dd818bf5cf8a3ddb793fbcba7')
      expect(toHex(provider.shake(256, abc, 16))).toBe('483366601360a8771c6863080cc4114d')
    })

    test('HMAC: RFC 4231 cases 2 and 6', () => {
      const mac = provider.hmacSha256(
        new TextEncoder().encode('Jefe'),
        new TextEncoder().encode('what do ya want for nothing?'),
      )
      expect(toHex(mac)).toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843')
      const long = provider.hmacSha256(
        new Uint8Array(131).fill(0xaa),
        new TextEncoder().encode('Test Using Larger Than Block-Size Key - Hash Key First'),
      )
      expect(toHex(long)).toBe('60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54')
    })

    test('AES-256-CBC: SP 800-38A F.2.5, and padding', () => {
      const key = hex('603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4')
      const iv = hex('000102030405060708090a0b0c0d0e0f')
      const sealed = provider.aes256CbcEncrypt(key, iv, hex('6bc1bee22e409f96e93d7e117393172a'))
      expect(toHex(sealed.subarray(0, 16))).toBe('f58c4c04d6e5f1ba779eabfb5f7bfbd6')
      expect(toHex(provider.aes256CbcDecrypt(key, iv, sealed))).toBe('6bc1bee22e409f96e93d7e117393172a')
      expect(provider.aes256CbcDecrypt(key, iv, sealed.subarray(0, 16))).toBeUndefined()
      expect(provider.aes256CbcDecrypt(key, iv, new Uint8Array())).toBeUndefined()
      expect(provider.aes256CbcDecrypt(key, iv, new Uint8Array(17))).toBeUndefined()
    })

    test('ChaCha20-Poly1305: RFC 8439 section 2.8.2', () => {
      const key = hex('808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f')
      const nonce = hex('070000004041424344454647')
      const aad = hex('50515253c0c1c2c3c4c5c6c7')
      const plaintext = new TextEncoder().encode(
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
      )
      const sealed = provider.chacha20poly1305Seal(key, nonce, plaintext, aad)
      expect(toHex(sealed.subarray(-16))).toBe('1ae10b594f09e26a7e902ecbd0600691')
      expect(provider.chacha20poly1305Open(key, nonce, sealed, aad)).toEqual(plaintext)
      sealed[3]! ^= 1
      expect(provider.chacha20poly1305Open(key, nonce, sealed, aad)).toBeUndefined()
      expect(provider.chacha20poly1305Open(key, nonce, sealed.subarray(0, 15), aad)).toBeUndefined()
    })

    test('Ed25519: RFC 8032 section 7.1, test 3', () => {
      const seed = hex('c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7')
      const publicKey = provider.ed25519PublicKey(seed)
      expect(toHex(publicKey)).toBe('fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025')
      const signature = provider.ed25519Sign(seed, hex('af82'))
      expect(toHex(signature)?.slice(0, 32)).toBe('6291d657deec24024827e69c3abe01a3')
      expect(provider.ed25519Verify(publicKey, hex('af82'), signature)).toBe(true)
      expect(provider.ed25519Verify(publicKey, hex('af83'), signature)).toBe(false)
    })

    test('X25519: RFC 7748 section 6.1, and small order', () => {
      const bob = hex('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb')
      const alicesKey = hex('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a')
      expect(toHex(provider.x25519PublicKey(bob))).toBe(
        'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f',
      )
      expect(toHex(provider.x25519(bob, alicesKey))).toBe(
        '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742',
      )
      for (const point of [0, 1]) expect(provider.x25519(bob, new Uint8Array(32).fill(point, 0, 1))).toBeUndefined()
    })

    test('a generated key comes from the randomness given', () => {
      const made = provider.x25519Generate(seededRandom('x'))
      expect(made.publicKey).toEqual(provider.x25519PublicKey(made.privateKey))
      expect(provider.x25519Generate(seededRandom('x'))).toEqual(made)
      expect(provider.kemGenerate(768, seededRandom('k'))).toEqual(provider.kemGenerate(768, seededRandom('k')))
      const fresh = provider.x25519Generate(provider.systemRandom)
      expect(fresh.publicKey).toEqual(provider.x25519PublicKey(fresh.privateKey))
      expect(provider.systemRandom.bytes(70_000)).toHaveLength(70_000)
    })
  })
}

describe('both agree', () => {
  test('on hashes, MACs and ciphers of many lengths', () => {
    for (const length of [0, 1, 15, 16, 55, 56, 63, 64, 65, 119, 120, 500, 5000]) {
      const [key, iv, nonce, text] = [random.bytes(32), random.bytes(16), random.bytes(12), random.bytes(length)]
      const results = providers.map((provider) => [
        provider.sha256(text),
        provider.sha512(text),
        provider.sha3(256, text),
        provider.shake(128, text, 504),
        provider.hmacSha256(key, text),
        provider.aes256CbcEncrypt(key, iv, text),
        provider.chacha20poly1305Seal(key, nonce, text, iv),
      ])
      expect(results[0]!.map(toHex)).toEqual(results[1]!.map(toHex))
    }
  })

  test('on curves and signatures', () => {
    for (let i = 0; i < 10; i++) {
      const [seed, text] = [random.bytes(32), random.bytes(i * 20)]
      const results = providers.map((provider) => [
        provider.ed25519PublicKey(seed),
        provider.ed25519Sign(seed, text),
        provider.x25519PublicKey(seed),
        provider.x25519(seed, provider.x25519PublicKey(new Uint8Array(32).fill(i + 1))),
      ])
      expect(results[0]!.map(toHex)).toEqual(results[1]!.map(toHex))
    }
  })

  test('on keys and signatures with a component of small order', () => {
    const { Point } = ed25519
    const seed = random.bytes(32)
    for (const torsion of ED25519_TORSION_SUBGROUP) {
      const key = Point.fromBytes(nodeProvider.ed25519PublicKey(seed)).add(Point.fromHex(torsion, true)).toBytes()
      for (const text of [abc, random.bytes(3), random.bytes(4), random.bytes(5)]) {
        const signature = nodeProvider.ed25519Sign(seed, text)
        const bent = concatBytes(
          Point.fromBytes(signature.subarray(0, 32)).add(Point.fromHex(torsion, true)).toBytes(),
          signature.subarray(32),
        )
        for (const one of [signature, bent]) {
          const [node, portable] = providers.map((provider) => provider.ed25519Verify(key, text, one))
          expect(node).toBe(portable)
        }
      }
    }
  })

  test('on ML-KEM, forged ciphertexts and keys that fail the modulus check', () => {
    for (const level of [768, 1024] as const satisfies readonly KemLevel[]) {
      const { seed, publicKey } = nodeProvider.kemGenerate(level, nodeProvider.systemRandom)
      expect(portableProvider.kemPublicKey(level, seed)).toEqual(publicKey)
      for (const [maker, opener] of [providers, providers.toReversed()] as const) {
        const made = maker!.kemEncapsulate(level, publicKey, maker!.systemRandom)
        expect(made && opener!.kemDecapsulate(level, seed, made.ciphertext)).toEqual(made?.sharedSecret)
      }
      const forged = random.bytes(level === 768 ? 1088 : 1568)
      expect(nodeProvider.kemDecapsulate(level, seed, forged)).toEqual(
        portableProvider.kemDecapsulate(level, seed, forged),
      )
      const invalid = publicKey.slice().fill(0xff, 0, 3)
      for (const provider of providers)
        expect(provider.kemEncapsulate(level, invalid, provider.systemRandom)).toBeUndefined()
    }
  })
})
