/** What the methods of a node answer: the result, or whose fault it was and what to do. */
import type { MessageId } from '../../protocol/ids.ts'
import type { Contact } from './state.ts'

export type Answer =
  | { readonly ok: true; readonly kind: 'submitted'; readonly id: MessageId }
  | { readonly ok: true; readonly kind: 'invited'; readonly link: string }
  | { readonly ok: true; readonly kind: 'contact'; readonly contact: Contact }
  | { readonly ok: true; readonly kind: 'done' }
  | { readonly ok: false; readonly reason: Refusal; readonly message: string }

/** Stable words a program can act on; the sentence beside it is for people. */
export type Refusal =
  | 'unknown-contact'
  | 'not-accepted'
  | 'blocked'
  | 'own-invite'
  | 'invalid-invite'
  | 'name-taken'
  | 'invalid-name'
  | 'empty'
  | 'too-long'
  | 'outbox-full'
  | 'too-many-invites'
  | 'too-many-relays'
  | 'invalid-relay'
  | 'no-route-in'
  | 'no-card'
