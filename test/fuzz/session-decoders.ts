/** Every decoder of the session layer on bytes nobody made: it answers, and what it accepts is what it would write. */
import {
  decodeDistribution,
  decodeSenderKeyMessage,
  encodeDistribution,
} from '../../protocol/group/sender-key-message.ts'
import {
  decodePreKeySignalMessage,
  decodeSignalMessage,
  encodePreKeySignalMessage,
} from '../../protocol/session/messages.ts'
import { decodeRecord, encodeRecord } from '../../protocol/session/storage.ts'
import { decodePqMessage, encodePqMessage } from '../../protocol/session/spqr/message.ts'
import { isSameScan } from '../../protocol/session/fingerprint.ts'
import { LocalError } from '../../protocol/errors.ts'

export function decodeEverything(bytes: Uint8Array): void {
  decodeSignalMessage(bytes)
  decodeSenderKeyMessage(bytes)
  isSameScan(bytes, bytes)
  const first = decodePreKeySignalMessage(bytes)
  if (typeof first !== 'string') {
    const again = decodePreKeySignalMessage(encodePreKeySignalMessage(first))
    if (typeof again === 'string' || again.message.length !== first.message.length)
      throw new Error('a first message does not survive its own encoding')
  }
  const distribution = decodeDistribution(bytes)
  if (typeof distribution !== 'string' && typeof decodeDistribution(encodeDistribution(distribution)) === 'string')
    throw new Error('a distribution does not survive its own encoding')
  const pq = decodePqMessage(bytes)
  if (pq !== undefined && !Buffer.from(encodePqMessage(pq)).equals(bytes))
    throw new Error('a post-quantum message has two encodings')
  decodeStored(bytes)
}

/** A damaged store is our own fault and says so; it is never taken for a record. */
function decodeStored(bytes: Uint8Array): void {
  try {
    encodeRecord(decodeRecord(bytes))
  } catch (error) {
    if (!(error instanceof LocalError)) throw error
  }
}
