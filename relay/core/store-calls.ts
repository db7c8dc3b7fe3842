/**
 * What the rules ask of a store, and what it answers: plain values, so that they cross to a worker thread today and to a
 * database server tomorrow as they are.
 *
 * An answer means committed and synced: whatever it reports would survive a power cut. Every call may be repeated without
 * harm. The store decides what must be decided in one transaction (the cap, the pruning, which prekey goes); everything
 * else about a mailbox or a directory is the core's.
 */
import type { AccountId, DeviceId, EnvelopeId } from '../../protocol/ids.ts'
import type { SignedCard } from '../../protocol/wire/card.ts'
import type { PublicPreKey, SignedBundle } from '../../protocol/wire/directory.ts'
import type { Envelope, LossReason, Tombstone } from '../../protocol/wire/mailbox.ts'

/** Every call by name: what is asked, and what is answered. */
export interface StoreCalls {
  /** Puts an envelope into a mailbox. */
  enqueue: [ask: { readonly mailbox: DeviceId; readonly envelope: Envelope; readonly nowMs: number }, answer: Enqueued]
  /** The most urgent, then oldest envelopes that have not expired and are not in `except`; at least one if any fits. */
  page: [
    ask: {
      readonly mailbox: DeviceId
      readonly except: readonly EnvelopeId[]
      readonly countMax: number
      /** Of sealed bytes, plus `overheadBytes` for each envelope; the first one is given whatever its size. */
      readonly bytesMax: number
      readonly overheadBytes: number
      readonly nowMs: number
    },
    answer: { readonly envelopes: readonly Envelope[]; readonly more: boolean },
  ]
  /** Deletes envelopes and tombstones of one mailbox; ids it does not know are ignored. `storedMs`: since when they waited. */
  ack: [
    ask: { readonly mailbox: DeviceId; readonly ids: readonly EnvelopeId[] },
    answer: { readonly deleted: number; readonly storedMs: readonly number[] },
  ]
  /** The oldest tombstones that are not in `except`. */
  tombstones: [
    ask: { readonly mailbox: DeviceId; readonly except: readonly EnvelopeId[]; readonly countMax: number },
    answer: { readonly lost: readonly Tombstone[]; readonly more: boolean },
  ]
  /** Keeps a device's card and bundle, and adds one-time prekeys that were neither held nor handed out before. */
  publish: [ask: Publication, answer: Published]
  'find-card': [ask: { readonly account: AccountId }, answer: { readonly card: SignedCard | undefined }]
  /** A device's bundle; with `spend`, also a one-time prekey that nobody else will ever be given. */
  'take-prekey': [ask: { readonly device: DeviceId; readonly spend: boolean }, answer: Taken]
  'count-prekeys': [ask: { readonly device: DeviceId }, answer: { readonly published: boolean; readonly left: number }]
  /** Drops at most `countMax` expired envelopes, each leaving a tombstone, and then what nobody can want any more. */
  sweep: [
    ask: { readonly nowMs: number; readonly countMax: number },
    answer: {
      readonly lost: readonly LostEnvelope[]
      readonly more: boolean
      /** How often bounds were met since the last sweep that nobody is told of otherwise. */
      readonly reached: ReadonlyMap<QuietLimit, number>
    },
  ]
  census: [ask: { readonly nowMs: number }, answer: Census]
}

/** Bounds at which a store forgets something, and refuses nobody. */
export type QuietLimit = 'tombstonesMax' | 'preKeysTakenKeptMax' | 'mailboxIdleMsMax'

export type StoreOp = keyof StoreCalls
export type Ask<O extends StoreOp> = StoreCalls[O][0]
export type Answer<O extends StoreOp> = StoreCalls[O][1]

/** One call as a value. */
export type StoreCall = { readonly [O in StoreOp]: { readonly op: O } & Ask<O> }[StoreOp]

/** Why a call was not carried out; nothing was changed. `busy`: too many wait; `failed`: this machine's fault. */
export type StoreRefusal = 'busy' | 'failed'

/** The outcome of one call as a value. */
export type StoreOutcome =
  | { readonly [O in StoreOp]: { readonly ok: true; readonly op: O; readonly answer: Answer<O> } }[StoreOp]
  | { readonly ok: false; readonly reason: StoreRefusal }

export type Enqueued =
  /** Kept; `pruned` were less urgent and made way, each leaving a tombstone. */
  | {
      readonly state: 'stored'
      readonly storedMs: number
      readonly expiresMs: number
      readonly pruned: readonly EnvelopeId[]
    }
  /** An envelope of this id was there already; these are its times. */
  | { readonly state: 'duplicate'; readonly storedMs: number; readonly expiresMs: number }
  /** The mailbox, by the bound that is in the way. */
  | { readonly state: 'full'; readonly limit: 'mailboxMessagesMax' | 'mailboxBytesMax' }
  /** `crowded`: the whole relay. */
  | { readonly state: 'crowded' | 'unknown-mailbox' }

export interface Publication {
  readonly device: DeviceId
  readonly account: AccountId
  readonly version: number
  readonly revision: number
  readonly card: SignedCard
  readonly bundle: SignedBundle
  readonly preKeys: readonly PublicPreKey[]
  readonly nowMs: number
}

export type Published =
  /** So many one-time prekeys are held now. */
  | { readonly state: 'published'; readonly left: number }
  /** `stale`: a higher version or revision is held; `full`: no new mailbox can be opened. */
  | { readonly state: 'stale' | 'full' }

export type Taken =
  | {
      readonly state: 'taken'
      readonly bundle: SignedBundle
      readonly preKey: PublicPreKey | undefined
      readonly left: number
    }
  | { readonly state: 'not-found' }

export interface LostEnvelope {
  readonly mailbox: DeviceId
  readonly id: EnvelopeId
  readonly reason: LossReason
}

/** A day, a week and thirty days: a device publishes each time it connects. */
export const activeWithinMs: readonly number[] = [1, 7, 30].map((days) => days * 86_400_000)

/** What a store holds, for an operator. */
export interface Census {
  readonly mailboxes: number
  readonly messages: number
  readonly messageBytes: number
  /** Messages of each urgency, the most urgent first. */
  readonly byUrgency: readonly number[]
  /** When the oldest waiting message was stored; undefined when none waits. */
  readonly oldestMs: number | undefined
  readonly tombstones: number
  readonly preKeys: number
  readonly cards: number
  /** Devices that have published within each of `activeWithinMs`. */
  readonly active: readonly number[]
  /** Bytes of the store's files. */
  readonly diskBytes: number
}
