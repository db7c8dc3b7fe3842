/**
 * Whoever counts what a relay does. Told of every frame and every answer of the store as they pass, synchronously, so it
 * must be cheap; it changes nothing, and nothing it is given names anybody it may keep.
 */
import type { DirectoryFrame } from '../../protocol/wire/directory.ts'
import type { MailboxFrame } from '../../protocol/wire/mailbox.ts'
import type { StoreOp, StoreOutcome } from '../core/store-calls.ts'

export type ServedFrame = MailboxFrame | DirectoryFrame

export interface Observer {
  frameReceived(frame: ServedFrame): void
  frameSent(frame: ServedFrame): void
  storeAnswered(op: StoreOp, outcome: StoreOutcome, tookMs: number): void
  /** Someone was let in no further than the door. */
  turnedAway(why: TurnedAway): void
}

/** By whom: the limit that was reached, or the operator's list. */
export type TurnedAway = (typeof turnedAway)[number] | 'denied'

const turnedAway = [
  'connectionsMax',
  'connectionsPerAddressMax',
  'connectionsPerAddressPerSecond',
  'connectionsPerPeerMax',
  'handshakesMax',
  'handshakeMsMax',
] as const

export function isTurnedAway(limit: string): limit is (typeof turnedAway)[number] {
  return turnedAway.some((one) => one === limit)
}
