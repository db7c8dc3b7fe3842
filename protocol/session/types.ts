/**
 * The contract of a session layer: what a device needs to open conversations, and nothing about how it is done.
 *
 * Sessions are values: every call takes the old record and returns the new one, and a failure returns a reason and leaves
 * the old value as it was. The caller keeps the new record before it lets a ciphertext leave or acknowledges a message.
 * Two implementations stand behind it: the Signal one (`protocol/session/signal.ts`) and the simulator's model, whose
 * keys are counters. Does not store, send, retry, or decide whom to trust.
 */
import type { Random } from '../crypto/random.ts'

/** This device's own long-term identity. */
export interface OwnIdentity {
  /** Ed25519 seed, 32 bytes: also the libp2p key of the device. */
  readonly seed: Uint8Array
  /** Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array
  /** Signal identity key, 33 bytes: 0x05 and the X25519 form of `publicKey`. */
  readonly identityKey: Uint8Array
  /** Signal registration id, 1 to 16380. */
  readonly registrationId: number
}

/** A one-time elliptic-curve prekey with its private half. */
export interface PreKey {
  readonly id: number
  /** 33 bytes. */
  readonly publicKey: Uint8Array
  /** 32 bytes. */
  readonly privateKey: Uint8Array
}

/** A signed elliptic-curve prekey with its private half. */
export interface SignedPreKey extends PreKey {
  /** 64 bytes, over `publicKey`, by the identity key. */
  readonly signature: Uint8Array
  readonly createdMs: number
}

/** A signed Kyber-1024 prekey, used as last resort by every session, with its private half. */
export interface KyberPreKey {
  readonly id: number
  /** 1569 bytes. */
  readonly publicKey: Uint8Array
  /** 3168 bytes of ML-KEM-1024 decapsulation key, or the 64-byte seed it grows from: the provider's own form. */
  readonly privateKey: Uint8Array
  /** 64 bytes, over `publicKey`, by the identity key. */
  readonly signature: Uint8Array
  readonly createdMs: number
}

/** What a directory hands out so that a stranger can open a session with a device. Fields are libsignal's. */
export interface PreKeyBundle {
  readonly registrationId: number
  readonly deviceId: number
  readonly identityKey: Uint8Array
  readonly signedPreKeyId: number
  readonly signedPreKey: Uint8Array
  readonly signedPreKeySignature: Uint8Array
  readonly kyberPreKeyId: number
  readonly kyberPreKey: Uint8Array
  readonly kyberPreKeySignature: Uint8Array
  readonly preKeyId?: number
  readonly preKey?: Uint8Array
}

/** Read access to the device's private prekeys while a first message is being opened. */
export interface PreKeyReads {
  preKey(id: number): PreKey | undefined
  signedPreKey(id: number): SignedPreKey | undefined
  kyberPreKey(id: number): KyberPreKey | undefined
  /** True if a first message with this base key was already accepted under these prekeys (replay memory). */
  wasBaseKeyUsed(mark: BaseKeyMark): boolean
}

/** What identifies a first message for replay memory; kept for the life of both prekeys. */
export interface BaseKeyMark {
  readonly signedPreKeyId: number
  readonly kyberPreKeyId: number
  /** 33 bytes. */
  readonly baseKey: Uint8Array
}

/** What an accepted first message used up. The caller deletes the one-time key and keeps the mark, in the same commit. */
export interface UsedPreKeys {
  readonly preKeyId?: number
  readonly mark: BaseKeyMark
}

/** Current and archived sessions with one device. Opaque: only the implementation that made it may look inside. */
export interface SessionRecord {
  readonly kind: 'session-record'
}

/** 2 is a message of an established session, 3 one that also opens it (libsignal's numbers). */
export type MessageType = 2 | 3

export type InitiateResult =
  { readonly ok: true; readonly record: SessionRecord } | { readonly ok: false; readonly reason: InitiateFailure }
/** `forged`: a signature does not verify; `invalid-key`: a key is malformed, not canonical or of small order. */
export type InitiateFailure = 'forged' | 'invalid-key' | 'identity-mismatch'

export type EncryptResult =
  | { readonly ok: true; readonly record: SessionRecord; readonly type: MessageType; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly reason: 'no-session' }

export type DecryptResult =
  | {
      readonly ok: true
      readonly record: SessionRecord
      readonly plaintext: Uint8Array
      /** Present when this message opened a session. */
      readonly used?: UsedPreKeys
      /** True when an archived session opened it and so became current again. */
      readonly promoted?: boolean
    }
  | { readonly ok: false; readonly reason: DecryptFailure }

export type DecryptFailure =
  | 'malformed'
  | 'version'
  | 'no-session'
  | 'duplicate'
  | 'forged'
  | 'too-far-ahead'
  | 'unknown-prekey'
  | 'replayed-first-message'
  | 'identity-mismatch'
  | 'invalid-key'

export interface Sessions {
  generatePreKeys(firstId: number, count: number, random: Random): PreKey[]
  generateSignedPreKey(own: OwnIdentity, id: number, random: Random, nowMs: number): SignedPreKey
  generateKyberPreKey(own: OwnIdentity, id: number, random: Random, nowMs: number): KyberPreKey

  /** True when both signatures were made by `bundle.identityKey`. */
  verifyBundle(bundle: PreKeyBundle): boolean

  /** Opens a session towards the owner of `bundle`; an older current session in `record` is archived. */
  initiate(input: {
    readonly own: OwnIdentity
    readonly theirIdentityKey: Uint8Array
    readonly bundle: PreKeyBundle
    readonly record: SessionRecord | undefined
    readonly random: Random
    readonly nowMs: number
  }): InitiateResult

  encrypt(input: {
    readonly own: OwnIdentity
    readonly record: SessionRecord
    readonly plaintext: Uint8Array
    readonly random: Random
    readonly nowMs: number
  }): EncryptResult

  /** `theirIdentityKey` is who the sender is known to be; a first message naming another is refused. */
  decrypt(input: {
    readonly own: OwnIdentity
    readonly theirIdentityKey: Uint8Array
    readonly record: SessionRecord | undefined
    readonly type: MessageType
    readonly bytes: Uint8Array
    readonly preKeys: PreKeyReads
    readonly random: Random
    readonly nowMs: number
  }): DecryptResult

  /** Whether `record` has a current session that can encrypt now. */
  hasSession(record: SessionRecord, nowMs: number): boolean
  /** The stored form. */
  encodeRecord(record: SessionRecord): Uint8Array
  /** Throws LocalError when the bytes are not a stored record of this implementation. */
  decodeRecord(bytes: Uint8Array): SessionRecord
}
