/**
 * PQXDH (revision 3): from a prekey bundle, or from a first message, to the secrets both ratchets start from. Decides
 * what is agreed and checked; not when a prekey is used up, nor which session a message belongs to.
 */
import { concatBytes } from '../crypto/bytes.ts'
import { hkdfBlocks } from '../crypto/hmac.ts'
import { kyber1024Decapsulate, kyber1024Encapsulate } from '../crypto/kyber1024.ts'
import { isTorsionFree, x25519 } from '../crypto/primitives.ts'
import type { Random } from '../crypto/random.ts'
import { Secret } from '../crypto/secret.ts'
import { xeddsaVerify } from '../crypto/xeddsa.ts'
import { decodeCurveKey, decodeKyberBytes, generateKeyPair, identityPrivateKey } from './keys.ts'
import type { OwnKeyPair } from './keys.ts'
import type { InitiateFailure, OwnIdentity, PreKey, PreKeyBundle } from './types.ts'

/** What both sides hold after the handshake. */
export interface HandshakeSecrets {
  readonly rootKey: Secret
  readonly chainKey: Secret
  /** Where the post-quantum ratchet starts. */
  readonly pqAuthKey: Uint8Array
}

const handshakeInfo = 'WhisperText_X25519_SHA-256_CRYSTALS-KYBER-1024'

/** PQXDH section 2.2: 32 bytes of 0xFF in front, which no curve point encodes to. */
const inputPrefix = new Uint8Array(32).fill(0xff)

/** The bundle's keys, decoded and with both signatures verified. */
export interface VerifiedBundle {
  readonly identityKey: Uint8Array
  readonly signedPreKey: Uint8Array
  readonly kyberPreKey: Uint8Array
  readonly preKey: Uint8Array | undefined
}

export function verifyPreKeyBundle(bundle: PreKeyBundle): VerifiedBundle | InitiateFailure {
  const identityKey = decodeCurveKey(bundle.identityKey)
  const signedPreKey = decodeCurveKey(bundle.signedPreKey)
  const kyberPreKey = decodeKyberBytes(bundle.kyberPreKey)
  const preKey = bundle.preKey === undefined ? undefined : decodeCurveKey(bundle.preKey)
  if (identityKey === undefined || signedPreKey === undefined || kyberPreKey === undefined) return 'invalid-key'
  // A one-time key and its id come together: a key nobody can name would make a message nobody can open.
  if ((bundle.preKey === undefined) !== (bundle.preKeyId === undefined)) return 'invalid-key'
  if (bundle.preKey !== undefined && preKey === undefined) return 'invalid-key'
  if (!xeddsaVerify(identityKey, bundle.signedPreKey, bundle.signedPreKeySignature)) return 'forged'
  if (!xeddsaVerify(identityKey, bundle.kyberPreKey, bundle.kyberPreKeySignature)) return 'forged'
  return { identityKey, signedPreKey, kyberPreKey, preKey }
}

export interface InitiatorAgreement {
  readonly secrets: HandshakeSecrets
  readonly baseKey: OwnKeyPair
  /** 1568 bytes. */
  readonly kyberCiphertext: Uint8Array
}

/** Undefined when a key of the bundle is of small order or not a Kyber key. */
export function agreeAsInitiator(
  own: OwnIdentity,
  bundle: VerifiedBundle,
  random: Random,
): InitiatorAgreement | undefined {
  const baseKey = generateKeyPair(random)
  const encapsulation = kyber1024Encapsulate(bundle.kyberPreKey, random)
  if (encapsulation === undefined) return undefined
  const secrets = secretsOf([
    x25519(identityPrivateKey(own), bundle.signedPreKey),
    x25519(baseKey.privateKey.bytes, bundle.identityKey),
    x25519(baseKey.privateKey.bytes, bundle.signedPreKey),
    ...(bundle.preKey === undefined ? [] : [x25519(baseKey.privateKey.bytes, bundle.preKey)]),
    encapsulation.sharedSecret,
  ])
  if (secrets === undefined) return undefined
  return { secrets, baseKey, kyberCiphertext: encapsulation.ciphertext }
}

/** What the responder looked up for a first message. Keys of the peer are u, 32 bytes. */
export interface ResponderKeys {
  readonly own: OwnIdentity
  readonly signedPrivateKey: Uint8Array
  readonly kyberPrivateKey: Uint8Array
  readonly preKey: PreKey | undefined
  readonly theirIdentityKey: Uint8Array
  readonly theirBaseKey: Uint8Array
  readonly kyberCiphertext: Uint8Array
}

/** Undefined when one of the peer's keys cannot be agreed with. */
export function agreeAsResponder(keys: ResponderKeys): HandshakeSecrets | undefined {
  const { theirBaseKey } = keys
  // The MAC does not cover the base key. With a component of small order added it would give the same secrets under
  // another name, and the replay memory would not know it.
  if (!isTorsionFree(theirBaseKey)) return undefined
  return secretsOf([
    x25519(keys.signedPrivateKey, keys.theirIdentityKey),
    x25519(identityPrivateKey(keys.own), theirBaseKey),
    x25519(keys.signedPrivateKey, theirBaseKey),
    ...(keys.preKey === undefined ? [] : [x25519(keys.preKey.privateKey, theirBaseKey)]),
    kyber1024Decapsulate(keys.kyberPrivateKey, keys.kyberCiphertext),
  ])
}

function secretsOf(agreements: readonly (Uint8Array | undefined)[]): HandshakeSecrets | undefined {
  const parts: Uint8Array[] = [inputPrefix]
  for (const agreement of agreements) {
    if (agreement === undefined) return undefined
    parts.push(agreement)
  }
  const input = concatBytes(...parts)
  for (const part of parts) if (part !== inputPrefix) part.fill(0)
  const [rootKey, chainKey, pqAuthKey] = hkdfBlocks(input, undefined, handshakeInfo, 3)
  input.fill(0)
  return { rootKey: new Secret(rootKey), chainKey: new Secret(chainKey), pqAuthKey }
}
