/**
 * What bounds each operation: the primitives it cannot do without, one by one, and their sum. The count of each is the
 * protocol's; what is left between this and the measured rate is ours to blame.
 */
import { aesCbcDecrypt, aesCbcEncrypt } from '../../protocol/crypto/aes-cbc.ts'
import { hkdfBlocks, hmacLean, hmacOfBoth } from '../../protocol/crypto/hmac.ts'
import { kyber1024Decapsulate, kyber1024Encapsulate } from '../../protocol/crypto/kyber1024.ts'
import {
  ed25519PublicKey,
  ed25519Sign,
  ed25519Verify,
  kemGenerate,
  systemRandom,
  x25519,
  x25519Generate,
} from '../../protocol/crypto/primitives.ts'
import { plaintextBytes, rate } from './measure.ts'
import type { Timings } from './measure.ts'

const random = systemRandom

export function measureBounds(): Timings {
  const micros = (count: number, operation: (i: number) => void): number => 1e6 / rate(count, operation)
  const [key, iv, other] = [random.bytes(32), random.bytes(16), random.bytes(32)]
  const [plaintext, message] = [random.bytes(plaintextBytes), random.bytes(270)]
  const sealed = aesCbcEncrypt(key, iv, plaintext)
  const info = new Uint8Array(35)
  const one = Uint8Array.of(1)

  const own = x25519Generate(random)
  const theirs = x25519Generate(random).publicKey
  const agreement = micros(400, () => x25519(own.privateKey, theirs))
  const freshAgreement = micros(400, () => x25519(own.privateKey, theirs.slice()))
  const importPublic = freshAgreement - agreement
  const importPrivate = micros(400, () => x25519(own.privateKey.slice(), theirs)) - agreement
  const generate = micros(400, () => x25519Generate(random))

  const seed = random.bytes(32)
  const signingKey = ed25519PublicKey(seed)
  const signature = ed25519Sign(seed, message)
  const sign = micros(400, () => ed25519Sign(seed, message))
  const verify = micros(300, () => ed25519Verify(signingKey, message, signature))
  const importSigning = micros(300, () => ed25519Verify(signingKey.slice(), message, signature)) - verify

  const kyber = kemGenerate(1024, random)
  const encapsulated = kyber1024Encapsulate(kyber.publicKey, random)
  const ciphertext = encapsulated?.ciphertext ?? new Uint8Array(1568)
  const encapsulate = micros(200, () => kyber1024Encapsulate(kyber.publicKey, random))
  const decapsulate = micros(200, () => kyber1024Decapsulate(kyber.seed, ciphertext))
  const generateBraid = micros(200, () => kemGenerate(768, random))

  const chainStep = micros(4000, () => hmacOfBoth(key, one, one))
  const messageKeys = micros(4000, () => hkdfBlocks(key, other, 'WhisperMessageKeys', 3))
  const pqStep = micros(4000, () => hkdfBlocks(key, undefined, info, 2))
  const mac = micros(4000, () => hmacLean(key, message))
  const rootStep = micros(4000, () => hkdfBlocks(key, other, 'WhisperRatchet', 2))
  const encryptCipher = micros(4000, () => aesCbcEncrypt(key, iv, plaintext))
  const decryptCipher = micros(4000, () => aesCbcDecrypt(key, iv, sealed))

  const symmetric = chainStep + messageKeys + pqStep + mac
  const encrypt = symmetric + encryptCipher
  const decrypt = symmetric + decryptCipher
  // The peer's new key is imported once for both agreements of the step.
  const step = importPublic + 2 * agreement + generate + 2 * rootStep
  const initiator = 2 * verify + importSigning + 2 * generate + 5 * agreement + 3 * importPublic + encapsulate
  const firstEncrypt = encrypt + generateBraid
  // Four agreements, the torsion check, and the step of the inner message; the one-time key comes from a store.
  const responder = 6 * agreement + 3 * importPublic + importPrivate + decapsulate + rootStep + decrypt
  const perSecond = (us: number): number => 1e6 / us
  return {
    initiator: perSecond(initiator),
    firstEncrypt: perSecond(firstEncrypt),
    responder: perSecond(responder),
    oneWayEncrypt: perSecond(encrypt),
    oneWayDecrypt: perSecond(decrypt),
    pingPong: perSecond(encrypt + decrypt + step),
    groupEncrypt: perSecond(chainStep + pqStep + encryptCipher + sign),
    groupDecrypt: perSecond(chainStep + pqStep + decryptCipher + verify),
    'us X25519 agreement, keys prepared': agreement,
    'us X25519 public key import': importPublic,
    'us X25519 private key import': importPrivate,
    'us X25519 key generation': generate,
    'us Ed25519 sign': sign,
    'us Ed25519 verify': verify,
    'us Kyber-1024 encapsulation with import': encapsulate,
    'us Kyber-1024 decapsulation, key prepared': decapsulate,
    'us ML-KEM-768 key generation': generateBraid,
    'us message: chain, keys, post-quantum step, MAC': symmetric,
    'us message: AES-256-CBC of 100 bytes': encryptCipher,
  }
}
