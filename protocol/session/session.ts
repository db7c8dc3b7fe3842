/**
 * One session with one device: its ratchets, and the first message that goes along until the peer has answered.
 * Values in, values out. Which of several sessions a message belongs to is decided in `record.ts`.
 */
import { samePublicBytes } from '../crypto/bytes.ts'
import type { Random } from '../crypto/random.ts'
import { Secret } from '../crypto/secret.ts'
import type { Work } from './chain.ts'
import { initiatorRatchet, responderRatchet } from './double-ratchet.ts'
import { agreeAsInitiator, agreeAsResponder, verifyPreKeyBundle } from './handshake.ts'
import { decodeCurveKey, encodeCurveKey } from './keys.ts'
import { unansweredMsMax } from './limits.ts'
import { encodePreKeySignalMessage } from './messages.ts'
import type { PreKeySignalMessage, SignalMessage } from './messages.ts'
import { recentKeys } from './recent-keys.ts'
import { startPqRatchet } from './spqr/pq-ratchet.ts'
import { decryptMessage, encryptMessage } from './triple-ratchet.ts'
import type { TripleRatchet } from './triple-ratchet.ts'
import type {
  BaseKeyMark,
  DecryptFailure,
  InitiateFailure,
  MessageType,
  OwnIdentity,
  PreKeyBundle,
  PreKeyReads,
} from './types.ts'

export interface Session {
  /** 33 bytes. */
  readonly theirIdentityKey: Uint8Array
  /** The initiator's, 33 bytes: what names the session to both sides. */
  readonly baseKey: Uint8Array
  readonly ratchet: TripleRatchet
  /** Present until the peer's first message: every message of ours then opens the session anew. */
  readonly unanswered: Unanswered | undefined
}

/** The part of a first message that stays the same. */
export interface Unanswered {
  readonly preKeyId: number | undefined
  readonly signedPreKeyId: number
  readonly kyberPreKeyId: number
  /** 1568 bytes. */
  readonly kyberCiphertext: Uint8Array
  readonly sinceMs: number
}

export function initiateSession(
  own: OwnIdentity,
  bundle: PreKeyBundle,
  random: Random,
  nowMs: number,
): Session | InitiateFailure {
  const verified = verifyPreKeyBundle(bundle)
  if (typeof verified === 'string') return verified
  const agreement = agreeAsInitiator(own, verified, random)
  if (agreement === undefined) return 'invalid-key'
  const { secrets, baseKey, kyberCiphertext } = agreement
  const classical = initiatorRatchet(secrets, verified.signedPreKey, random)
  baseKey.privateKey.wipe()
  secrets.rootKey.wipe()
  if (classical === undefined) return 'invalid-key'
  return {
    theirIdentityKey: new Uint8Array(bundle.identityKey),
    baseKey: encodeCurveKey(baseKey.publicKey),
    ratchet: { classical, postQuantum: startPqRatchet('initiator', secrets.pqAuthKey) },
    unanswered: {
      preKeyId: bundle.preKeyId,
      signedPreKeyId: bundle.signedPreKeyId,
      kyberPreKeyId: bundle.kyberPreKeyId,
      kyberCiphertext,
      sinceMs: nowMs,
    },
  }
}

const recentSigned = recentKeys()
const recentKyber = recentKeys()

