/** How long to leave one of our relays alone after its link was lost: by what it said, and by how often it was tried since. */
import type { Random } from '../../protocol/crypto/random.ts'
import { backoffInStagesMs } from './backoff.ts'
import type { LastingRefusal } from './refusals.ts'

/** For the better part of an hour. */
const soon = { minMs: 500, maxMs: 10_000, triesMax: 300 }
/** It said that it ends: it will not be back within a moment, and all its people would come at once. */
const closed = { minMs: 8_000, maxMs: 60_000, triesMax: 50 }
/** It keeps nothing for us and hangs up on the silent: only its operator or our user can change that. */
const refusing = { minMs: 120_000, maxMs: 120_000, triesMax: 50 }
/** Then it is no restart. */
const longAway = { minMs: 10_000, maxMs: 120_000 }

export interface Said {
  /** It is about to end, and where else its people could go. */
  closing?: readonly string[]
  /** Why it did not take our card, until it does. */
  refused?: LastingRefusal
}

export function reconnectMs(failures: number, { closing, refused }: Said, random: Random): number {
  const pauses = closing !== undefined ? closed : refused !== undefined ? refusing : soon
  return backoffInStagesMs(failures, pauses, longAway, random)
}
