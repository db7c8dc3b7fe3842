/**
 * What one person's device says to another's, inside the encryption. Nobody in between sees any of it.
 */
import { bytes, envelopeId, list, messageId, nested, text, timeMs, uint, word } from '../codec/fields.ts'
import { struct, union, type Codec } from '../codec/schema.ts'
import { cardBytesMax, contentBytesMax, idsPerFrameMax, textBytesMax, tokenLength } from '../limits.ts'
import type { EnvelopeId, MessageId } from '../ids.ts'
import { signedCard, type SignedCard } from './card.ts'

/** Sent along until the other side is known to have us as a contact. */
export interface Introduction {
  readonly card: SignedCard
  /** From the invite; absent, the message asks to be let in. */
  readonly token?: Uint8Array
}

export interface Content {
  readonly id: MessageId
  readonly sentMs: number
  /** Position in the sender's side of this conversation, from 1; 0 in what takes no place in it (receipts, cards). */
  readonly seq: number
  /** Lowest position not yet settled (delivered or expired) when this was encrypted: nothing below is still to come. */
  readonly floor: number
  readonly introduction?: Introduction
  /** An encoded `Body`. Kept as bytes, so that a kind this version does not know survives to be shown by a newer one. */
  readonly body: Uint8Array
}

/** The one thing a content says. */
export type Body =
  | { readonly kind: 'hello' }
  | { readonly kind: 'text'; readonly text: string }
  /** Their device has these messages (`delivered`), or their person has seen them (`read`). */
  | { readonly kind: 'receipt'; readonly state: ReceiptState; readonly ids: readonly MessageId[] }
  /** These envelopes could not be decrypted; what they held should be encrypted anew. */
  | { readonly kind: 'retry'; readonly ids: readonly EnvelopeId[] }
  | { readonly kind: 'card'; readonly card: SignedCard }

export type ReceiptState = 'delivered' | 'read'

const introduction: Codec<Introduction> = struct<Introduction>({
  card: [1, nested(signedCard, cardBytesMax + 128)],
  token: [2, bytes(tokenLength), 'optional'],
})

export const content: Codec<Content> = struct<Content>({
  id: [1, messageId],
  sentMs: [2, timeMs],
  seq: [3, uint()],
  floor: [4, uint()],
  introduction: [5, nested(introduction, cardBytesMax + 256), 'optional'],
  body: [6, bytes(1, contentBytesMax)],
})

export const body: Codec<Body> = union<Body>({
  hello: [1, struct<object>({})],
  text: [2, struct<{ text: string }>({ text: [1, text(textBytesMax)] })],
  receipt: [
    3,
    struct<{ state: ReceiptState; ids: readonly MessageId[] }>({
      state: [1, word(['delivered', 'read'])],
      ids: [2, list(messageId, idsPerFrameMax)],
    }),
  ],
  retry: [4, struct<{ ids: readonly EnvelopeId[] }>({ ids: [1, list(envelopeId, idsPerFrameMax)] })],
  card: [5, struct<{ card: SignedCard }>({ card: [1, nested(signedCard, cardBytesMax + 128)] })],
})
