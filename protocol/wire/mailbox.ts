/**
 * Frames between a device and a relay about mailboxes (`/linnet/mailbox/1`).
 *
 * One stream serves either of two uses. A depositor, who need not say who they are, sends `deposit` and is answered for
 * each. The mailbox's own device, proved by the Noise handshake, sends `subscribe` and receives its messages, most urgent
 * first and then oldest, as far as its credit goes; what it acknowledges is deleted.
 */
import { bytes, device, envelopeId, flag, list, nested, text, timeMs, uint, word } from '../codec/fields.ts'
import { struct, union, type Codec, type Field } from '../codec/schema.ts'
import {
  addressBytesMax,
  frameBytesMax,
  idsPerFrameMax,
  pageMessagesMax,
  relaysMax,
  sealedBytesMax,
  urgencyMax,
} from '../limits.ts'
import type { DeviceId, EnvelopeId } from '../ids.ts'

export const mailboxProtocol = '/linnet/mailbox/1'

/** What a relay sees of a message. Its expiry is fixed by the sender, so that a retry is the same envelope everywhere. */
export interface Envelope {
  readonly id: EnvelopeId
  /** 0 is the most urgent. */
  readonly urgency: number
  readonly expiresMs: number
  /** Anonymous to the relay: see `sealed.ts`. */
  readonly sealed: Uint8Array
}

/** That an envelope is on a relay's disk. */
export interface Custody {
  readonly mailbox: DeviceId
  readonly id: EnvelopeId
  readonly storedMs: number
  readonly expiresMs: number
}

/**
 * A relay's signed word for what it took from one depositor with one sync: a signature costs more than the rest of a deposit,
 * so there is one for all of them. Checked against the relay's PeerId; see `custody.ts`.
 */
export interface CustodyReceipt {
  readonly taken: readonly Custody[]
  /** 64 bytes, Ed25519, by the relay's libp2p key. */
  readonly signature: Uint8Array
}

/**
 * Why a deposit was not taken. `full`: the mailbox is, and a `room` notice follows while the stream is open;
 * `unknown-mailbox`: nobody of that name is served here; `expired` and `far-future`: the expiry, against this relay's clock;
 * `busy`: try again after `retryMs`; `rate-limited`: likewise.
 */
export type DepositRefusal =
  'full' | 'unknown-mailbox' | 'expired' | 'far-future' | 'too-large' | 'busy' | 'rate-limited' | 'malformed'

/** What became of an envelope other than being fetched. */
export type LossReason = 'pruned' | 'expired'

export type MailboxFrame =
  | { readonly kind: 'deposit'; readonly mailbox: DeviceId; readonly envelope: Envelope }
  /** Answers deposits: on disk. Also the answer when this very envelope was there already. */
  | { readonly kind: 'stored'; readonly receipt: CustodyReceipt }
  /** Answers deposits: the recipient's device has them on its own disk, and the relay never put them on its. */
  | { readonly kind: 'delivered'; readonly ids: readonly EnvelopeId[] }
  | { readonly kind: 'refused'; readonly id: EnvelopeId; readonly reason: DepositRefusal; readonly retryMs: number }
  /** To a depositor whose deposit was refused as `full`: there is room again. */
  | { readonly kind: 'room'; readonly mailbox: DeviceId }
  /** To a depositor still connected: an envelope it deposited was dropped unread. */
  | { readonly kind: 'lost'; readonly id: EnvelopeId; readonly reason: LossReason }
  /** From the mailbox's device: send me at most `credit` envelopes; `more` adds to it. */
  | { readonly kind: 'subscribe'; readonly credit: number }
  | { readonly kind: 'more'; readonly credit: number }
  | { readonly kind: 'ack'; readonly ids: readonly EnvelopeId[] }
  /** To the mailbox's device: its messages. `empty` says nothing else waits. */
  | { readonly kind: 'page'; readonly envelopes: readonly Envelope[]; readonly empty: boolean }
  /** To the mailbox's device: envelopes that were dropped unread since it was last told; repeated until acknowledged. */
  | { readonly kind: 'tombstones'; readonly lost: readonly Tombstone[] }
  /** To the mailbox's device: so many one-time prekeys are left in the directory. */
  | { readonly kind: 'prekeys-left'; readonly left: number }
  /**
   * To everybody: this relay is about to end; what it has taken it still answers. `elsewhere` are full multiaddrs of relays
   * that its operator commends, for people to judge: nothing is moved to them unasked.
   */
  | { readonly kind: 'closing'; readonly elsewhere: readonly string[] }

