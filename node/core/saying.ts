/** What the user says and has seen: a text is accepted or refused with a reason; what was shown is forgotten and receipted. */
import { utf8Bytes } from '../../protocol/crypto/bytes.ts'
import type { AccountId, MessageId } from '../../protocol/ids.ts'
import { messageLifeMs, outboxPerContactMax, textBytesMax } from '../../protocol/limits.ts'
import { body as bodyCodec } from '../../protocol/wire/content.ts'
import type { Draft } from './draft.ts'
import type { Outbox } from './outbox.ts'
import type { Receipts } from './receipts.ts'
import type { Contact } from './state.ts'

/** Accepts a text for a contact: from the commit on, it ends delivered or the user is told otherwise. */
export function sayText(
  { request, to, text }: { readonly request: number; readonly to: AccountId; readonly text: string },
  outbox: Outbox,
  draft: Draft,
): void {
  const contact = draft.contact(to)
  if (contact === undefined) return draft.refuse(request, 'unknown-contact', 'no such contact')
  if (!mayWriteTo(request, contact, draft)) return
  if (text.length === 0) return draft.refuse(request, 'empty', 'a message needs at least one character')
  const bytes = utf8Bytes(text).length
  if (bytes > textBytesMax) {
    return draft.refuse(request, 'too-long', `a text is at most ${textBytesMax} bytes; this one is ${bytes}`)
  }
  const body = bodyCodec.encode({ kind: 'text', text })
  if (outbox.waitingFor(contact) >= outboxPerContactMax) {
    return draft.refuse(request, 'outbox-full', `${outboxPerContactMax} messages to ${contact.name} wait already`)
  }
  const id = draft.newMessageId()
  outbox.submit(
    draft.putContact({ ...contact, nextSeq: contact.nextSeq + 1 }),
    {
      id,
      conversation: to,
      outgoing: true,
      body,
      seq: contact.nextSeq,
      sentMs: draft.nowMs,
      expiresMs: draft.nowMs + messageLifeMs,
      state: 'queued',
      position: draft.counters.nextPosition(),
    },
    draft,
  )
  draft.answer(request, { ok: true, kind: 'submitted', id })
}

/** Every event up to `upTo` was shown: the messages among them are read. */
export function eventsShown(request: number, upTo: number, receipts: Receipts, draft: Draft): void {
  for (let after = 0; ;) {
    const page = draft.reads.events(after, 500)
    for (const { seq, event } of page) {
      if (seq <= upTo && event.type === 'message') messageSeen(event.conversation, event.id, receipts, draft)
    }
    const last = page.at(-1)?.seq
    if (last === undefined || last >= upTo) break
    after = last
  }
  draft.keep({ kind: 'drop-events', upTo })
  draft.answer(request, { ok: true, kind: 'done' })
}

function messageSeen(conversation: AccountId, id: MessageId, receipts: Receipts, draft: Draft): void {
  const message = draft.message(conversation, false, id)
  if (message?.state !== 'shown') return
  draft.putMessage({ ...message, state: 'seen' })
  receipts.owe(conversation, id, 'read', draft)
}

function mayWriteTo(request: number, contact: Contact, draft: Draft): boolean {
  if (contact.state === 'blocked') {
    draft.refuse(request, 'blocked', `${contact.name} is blocked: accept them first`)
    return false
  }
  if (contact.state === 'requested') {
    draft.refuse(request, 'not-accepted', `${contact.name} asked to be let in: accept them first`)
    return false
  }
  return true
}
