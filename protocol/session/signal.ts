/**
 * Signal sessions behind the contract of `types.ts`: PQXDH and the Triple Ratchet, in libsignal's bytes.
 *
 * What comes from outside never throws: it is refused with a reason, and the record that was passed in is still good.
 *
 * @example
 * const opened = signalSessions.initiate({ own, theirIdentityKey, bundle, record: undefined, random, nowMs })
 * if (opened.ok) signalSessions.encrypt({ own, record: opened.record, plaintext, random, nowMs })
 */
import { samePublicBytes } from '../crypto/bytes.ts'
import { UsageError } from '../errors.ts'
import { verifyPreKeyBundle } from './handshake.ts'
import { messageBytesMax } from './limits.ts'
import { generateKyberPreKey, generatePreKeys, generateSignedPreKey } from './prekeys.ts'
import { decryptFirst, decryptNext, SignalRecord, withNewSession } from './record.ts'
import { canSend, encryptWithSession, initiateSession } from './session.ts'
import { decodeRecord, encodeRecord } from './storage.ts'
import type { Sessions } from './types.ts'

export { createIdentity } from './prekeys.ts'

/** Room for headers, padding and a first message around the plaintext. */
const plaintextBytesMax = messageBytesMax - 4096

export const signalSessions: Sessions = {
  generatePreKeys,
  generateSignedPreKey,
  generateKyberPreKey,

  verifyBundle: (bundle) => typeof verifyPreKeyBundle(bundle) !== 'string',

  initiate({ own, theirIdentityKey, bundle, record, random, nowMs }) {
    if (!samePublicBytes(bundle.identityKey, theirIdentityKey)) return { ok: false, reason: 'identity-mismatch' }
    const session = initiateSession(own, bundle, random, nowMs)
    if (typeof session === 'string') return { ok: false, reason: session }
    return { ok: true, record: withNewSession(record, session) }
  },

  encrypt({ own, record, plaintext, random, nowMs }) {
    if (plaintext.length > plaintextBytesMax)
      throw new UsageError(`plaintext: at most ${plaintextBytesMax} bytes; send larger things as attachments`)
    const { current, archived } = SignalRecord.open(record)
    if (!canSend(current, nowMs)) return { ok: false, reason: 'no-session' }
    const encrypted = encryptWithSession(own, current, plaintext, random)
    if (encrypted === undefined) return { ok: false, reason: 'no-session' }
    const { session, type, bytes } = encrypted
    return { ok: true, record: new SignalRecord({ current: session, archived }), type, bytes }
  },

  decrypt(input) {
    return input.type === 3 ? decryptFirst(input) : decryptNext(input)
  },

  hasSession: (record, nowMs) => canSend(SignalRecord.open(record).current, nowMs),

  encodeRecord,
  decodeRecord,
}
