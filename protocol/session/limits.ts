/**
 * Every bound of the session layer, each with its reason. Those that both sides must share are libsignal's values: a
 * smaller one here would lose messages that its peers consider deliverable.
 */

/**
 * How far one message may run ahead in its chain. libsignal's value; a sender offline to us for months stays below
 * it, and deriving that many keys costs about 50 ms.
 */
export const forwardJumpMax = 25_000

/** Message keys kept for late messages, per chain. libsignal's value: 64 KB a chain at most. */
export const skippedKeysMax = 2_000

/** Receiving chains kept per session, so that messages of earlier turns can still arrive. libsignal's value. */
export const receivingChainsMax = 5

/**
 * Sessions kept behind the current one. libsignal's value: simultaneous openings and reinstallations rarely pass
 * three.
 */
export const archivedSessionsMax = 40

/**
 * Message keys kept for late messages in all archived sessions of a record together, of both ratchets. Ours: without it a
 * peer could make a record of 20 MB, which is written anew with every message. What is too late then is asked for again.
 */
export const archivedKeysMax: number = 10 * skippedKeysMax

/**
 * Chain steps one incoming message may cause over all sessions of a record: the longest legal jump in both ratchets
 * of one session (25,000 and 25,000), twice. Without it a forged counter would cost that much for each of 41
 * sessions.
 */
export const stepsPerMessageMax: number = 4 * forwardJumpMax

/**
 * How long a session that was opened and never answered may go on sending. libsignal's value: signed prekeys are gone
 * from a device after about as long, so the first message could not be opened any more.
 */
export const unansweredMsMax: number = 30 * 24 * 60 * 60 * 1000

/**
 * Largest message taken or made, in bytes. Text and control messages are far below; larger things travel as
 * attachments.
 */
export const messageBytesMax = 1_048_576

/** Registration ids are 14 bits, without the values libsignal reserves. */
export const registrationIdMax = 16_380

/** Largest prekey id: libsignal's identifiers are unsigned 32-bit on the wire and 24-bit by convention. */
export const prekeyIdMax = 0xff_ffff

/**
 * Sender keys kept per sender and distribution, so that messages from before a rotation can still arrive. libsignal's
 * value.
 */
export const senderKeyStatesMax = 5
