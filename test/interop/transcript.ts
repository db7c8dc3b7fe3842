/**
 * A recorded conversation between our layer and libsignal: what a replay needs to do our half again and to check it
 * against their bytes. Our randomness comes from a seed, so our half is the same to the byte.
 */
import { createHash } from 'node:crypto'
import { createIdentity, signalSessions } from '../../protocol/session/signal.ts'
import type { Random } from '../../protocol/crypto/random.ts'
import type {
  DecryptResult,
  KyberPreKey,
  MessageType,
  OwnIdentity,
  PreKey,
  PreKeyBundle,
  PreKeyReads,
  SessionRecord,
  SignedPreKey,
} from '../../protocol/session/types.ts'
import { seededRandom } from './seeded-random.ts'

export interface Transcript {
  readonly name: string
  readonly seed: string
  /** base64, 33 bytes. */
  readonly theirIdentityKey: string
  /** Theirs, base64 fields, when we initiate. */
  readonly theirBundle?: Readonly<Record<string, string | number>>
  readonly withOneTimeKey: boolean
  readonly steps: readonly Step[]
}

/** All base64 but the digest, which is the start of the SHA-256 of the message we made, in hexadecimal. */
export type Step =
  | { readonly ours: string; readonly type: MessageType; readonly digest: string }
  | { readonly theirs: string; readonly type: MessageType; readonly plaintext: string }

/** Other things libsignal made; all base64 but names and digits. */
export interface Foreign {
  readonly senderKey: {
    readonly distribution: string
    /** Out of order. */
    readonly messages: readonly { readonly bytes: string; readonly plaintext: string }[]
  }
  readonly signatures: readonly { readonly identityKey: string; readonly message: string; readonly signature: string }[]
  readonly fingerprint: {
    readonly localId: string
    readonly localIdentityKey: string
    readonly peerId: string
    readonly peerIdentityKey: string
    readonly digits: string
    readonly scannable: string
  }
}

const ownRegistrationId = 4711

/** Our side of a recorded conversation. */
export class RecordedDevice {
  readonly own: OwnIdentity
  readonly theirIdentityKey: Uint8Array
  record: SessionRecord | undefined
  readonly #random: Random
  readonly #signedPreKey: SignedPreKey
  readonly #kyberPreKey: KyberPreKey
  readonly #preKey: PreKey | undefined

  constructor(seed: string, theirIdentityKey: Uint8Array, withOneTimeKey: boolean) {
    this.#random = seededRandom(seed)
    this.own = createIdentity(this.#random.bytes(32), ownRegistrationId)
    this.#signedPreKey = signalSessions.generateSignedPreKey(this.own, 1, this.#random, 0)
    this.#kyberPreKey = signalSessions.generateKyberPreKey(this.own, 2, this.#random, 0)
    const [preKey] = signalSessions.generatePreKeys(3, 1, this.#random)
    this.#preKey = withOneTimeKey ? preKey : undefined
    this.theirIdentityKey = theirIdentityKey
  }

  bundle(): PreKeyBundle {
    const bundle = {
      registrationId: ownRegistrationId,
      deviceId: 1,
      identityKey: this.own.identityKey,
      signedPreKeyId: this.#signedPreKey.id,
      signedPreKey: this.#signedPreKey.publicKey,
      signedPreKeySignature: this.#signedPreKey.signature,
      kyberPreKeyId: this.#kyberPreKey.id,
      kyberPreKey: this.#kyberPreKey.publicKey,
      kyberPreKeySignature: this.#kyberPreKey.signature,
    }
    return this.#preKey === undefined
      ? bundle
      : { ...bundle, preKeyId: this.#preKey.id, preKey: this.#preKey.publicKey }
  }

  initiate(bundle: PreKeyBundle): void {
    const { own, theirIdentityKey } = this
    const input = { own, theirIdentityKey, bundle, record: undefined, random: this.#random, nowMs: 0 }
    const result = signalSessions.initiate(input)
    if (!result.ok) throw new Error(`not opened: ${result.reason}`)
    this.record = result.record
  }

  encrypt(plaintext: Uint8Array): { readonly type: MessageType; readonly bytes: Uint8Array } {
    if (this.record === undefined) throw new Error('no session yet')
    const input = { own: this.own, record: this.record, plaintext, random: this.#random, nowMs: 0 }
    const result = signalSessions.encrypt(input)
    if (!result.ok) throw new Error(`not encrypted: ${result.reason}`)
    this.record = result.record
    return result
  }

  decrypt(type: MessageType, bytes: Uint8Array): DecryptResult {
    const { own, theirIdentityKey, record } = this
    const preKeys = this.#reads()
    const result = signalSessions.decrypt({
      own,
      theirIdentityKey,
      record,
      type,
      bytes,
      preKeys,
      random: this.#random,
      nowMs: 0,
    })
    if (result.ok) this.record = result.record
    return result
  }

  #reads(): PreKeyReads {
    return {
      preKey: (id) => (id === this.#preKey?.id ? this.#preKey : undefined),
      signedPreKey: (id) => (id === this.#signedPreKey.id ? this.#signedPreKey : undefined),
      kyberPreKey: (id) => (id === this.#kyberPreKey.id ? this.#kyberPreKey : undefined),
      wasBaseKeyUsed: () => false,
    }
  }
}

export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16)
}

export function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'))
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

/** A bundle whose byte fields are base64. */
export function bundleFrom(fields: Readonly<Record<string, string | number>>): PreKeyBundle {
  const entries = Object.entries(fields).map(([key, value]) => [
    key,
    typeof value === 'string' ? fromBase64(value) : value,
  ])
  return Object.fromEntries(entries) as PreKeyBundle
}

export function bundleTo(bundle: PreKeyBundle): Record<string, string | number> {
  const entries = Object.entries(bundle).map(([key, value]) => [
    key,
    value instanceof Uint8Array ? toBase64(value) : value,
  ])
  return Object.fromEntries(entries) as Record<string, string | number>
}
