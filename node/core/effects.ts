/** What a device may decide: facts to keep (`Change`) and acts to perform after they are kept (`Effect`). */
import type { AccountId, DeviceId, EnvelopeId, MessageId } from '../../protocol/ids.ts'
import type { BaseKeyMark, KyberPreKey, SessionRecord, SignedPreKey } from '../../protocol/session/types.ts'
import type { DirectoryFrame, Publication } from '../../protocol/wire/directory.ts'
import type { DirectFrame } from '../../protocol/wire/direct.ts'
import type { Envelope } from '../../protocol/wire/mailbox.ts'
import type { Answer } from './answers.ts'
import type {
  Attempt,
  Contact,
  Delivery,
  Inbound,
  Message,
  OpenInvite,
  OwedReceipt,
  PooledPreKey,
  StoredEvent,
} from './state.ts'

/** Puts replace the row with the same key; drops of what is not there are harmless. */
export type Change =
  /** Small facts by name: own card, counters, settings. Keys are listed in `reads.ts`. */
  | { readonly kind: 'put-fact'; readonly key: FactKey; readonly value: Uint8Array }
  | { readonly kind: 'put-contact'; readonly contact: Contact }
  | { readonly kind: 'put-message'; readonly message: Message }
  | { readonly kind: 'put-delivery'; readonly delivery: Delivery }
  | { readonly kind: 'drop-delivery'; readonly messageId: MessageId; readonly device: DeviceId }
  /** Beyond `attemptsKeptMax` for a message, the oldest but the first go. */
  | { readonly kind: 'add-attempt'; readonly attempt: Attempt }
  | { readonly kind: 'put-session'; readonly device: DeviceId; readonly record: SessionRecord }
  | { readonly kind: 'add-prekeys'; readonly preKeys: readonly PooledPreKey[] }
  | { readonly kind: 'drop-prekey'; readonly id: number }
  | { readonly kind: 'put-signed-prekey'; readonly preKey: SignedPreKey }
  | { readonly kind: 'drop-signed-prekey'; readonly id: number }
  | { readonly kind: 'put-kyber-prekey'; readonly preKey: KyberPreKey }
  | { readonly kind: 'drop-kyber-prekey'; readonly id: number }
  /** Replay memory; marks go when either of their prekeys is dropped. */
  | { readonly kind: 'add-base-key'; readonly mark: BaseKeyMark }
  /** An envelope was dealt with; kept until no retry of it can come. */
  | {
      readonly kind: 'add-seen'
      readonly envelopeId: EnvelopeId
      readonly messageId?: MessageId
      readonly untilMs: number
    }
  | { readonly kind: 'sweep-seen'; readonly beforeMs: number }
  | { readonly kind: 'put-invite'; readonly invite: OpenInvite }
  | { readonly kind: 'drop-invite'; readonly token: Uint8Array }
  | { readonly kind: 'put-inbound'; readonly inbound: Inbound }
  | { readonly kind: 'add-owed'; readonly owed: OwedReceipt }
  | { readonly kind: 'drop-owed'; readonly owed: OwedReceipt }
  | { readonly kind: 'add-event'; readonly stored: StoredEvent }
  | { readonly kind: 'drop-events'; readonly upTo: number }

/**
 * `own-card`: the signed card; `bundle-version`, `next-prekey`: counters; `settings`: name and relays as JSON; `homes`: how
 * they did, see `homes.ts`; `spent-prekeys`: see `prekey-pool.ts`; `relay-tokens`: what private relays want to hear.
 */
export type FactKey =
  'own-card' | 'bundle-version' | 'next-prekey' | 'settings' | 'identity' | 'homes' | 'spent-prekeys' | 'relay-tokens'

export type Effect =
  /** Try these multiaddrs of a device, all at once; ends in `link-risen` or `dial-failed`. */
  | { readonly kind: 'dial'; readonly device: DeviceId; readonly addresses: readonly string[] }
  | { readonly kind: 'send'; readonly link: number; readonly frame: DirectFrame }
  | { readonly kind: 'close-link'; readonly link: number; readonly reason: string }
  /** Connect to one of our own relays and subscribe; ends in `relay-risen`, or `relay-lost`. */
  | { readonly kind: 'connect-relay'; readonly relay: string }
  | { readonly kind: 'leave-relay'; readonly relay: string }
  | { readonly kind: 'ack-mailbox'; readonly relay: string; readonly ids: readonly EnvelopeId[] }
  /** Anonymously, at someone else's relay; ends in `deposit-answered`. */
  | { readonly kind: 'deposit'; readonly relay: string; readonly mailbox: DeviceId; readonly envelope: Envelope }
  /** Anonymously, one request to one directory (a full multiaddr); ends in `directory-answered`. */
  | { readonly kind: 'ask-directory'; readonly ask: number; readonly at: string; readonly frame: DirectoryFrame }
  /** As ourselves, to the directory of one of our own relays; ends in `publish-answered`. */
  | { readonly kind: 'publish'; readonly relay: string; readonly frame: Publication }
  /** Answers someone who asked this device's own directory (card and bundle of itself). */
  | { readonly kind: 'answer-asker'; readonly asker: number; readonly frame: DirectoryFrame }
  /** The caller of a library method gets its result. */
  | { readonly kind: 'answer'; readonly request: number; readonly answer: Answer }
  /** Listeners are told; the event is already kept. */
  | { readonly kind: 'notify'; readonly stored: StoredEvent; readonly conversation: AccountId | undefined }