export interface Tombstone {
  readonly id: EnvelopeId
  readonly reason: LossReason
  readonly atMs: number
}

const envelope: Codec<Envelope> = struct<Envelope>({
  id: [1, envelopeId],
  urgency: [2, uint(urgencyMax)],
  expiresMs: [3, timeMs],
  sealed: [4, bytes(1, sealedBytesMax)],
})

const custody: Field<Custody> = nested(
  struct<Custody>({ mailbox: [1, device], id: [2, envelopeId], storedMs: [3, timeMs], expiresMs: [4, timeMs] }),
  128,
)

/** What is signed, and nothing else. */
export const custodyList: Codec<{ readonly taken: readonly Custody[] }> = struct<{ taken: readonly Custody[] }>({
  taken: [1, list(custody, idsPerFrameMax)],
})

const custodyReceipt: Codec<CustodyReceipt> = struct<CustodyReceipt>({
  taken: [1, list(custody, idsPerFrameMax)],
  signature: [2, bytes(64)],
})

const tombstone: Codec<Tombstone> = struct<Tombstone>({
  id: [1, envelopeId],
  reason: [2, word(['pruned', 'expired'])],
  atMs: [3, timeMs],
})

const envelopeBytesMax = sealedBytesMax + 64

export const mailboxFrame: Codec<MailboxFrame> = union<MailboxFrame>({
  deposit: [
    1,
    struct<{ mailbox: DeviceId; envelope: Envelope }>({
      mailbox: [1, device],
      envelope: [2, nested(envelope, envelopeBytesMax)],
    }),
  ],
  stored: [2, struct<{ receipt: CustodyReceipt }>({ receipt: [1, nested(custodyReceipt, frameBytesMax)] })],
  delivered: [3, struct<{ ids: readonly EnvelopeId[] }>({ ids: [1, list(envelopeId, idsPerFrameMax)] })],
  refused: [
    4,
    struct<{ id: EnvelopeId; reason: DepositRefusal; retryMs: number }>({
      id: [1, envelopeId],
      reason: [
        2,
        word(['full', 'unknown-mailbox', 'expired', 'far-future', 'too-large', 'busy', 'rate-limited', 'malformed']),
      ],
      retryMs: [3, timeMs],
    }),
  ],
  room: [5, struct<{ mailbox: DeviceId }>({ mailbox: [1, device] })],
  lost: [
    6,
    struct<{ id: EnvelopeId; reason: LossReason }>({ id: [1, envelopeId], reason: [2, word(['pruned', 'expired'])] }),
  ],
  subscribe: [7, struct<{ credit: number }>({ credit: [1, uint(pageMessagesMax)] })],
  more: [8, struct<{ credit: number }>({ credit: [1, uint(pageMessagesMax)] })],
  ack: [9, struct<{ ids: readonly EnvelopeId[] }>({ ids: [1, list(envelopeId, idsPerFrameMax)] })],
  page: [
    10,
    struct<{ envelopes: readonly Envelope[]; empty: boolean }>({
      envelopes: [1, list(nested(envelope, envelopeBytesMax), pageMessagesMax)],
      empty: [2, flag],
    }),
  ],
  tombstones: [11, struct<{ lost: readonly Tombstone[] }>({ lost: [1, list(nested(tombstone, 64), idsPerFrameMax)] })],
  'prekeys-left': [12, struct<{ left: number }>({ left: [1, uint()] })],
  closing: [13, struct<{ elsewhere: readonly string[] }>({ elsewhere: [1, list(text(addressBytesMax), relaysMax)] })],
})
