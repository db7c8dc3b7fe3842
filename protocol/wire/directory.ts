/**
 * Frames between a device and a directory (`/linnet/directory/1`): cards and prekey bundles. One stream, one request at a
 * time, each answered by one frame.
 *
 * Everything in a directory is signed by those it speaks of, so a directory can be silent or stale, but it cannot lie: a
 * card by the account's key, a bundle by the device's own key, which is the key in its PeerId.
 */
import { account, bytes, device, flag, list, nested, timeMs, uint, word } from '../codec/fields.ts'
import { struct, union, type Codec } from '../codec/schema.ts'
import { cardBytesMax, preKeysPerPublishMax, relayTokenBytesMax } from '../limits.ts'
import type { AccountId, DeviceId } from '../ids.ts'
import type { PreKeyBundle } from '../session/types.ts'
import { signedCard, type SignedCard } from './card.ts'

export const directoryProtocol = '/linnet/directory/1'

/** The signed part of a bundle, the same for everyone who asks. Fields are libsignal's, see `PreKeyBundle`. */
export type SignedBundle = Omit<PreKeyBundle, 'preKeyId' | 'preKey'>

/** A one-time prekey as published: its id and its 33-byte public key. */
export interface PublicPreKey {
  readonly id: number
  readonly key: Uint8Array
}

/**
 * `stale`: a higher version or revision is held; `not-yours`: the link's key is not the device's, or not in the card;
 * `token-needed`, `token-wrong`: a private relay, and its token was not said, or is another; `not-admitted`: its operator
 * does not want this device or account.
 */
export type DirectoryRefusal =
  | 'not-found'
  | 'malformed'
  | 'forged'
  | 'not-yours'
  | 'stale'
  | 'rate-limited'
  | 'busy'
  | 'full'
  | 'token-needed'
  | 'not-admitted'
  | 'token-wrong'

export type DirectoryFrame =
  /**
   * From a device about itself. `version` grows with every publication; `preKeys` are added to those held. `token` is what
   * a private relay has told its residents, and says nothing about who they are.
   */
  | {
      readonly kind: 'publish'
      readonly version: number
      readonly card: SignedCard
      readonly bundle: SignedBundle
      readonly preKeys: readonly PublicPreKey[]
      readonly token?: Uint8Array
    }
  /** Answers `publish` once it is on disk: so many one-time prekeys are held now. */
  | { readonly kind: 'published'; readonly left: number }
  | { readonly kind: 'find-card'; readonly account: AccountId }
  | { readonly kind: 'card'; readonly card: SignedCard }
  /** Asks for a bundle to open a session with; uses up a one-time prekey. */
  | { readonly kind: 'take-bundle'; readonly device: DeviceId }
  | { readonly kind: 'bundle'; readonly bundle: SignedBundle; readonly preKey?: PublicPreKey }
  | { readonly kind: 'refused'; readonly reason: DirectoryRefusal; readonly retryMs: number }
  /** What does your clock say? Whoever asks compares it with their own. */
  | { readonly kind: 'ask-time' }
  /** `full`: besides, the last message that somebody brought could not be kept, for want of room or of a disk that works. */
  | { readonly kind: 'time'; readonly atMs: number; readonly full?: boolean }

export type Publication = Extract<DirectoryFrame, { kind: 'publish' }>

const preKeyIdMax = 0xff_ffff

/** As numbered on the wire: new ones are added at the end. */
const refusals: readonly DirectoryRefusal[] = [
  'not-found',
  'malformed',
  'forged',
  'not-yours',
  'stale',
  'rate-limited',
  'busy',
  'full',
  'token-needed',
  'not-admitted',
  'token-wrong',
]

const signedBundle: Codec<SignedBundle> = struct<SignedBundle>({
  registrationId: [1, uint(0x3fff)],
  deviceId: [2, uint(127)],
  identityKey: [3, bytes(33)],
  signedPreKeyId: [4, uint(preKeyIdMax)],
  signedPreKey: [5, bytes(33)],
  signedPreKeySignature: [6, bytes(64)],
  kyberPreKeyId: [7, uint(preKeyIdMax)],
  kyberPreKey: [8, bytes(1569)],
  kyberPreKeySignature: [9, bytes(64)],
})

const publicPreKey: Codec<PublicPreKey> = struct<PublicPreKey>({ id: [1, uint(preKeyIdMax)], key: [2, bytes(33)] })

const bundleBytesMax = 2_048
const signedCardBytesMax = cardBytesMax + 128

export const directoryFrame: Codec<DirectoryFrame> = union<DirectoryFrame>({
  publish: [
    1,
    struct<Omit<Publication, 'kind'>>({
      version: [1, uint()],
      card: [2, nested(signedCard, signedCardBytesMax)],
      bundle: [3, nested(signedBundle, bundleBytesMax)],
      preKeys: [4, list(nested(publicPreKey, 64), preKeysPerPublishMax)],
      token: [5, bytes(1, relayTokenBytesMax), 'optional'],
    }),
  ],
  published: [2, struct<{ left: number }>({ left: [1, uint()] })],
  'find-card': [3, struct<{ account: AccountId }>({ account: [1, account] })],
  card: [4, struct<{ card: SignedCard }>({ card: [1, nested(signedCard, signedCardBytesMax)] })],
  'take-bundle': [5, struct<{ device: DeviceId }>({ device: [1, device] })],
  bundle: [
    6,
    struct<{ bundle: SignedBundle; preKey?: PublicPreKey }>({
      bundle: [1, nested(signedBundle, bundleBytesMax)],
      preKey: [2, nested(publicPreKey, 64), 'optional'],
    }),
  ],
  refused: [
    7,
    struct<{ reason: DirectoryRefusal; retryMs: number }>({
      reason: [1, word(refusals)],
      retryMs: [2, uint()],
    }),
  ],
  'ask-time': [8, struct<object>({})],
  time: [9, struct<{ atMs: number; full?: boolean }>({ atMs: [1, timeMs], full: [2, flag, 'optional'] })],
})