/** The session a first message would open. Nothing may be kept of it before its inner message decrypts. */
export function respondToFirst(
  own: OwnIdentity,
  first: PreKeySignalMessage,
  preKeys: PreKeyReads,
): { readonly session: Session; readonly mark: BaseKeyMark } | DecryptFailure {
  const { signedPreKeyId, kyberPreKeyId, baseKey } = first
  const mark = { signedPreKeyId, kyberPreKeyId, baseKey }
  if (preKeys.wasBaseKeyUsed(mark)) return 'replayed-first-message'
  const signedPreKey = preKeys.signedPreKey(signedPreKeyId)
  const kyberPreKey = preKeys.kyberPreKey(kyberPreKeyId)
  const preKey = first.preKeyId === undefined ? undefined : preKeys.preKey(first.preKeyId)
  if (signedPreKey === undefined || kyberPreKey === undefined) return 'unknown-prekey'
  if (first.preKeyId !== undefined && preKey === undefined) return 'unknown-prekey'
  const theirIdentityKey = decodeCurveKey(first.identityKey)
  const theirBaseKey = decodeCurveKey(baseKey)
  const ownSignedPreKey = decodeCurveKey(signedPreKey.publicKey)
  if (theirIdentityKey === undefined || theirBaseKey === undefined || ownSignedPreKey === undefined)
    return 'invalid-key'
  const { kyberCiphertext } = first
  const signedPrivateKey = recentSigned(signedPreKey.privateKey)
  const secrets = agreeAsResponder({
    own,
    signedPrivateKey,
    kyberPrivateKey: recentKyber(kyberPreKey.privateKey),
    preKey,
    theirIdentityKey,
    theirBaseKey,
    kyberCiphertext,
  })
  if (secrets === undefined) return 'invalid-key'
  // This ratchet key is the signed prekey itself until the first step.
  const ownRatchetKey = { publicKey: ownSignedPreKey, privateKey: new Secret(signedPrivateKey) }
  return {
    mark,
    session: {
      theirIdentityKey: first.identityKey,
      baseKey,
      ratchet: {
        classical: responderRatchet(secrets, ownRatchetKey),
        postQuantum: startPqRatchet('responder', secrets.pqAuthKey),
      },
      unanswered: undefined,
    },
  }
}

/** A session nobody answered goes stale: its first message will not be opened any more. */
export function canSend(session: Session, nowMs: number): boolean {
  return session.unanswered === undefined || nowMs - session.unanswered.sinceMs <= unansweredMsMax
}

export interface Encrypted {
  readonly session: Session
  readonly type: MessageType
  readonly bytes: Uint8Array
}

export function encryptWithSession(
  own: OwnIdentity,
  session: Session,
  plaintext: Uint8Array,
  random: Random,
): Encrypted | undefined {
  const parties = { senderIdentityKey: own.identityKey, receiverIdentityKey: session.theirIdentityKey }
  const encrypted = encryptMessage(session.ratchet, parties, plaintext, random)
  if (encrypted === undefined) return undefined
  const { ratchet, bytes } = encrypted
  const { theirIdentityKey, baseKey, unanswered } = session
  const after = { theirIdentityKey, baseKey, ratchet, unanswered }
  if (unanswered === undefined) return { session: after, type: 2, bytes }
  const first = encodePreKeySignalMessage({
    registrationId: own.registrationId,
    preKeyId: unanswered.preKeyId,
    signedPreKeyId: unanswered.signedPreKeyId,
    kyberPreKeyId: unanswered.kyberPreKeyId,
    kyberCiphertext: unanswered.kyberCiphertext,
    baseKey,
    identityKey: own.identityKey,
    message: bytes,
  })
  return { session: after, type: 3, bytes: first }
}

export type Decrypted =
  | { readonly ok: true; readonly session: Session; readonly plaintext: Uint8Array }
  | { readonly ok: false; readonly reason: DecryptFailure }

/** A message that decrypts is also the answer to a first message of ours. */
export function decryptWithSession(
  own: OwnIdentity,
  session: Session,
  message: SignalMessage,
  work: Work,
  random: Random,
): Decrypted {
  const parties = { senderIdentityKey: session.theirIdentityKey, receiverIdentityKey: own.identityKey }
  const opened = decryptMessage(session.ratchet, parties, message, work, random)
  if (!opened.ok) return opened
  const { theirIdentityKey, baseKey } = session
  return {
    ok: true,
    plaintext: opened.plaintext,
    session: { theirIdentityKey, baseKey, ratchet: opened.ratchet, unanswered: undefined },
  }
}

export function isOpenedBy(session: Session, baseKey: Uint8Array): boolean {
  return samePublicBytes(session.baseKey, baseKey)
}
