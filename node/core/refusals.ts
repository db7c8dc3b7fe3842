/** What relays refuse, and in which words that is told. */
import type { DirectoryRefusal } from '../../protocol/wire/directory.ts'
import type { DepositRefusal } from '../../protocol/wire/mailbox.ts'

/** Of our card, and no further try would mend it: only the operator or our user can. */
export type LastingRefusal = Extract<DirectoryRefusal, 'token-needed' | 'token-wrong' | 'not-admitted' | 'full'>

export const refusalWords: Readonly<Record<LastingRefusal, string>> = {
  'token-needed': 'it is private and wants to hear a token',
  'token-wrong': 'it is private and does not take the token it was told',
  'not-admitted': 'its operator gives this device no mailbox',
  full: 'it opens no new mailboxes',
}

export function isLasting(refusal: DirectoryRefusal): refusal is LastingRefusal {
  return refusal in refusalWords
}

/** What a relay says of a deposit that it does not take, in the words of `why`. */
export const depositRefusalWords: Record<DepositRefusal, string> = {
  full: 'their mailbox is full; it goes as soon as there is room',
  'unknown-mailbox': 'the relay does not serve them',
  expired: 'the relay holds it for too old: one of the clocks is wrong, and doctor may say which',
  'far-future': 'the relay holds its expiry for too far away: one of the clocks is wrong, and doctor may say which',
  'too-large': 'the relay holds it for too large',
  busy: 'the relay is busy',
  'rate-limited': 'the relay asks to slow down',
  malformed: 'the relay could not read the deposit',
}
