/** What a relay may refuse our card for that no further try would mend: only its operator or our user can. */
import type { DirectoryRefusal } from '../../protocol/wire/directory.ts'

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
