/**
 * What becomes of a message: moves its state, records how, and tells the user. A message's state only rises; it is
 * `delivered` when the first device of its recipient has it.
 */

import { isoTime, type Draft } from './draft.ts'
import type { Delivery, Message, MessageState, Route } from './state.ts'

/** Which message; a receipt or a card has none, and nothing is told of it. */
type Ref = Pick<Delivery, 'account' | 'messageId'>

const rank: Record<MessageState, number> = {
  queued: 0,
  stored: 1,
  expired: 2,
  delivered: 3,
  read: 4,
  held: -1,
  shown: -1,
  seen: -1,
}

/** Raises an outgoing message's state and tells; does nothing when it stands higher already or is not a message. */
export function raise(
  delivery: Ref,
  state: 'stored' | 'delivered' | 'read' | 'expired',
  by: Route,
  draft: Draft,
): void {
  const message = draft.message(delivery.account, true, delivery.messageId)
  if (message === undefined || rank[message.state] >= rank[state]) return
  draft.putMessage({ ...settled(message), state })
  const tell = (reached: typeof state): void =>
    draft.tell({
      type: 'status',
      id: message.id,
      conversation: message.conversation,
      to: draft.contact(message.conversation)?.name ?? message.conversation,
      state: reached,
      at: isoTime(draft.nowMs),
      ...(reached === 'expired' ? {} : { via: by === 'direct' ? 'direct' : 'relay' }),
    })
  // One receipt may say both, and programs wait for either.
  if (state === 'read' && rank[message.state] < rank.delivered) tell('delivered')
  tell(state)
}

/** Says why a message is still here, once for each new reason. */
export function markWaiting(delivery: Ref, reason: string, draft: Draft): void {
  const message = draft.message(delivery.account, true, delivery.messageId)
  if (message === undefined || message.state !== 'queued' || message.waiting === reason) return
  draft.putMessage({ ...message, waiting: reason })
  draft.tell({
    type: 'status',
    id: message.id,
    conversation: message.conversation,
    to: draft.contact(message.conversation)?.name ?? message.conversation,
    state: 'queued',
    at: isoTime(draft.nowMs),
    reason,
  })
}

/** A line for `why`. */
export function recordAttempt(delivery: Delivery, route: Route, via: string, outcome: string, draft: Draft): void {
  if (delivery.seq === 0) return // Nobody asks after a receipt.
  draft.keep({
    kind: 'add-attempt',
    attempt: { messageId: delivery.messageId, device: delivery.device, atMs: draft.nowMs, route, via, outcome },
  })
}

function settled(message: Message): Message {
  const { waiting: _, ...rest } = message
  return rest
}
