/**
 * Every bound that parties must agree on or that protects one from another, in one place, each with its reason.
 * Limits of the session layer stand beside it, in `protocol/session/limits.ts`.
 */

const secondMs = 1_000
const minuteMs = 60 * secondMs
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

/** Bytes of UTF-8 in one text message: what the largest messenger allows; longer things are files. */
export const textBytesMax: number = 65_536
/** Bytes of one encoded content: a text at its limit, a card and a hundred ids beside it. */
export const contentBytesMax: number = textBytesMax + 8_192
/** Bytes of one session message: a content, PQXDH's 1.8 KiB and the ratchet's headers around it. */
export const ciphertextBytesMax: number = contentBytesMax + 4_096
/** Bytes of one sealed blob at a relay: the next bucket above a ciphertext. */
export const sealedBytesMax: number = 131_072 + 64
/** Bytes of one frame on any stream: a sealed blob and its envelope. */
export const frameBytesMax: number = sealedBytesMax + 1_024
/** One-time prekeys in one publication: a full pool and as many again, 45 bytes each. */
export const preKeysPerPublishMax = 200
/** Bytes of the token of a private relay: a long passphrase fits. */
export const relayTokenBytesMax = 128

/** Kept by a relay and retried by a sender for so long; then the sender is shown `expired`. */
export const messageLifeMs: number = 30 * dayMs
/** A relay accepts an expiry this much further in the future than its own clock allows, for skewed clocks. */
export const clockSkewMsMax: number = 2 * dayMs

/** Messages in one mailbox: the cap of the largest messenger. */
export const mailboxMessagesMax = 1_000
/** Bytes in one mailbox, so that a thousand messages at their limit cannot be parked on a small relay. */
export const mailboxBytesMax: number = 64 * 1_048_576
/** Messages a relay sends before it waits for credit or acknowledgement. */
export const pageMessagesMax = 100
/** Ids in one acknowledgement, receipt or retry request: a page, with room for a batch of receipts. */
export const idsPerFrameMax = 256

/** Urgency, most urgent first. What a full mailbox drops first has the highest number. */
export const urgency = { call: 0, voice: 1, image: 2, text: 3, receipt: 4, status: 5 } as const
export const urgencyMax = 5

/** Characters of a person's display name. */
export const nameCharactersMax = 64
/** Devices of one account: a phone, a few computers, a bot or two. Each message is encrypted once for each. */
export const devicesMax = 8
/** Relays a person lists: one may die, one may be slow, and a message still has somewhere to go. */
export const relaysMax = 3
/** Relays a person names: those listed, and as many to take the place of one that stays away. */
export const relaysNamedMax: number = 2 * relaysMax
/** Relay addresses carried in an invite: more would make the link too long to paste or scan. */
export const inviteRelaysMax = 2
/** Addresses listed for one device. */
export const addressesMax = 8
/** Bytes of one multiaddr in text. */
export const addressBytesMax = 256
/** A card is renewed well before this; contacts treat an older one as stale but still theirs. */
export const cardLifeMs: number = 180 * dayMs
/** Bytes of one signed card. */
export const cardBytesMax = 8_192

/** An invite link works for so long, once. */
export const inviteLifeMs: number = 30 * dayMs
/** Invites waiting to be used at one time. */
export const invitesMax = 1_000
/** Bytes of an invite token: unguessable. */
export const tokenLength = 16

/** One-time prekeys kept published, and the number left at which more are made. */
export const preKeysPublished = 100
export const preKeysLow = 50
/**
 * One-time prekeys given to one directory of which nothing has been heard since: whoever drains the pool, or a directory that
 * says it is empty, makes a device keep no more. Beyond it bundles go out without one.
 */
export const preKeysOutstandingMax = 2_000
/** A signed prekey is replaced after a week and its private half kept a month, the life of a message to it. */
export const signedPreKeyLifeMs: number = 7 * dayMs
export const signedPreKeyKeptMs: number = signedPreKeyLifeMs + messageLifeMs + clockSkewMsMax

/** Strangers whose first message waits for the user to accept it; and messages held from each. */
export const requestsMax = 100
export const requestMessagesMax = 20

/** A message that arrived ahead of an earlier one waits so long before it is shown with a gap. */
export const gapWaitMs: number = minuteMs
/** Messages held back per sender while an earlier one is awaited. */
export const heldMax = 2_000

/** Deposits and direct sends without an answer, per contact device, before the rest waits. */
export const inFlightMax = 64
/** A direct connection gets this head start before the recipient's relay is used. */
export const headStartMs = 500
/** And this, for what nobody waits for: a circuit takes longer to stand than a direct link, and carries all that follows. */
export const patientHeadStartMs = 2_000
/** A link that leaves a message unanswered for so long no longer carries it alone: the relay gets it too. */
export const linkPatienceMs = 2_000
/** First pause before a message is tried again; doubles, with jitter, up to the second. */
export const retryMsMin: number = 5 * secondMs
export const retryMsMax: number = 4 * hourMs
/**
 * A message stored at a relay without a delivery receipt is offered again, to the next of their relays, in case the first
 * lost it: soon at first, so that two have it, and then after so many times as long as it has waited already, within bounds.
 */
export const reofferMsMin: number = 15 * minuteMs
export const reofferMsMax: number = 6 * hourMs
export const reofferGrowth = 8
/** A request to a relay is given up after so long. */
export const requestMsMax: number = 15 * secondMs
/**
 * A stream of deposits is kept for so long after the last answer: a conversation's next message needs no new connection, and
 * keeping one alive for twice as long would cost a relay as much processor time as a new one.
 */
export const depositIdleMs: number = 5 * minuteMs
/** After a mailbox was full it is kept for longer, since the relay says on it when there is room again. */
export const depositIdleAfterFullMs: number = 10 * minuteMs
/** A stranger's stream without a complete frame is closed after so long. */
export const strangerIdleMs: number = 30 * secondMs
/** Waiting messages to one contact: beyond it `send` is refused rather than accepted and forgotten. */
export const outboxPerContactMax = 10_000
/** Routes tried that `why` remembers for one message. */
export const attemptsKeptMax = 50
/** A sign of presence is believed for so long after it was given, and no longer than that ahead, for skewed clocks. */
export const presenceAgeMsMax: number = 2 * minuteMs
