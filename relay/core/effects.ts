/** What a relay's core asks its shell to do. A send to a stream that has gone is dropped by the shell. */
import type { DirectoryFrame } from '../../protocol/wire/directory.ts'
import type { MailboxFrame } from '../../protocol/wire/mailbox.ts'
import type { RequestId, StreamId } from './inputs.ts'
import type { StoreCall } from './store-calls.ts'

export type Effect =
  | { readonly kind: 'send-mailbox-frame'; readonly stream: StreamId; readonly frame: MailboxFrame }
  | { readonly kind: 'send-directory-frame'; readonly stream: StreamId; readonly frame: DirectoryFrame }
  /** Answered by `store-answered` with the same number, always. */
  | { readonly kind: 'ask-store'; readonly request: RequestId; readonly call: StoreCall }
  /** The stream may stay silent from now on. */
  | { readonly kind: 'trust'; readonly stream: StreamId }
  /** `reason` is for logs. */
  | { readonly kind: 'close'; readonly stream: StreamId; readonly reason: string }
