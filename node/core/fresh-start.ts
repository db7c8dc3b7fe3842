/**
 * A session that is of no use to the other side is given up: a new one is opened, and all that waits is encrypted anew.
 *
 * They say so themselves when they cannot read what came. Whoever does not know us yet cannot: they have no card of ours
 * to answer to. The one-time key under which we wrote may be gone, because a directory gave it to another before (its
 * operator put back an old copy), or because they themselves went back to one. So a first message that a relay has handed
 * out again and again, and that nobody has ever confirmed, is taken for unread, and goes out under no one-time key at all.
 */
import { retryMsMax, retryMsMin } from '../../protocol/limits.ts'
import { backoffMs } from './backoff.ts'
import type { Draft } from './draft.ts'
import { nowhere, type Entry, type Lane } from './lane.ts'
import { recordAttempt } from './settling.ts'
import type { Contact } from './state.ts'

const retry = { minMs: retryMsMin, maxMs: retryMsMax }
/** libsignal's number for a message that also opens the session it came under. */
const opensSession = 3
/** A stranger may also have read it, and not let us in: each new session costs them a one-time key. */
const unheardMax = 5

/** Drops the session of a lane, unless that was done a moment ago. True when it did. */
export function startAfresh(lane: Lane, outcome: string, draft: Draft): boolean {
  if (draft.nowMs < lane.resetMs) return false
  lane.resets++
  lane.resetMs = draft.nowMs + backoffMs(lane.resets, retry, draft.random)
  lane.needsFreshSession = true
  for (const entry of lane.entries()) {
    recordAttempt(entry.delivery, 'direct', '', `${outcome}; opening a new session`, draft)
    const { sealedFor: _, stored: __, ...bare } = entry.delivery
    lane.update(entry, bare)
    entry.direct = undefined
    delete entry.tookMs
    delete entry.claimed
    entry.depositAt = nowhere
    entry.offerFromMs = 0
    draft.keep({ kind: 'put-delivery', delivery: bare })
  }
  return true
}

/**
 * A relay took it, or says that it handed it over, at `atMs` of whichever clock. True when it had done so before: then they
 * have collected it, or the relay has lost it.
 */
export function isUnheard(
  lane: Lane,
  entry: Entry,
  relay: string,
  atMs: number,
  contact: Contact | undefined,
): boolean {
  if (contact?.introduced !== false || entry.delivery.sealedFor?.type !== opensSession) return false
  entry.tookMs ??= new Map()
  const beforeMs = entry.tookMs.get(relay)
  entry.tookMs.set(relay, atMs)
  return beforeMs !== undefined && beforeMs !== atMs && lane.resets < unheardMax
}
