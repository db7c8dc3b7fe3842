/**
 * Frames between two devices on a direct link (`/linnet/direct/1`). The link has proved who is at the other end, so frames
 * carry no sender and no padding.
 */
import { bytes, envelopeId, list, messageType, word } from '../codec/fields.ts'
import { struct, union, type Codec } from '../codec/schema.ts'
import { ciphertextBytesMax, idsPerFrameMax } from '../limits.ts'
import type { EnvelopeId } from '../ids.ts'
import type { MessageType } from '../session/types.ts'

export const directProtocol = '/linnet/direct/1'

/** Why a device would not take a message. `undecryptable`: encrypt it anew; `refused`: not from you; `busy`: later. */
export type DirectRefusal = 'undecryptable' | 'refused' | 'busy'

export type DirectFrame =
  /** A session message. Answered by `ack` once it is kept, or by `refuse`. */
  | { readonly kind: 'message'; readonly id: EnvelopeId; readonly type: MessageType; readonly ciphertext: Uint8Array }
  /** These are on the recipient's disk: delivered. */
  | { readonly kind: 'ack'; readonly ids: readonly EnvelopeId[] }
  | { readonly kind: 'refuse'; readonly id: EnvelopeId; readonly reason: DirectRefusal }

export const directFrame: Codec<DirectFrame> = union<DirectFrame>({
  message: [
    1,
    struct<Omit<Extract<DirectFrame, { kind: 'message' }>, 'kind'>>({
      id: [1, envelopeId],
      type: [2, messageType],
      ciphertext: [3, bytes(1, ciphertextBytesMax)],
    }),
  ],
  ack: [2, struct<{ ids: readonly EnvelopeId[] }>({ ids: [1, list(envelopeId, idsPerFrameMax)] })],
  refuse: [
    3,
    struct<{ id: EnvelopeId; reason: DirectRefusal }>({
      id: [1, envelopeId],
      reason: [2, word(['undecryptable', 'refused', 'busy'])],
    }),
  ],
})
