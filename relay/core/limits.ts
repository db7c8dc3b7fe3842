/**
 * Every bound a relay sets for its own protection, with its reason. What parties must agree on stands in
 * `protocol/limits.ts`; these are an operator's to change.
 */
import {
  cardLifeMs,
  clockSkewMsMax,
  mailboxBytesMax,
  mailboxMessagesMax,
  sealedBytesMax,
} from '../../protocol/limits.ts'

/** A token bucket: so many at once, and then so many a second. */
export interface Rate {
  readonly burst: number
  readonly perSecond: number
}

export interface RelayLimits {
  /** Devices with a mailbox here. Making a device key is free, so this is what bounds the disk a crowd can claim. */
  readonly mailboxesMax: number
  /** Messages waiting in one mailbox. */
  readonly mailboxMessagesMax: number
  /** Bytes waiting in one mailbox. */
  readonly mailboxBytesMax: number
  /** Bytes waiting in all mailboxes together: the disk an operator gives. Beyond it deposits are told `busy`. */
  readonly relayBytesMax: number
  /** Bytes of one sealed envelope; an operator may take less than the protocol allows. */
  readonly sealedBytesMax: number
  /** Tombstones kept for one mailbox; the oldest go first. Senders know their own expiries, so forgetting one is safe. */
  readonly tombstonesMax: number
  /** One-time prekeys kept for one device: twice what a device publishes. */
  readonly preKeysKeptMax: number
  /** Ids of prekeys already handed out that are remembered, so that a late publication does not bring one back. */
  readonly preKeysTakenKeptMax: number
  /** A mailbox whose device has not published for so long is given up: its card has run out. */
  readonly mailboxIdleMsMax: number

  /** Envelopes on their way to one subscriber without an acknowledgement, whatever credit it gives. */
  readonly inFlightMessagesMax: number
  /** Bytes of them: well below what a stream may leave unread before it is cut. */
  readonly inFlightBytesMax: number
  /** How long a deposit handed to a recipient who is there may wait for their acknowledgement before it is stored; 0: not. */
  readonly handOverMsMax: number
  /** Requests of one stream that the store has not answered yet. */
  readonly pendingPerStreamMax: number
  /** Requests of all streams that the store has not answered yet; beyond it the answer is `busy`. */
  readonly pendingMax: number
  /** Bytes of envelopes among them. */
  readonly pendingBytesMax: number
  /** Streams that wait for room in one mailbox, and mailboxes with such streams. */
  readonly waitersPerMailboxMax: number
  readonly mailboxesAwaitedMax: number
  /** Deposits remembered together with their stream, so that the depositor can be told of a loss. */
  readonly depositorsMax: number
  /** Devices whose prekey hand-outs are being counted; the longest untouched is forgotten first. */
  readonly takenDevicesMax: number

  /** Deposits of one connection: a sender coming back online empties its outbox at once, then slows down. */
  readonly deposits: Rate
  /** Bytes of them: a burst of a full mailbox, then a few images a second. */
  readonly depositBytes: Rate
  /** Subscriptions of one connection: one, and a few when a stream breaks. */
  readonly subscriptions: Rate
  /** Ids acknowledged on one connection: several full mailboxes at once, then faster than they can be filled again. */
  readonly acknowledgements: Rate
  /** Publications of one connection: one a device and a few retries. Each costs a few signature checks and a sync. */
  readonly publications: Rate
  /** Look-ups of cards by one connection. */
  readonly cardLookups: Rate
  /** Bundles taken by one connection: joining a large group takes hundreds; draining pools takes more. */
  readonly bundlesPerAsker: Rate
  /** One-time prekeys of one device handed out, whoever asks. Beyond it bundles go out without one. */
  readonly preKeysPerOwner: Rate

  /** How often expired messages are looked for. An expired one is never delivered, swept or not. */
  readonly sweepEveryMs: number
  /** Rows touched by one sweep transaction: it shares the disk with deposits, which must not notice. */
  readonly sweepRowsMax: number
  /** What a refused depositor is told to wait when the relay is busy. */
  readonly busyRetryMs: number
}

export const relayLimits: RelayLimits = {
  mailboxesMax: 10_000,
  mailboxMessagesMax,
  mailboxBytesMax,
  relayBytesMax: 10 * 1_073_741_824,
  sealedBytesMax,
  tombstonesMax: 1_000,
  preKeysKeptMax: 200,
  preKeysTakenKeptMax: 2_000,
  mailboxIdleMsMax: cardLifeMs + clockSkewMsMax,
  inFlightMessagesMax: 256,
  inFlightBytesMax: 2 * 1_048_576,
  handOverMsMax: 50,
  pendingPerStreamMax: 128,
  pendingMax: 20_000,
  pendingBytesMax: 64 * 1_048_576,
  waitersPerMailboxMax: 64,
  mailboxesAwaitedMax: 10_000,
  depositorsMax: 50_000,
  takenDevicesMax: 50_000,
  deposits: { burst: 2_000, perSecond: 200 },
  depositBytes: { burst: mailboxBytesMax, perSecond: 4 * 1_048_576 },
  subscriptions: { burst: 20, perSecond: 0.5 },
  acknowledgements: { burst: 10_000, perSecond: 1_000 },
  publications: { burst: 20, perSecond: 0.1 },
  cardLookups: { burst: 200, perSecond: 5 },
  bundlesPerAsker: { burst: 200, perSecond: 2 },
  preKeysPerOwner: { burst: 60, perSecond: 0.2 },
  sweepEveryMs: 60_000,
  sweepRowsMax: 500,
  busyRetryMs: 1_000,
}
