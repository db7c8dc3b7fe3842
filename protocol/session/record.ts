/**
 * Session selection (Sesame section 3, as libsignal does it): which of the current and archived sessions with a
 * device a message belongs to, and which one speaks afterwards.
 */
import { samePublicBytes } from '../crypto/bytes.ts'
import type { Random } from '../crypto/random.ts'
import { UsageError } from '../errors.ts'
import type { Work } from './chain.ts'
import { knowsChain } from './double-ratchet.ts'
import { archivedKeysMax, archivedSessionsMax, stepsPerMessageMax } from './limits.ts'
import { decodePreKeySignalMessage, decodeSignalMessage } from './messages.ts'
import type { PreKeySignalMessage, SignalMessage } from './messages.ts'
import { decryptWithSession, isOpenedBy, respondToFirst } from './session.ts'
import type { Session } from './session.ts'
import type { DecryptFailure, DecryptResult, OwnIdentity, PreKeyReads, SessionRecord } from './types.ts'

export interface Sessions {
  readonly current: Session
  /** Newest first. */
  readonly archived: readonly Session[]
}

/** The opaque value callers hold. What is inside does not print. */
export class SignalRecord implements SessionRecord {
  readonly kind = 'session-record'
  readonly #sessions: Sessions

  constructor(sessions: Sessions) {
    this.#sessions = sessions
  }

  static open(record: SessionRecord): Sessions {
    if (!(record instanceof SignalRecord))
      throw new UsageError('not a record of this session layer: pass one that it returned or decoded')
    return record.#sessions
  }
}

/** Makes `session` the current one; the one before is archived and the oldest beyond the limit is let go. */
export function withNewSession(record: SessionRecord | undefined, session: Session): SignalRecord {
  if (record === undefined) return new SignalRecord({ current: session, archived: [] })
  const { current, archived } = SignalRecord.open(record)
  return new SignalRecord({ current: session, archived: withinBounds([current, ...archived]) })
}

/** Newest first, as they are given: the oldest lose their keys for late messages, and then their place. */
function withinBounds(sessions: readonly Session[]): readonly Session[] {
  let room = archivedKeysMax
  return sessions.slice(0, archivedSessionsMax).map((session) => {
    room -= lateKeysIn(session)
    return room >= 0 ? session : withoutLateKeys(session)
  })
}

function lateKeysIn({ ratchet: { classical, postQuantum } }: Session): number {
  const kept = [...classical.theirChains, ...postQuantum.schedule.epochs]
  return kept.reduce((sum, { skipped }) => sum + skipped.length, 0)
}

function withoutLateKeys(session: Session): Session {
  const { classical, postQuantum } = session.ratchet
  const { schedule } = postQuantum
  const theirChains = classical.theirChains.map((their) => ({ ...their, skipped: [] }))
  const epochs = schedule.epochs.map((chains) => ({ ...chains, skipped: [] }))
  return {
    ...session,
    ratchet: {
      classical: { ...classical, theirChains },
      postQuantum: { ...postQuantum, schedule: { ...schedule, epochs } },
    },
  }
}

export interface Incoming {
  readonly own: OwnIdentity
  readonly theirIdentityKey: Uint8Array
  readonly record: SessionRecord | undefined
  readonly bytes: Uint8Array
  readonly preKeys: PreKeyReads
  readonly random: Random
}

/** A `SignalMessage`: some session we hold. */
export function decryptNext(incoming: Incoming): DecryptResult {
  const message = decodeSignalMessage(incoming.bytes)
  if (typeof message === 'string') return refused(message)
  if (incoming.record === undefined) return refused('no-session')
  const held = SignalRecord.open(incoming.record)
  const all = [held.current, ...held.archived]
  const candidates = all.filter((session) => samePublicBytes(session.theirIdentityKey, incoming.theirIdentityKey))
  if (candidates.length === 0) return refused('identity-mismatch')
  const work: Work = { stepsLeft: stepsPerMessageMax }
  let reason: DecryptFailure | undefined
  for (const session of inOrderOfTrial(candidates, message)) {
    const decrypted = decryptWithSession(incoming.own, session, message, work, incoming.random)
    if (decrypted.ok) return accepted(held, session, decrypted.session, decrypted.plaintext)
    reason ??= decrypted.reason
  }
  return refused(reason ?? 'no-session')
}

/** A session that has seen the ratchet key is the one, which spares every other an agreement; else newest first. */
function inOrderOfTrial(sessions: readonly Session[], message: SignalMessage): readonly Session[] {
  const known = sessions.find((session) => knowsChain(session.ratchet.classical, message.ratchetKey))
  return known === undefined ? sessions : [known]
}

function accepted(held: Sessions, before: Session, after: Session, plaintext: Uint8Array): DecryptResult {
  if (before === held.current)
    return { ok: true, plaintext, record: new SignalRecord({ current: after, archived: held.archived }) }
  const archived = withinBounds([held.current, ...held.archived.filter((session) => session !== before)])
  return { ok: true, plaintext, promoted: true, record: new SignalRecord({ current: after, archived }) }
}

/** A `PreKeySignalMessage`: the session its base key names, or a new one. */
export function decryptFirst(incoming: Incoming): DecryptResult {
  const first = decodePreKeySignalMessage(incoming.bytes)
  if (typeof first === 'string') return refused(first)
  if (!samePublicBytes(first.identityKey, incoming.theirIdentityKey)) return refused('identity-mismatch')
  const inner = decodeSignalMessage(first.message)
  if (typeof inner === 'string') return refused(inner)
  return decryptInHeldSession(incoming, first, inner) ?? decryptInNewSession(incoming, first, inner)
}

/** The same first message again, or another one before our answer arrived: no second handshake. */
function decryptInHeldSession(
  incoming: Incoming,
  first: PreKeySignalMessage,
  inner: SignalMessage,
): DecryptResult | undefined {
  if (incoming.record === undefined) return undefined
  const held = SignalRecord.open(incoming.record)
  const session = [held.current, ...held.archived].find(
    (one) => isOpenedBy(one, first.baseKey) && samePublicBytes(one.theirIdentityKey, first.identityKey),
  )
  if (session === undefined) return undefined
  const work: Work = { stepsLeft: stepsPerMessageMax }
  const decrypted = decryptWithSession(incoming.own, session, inner, work, incoming.random)
  return decrypted.ok ? accepted(held, session, decrypted.session, decrypted.plaintext) : refused(decrypted.reason)
}

function decryptInNewSession(incoming: Incoming, first: PreKeySignalMessage, inner: SignalMessage): DecryptResult {
  const responded = respondToFirst(incoming.own, first, incoming.preKeys)
  if (typeof responded === 'string') return refused(responded)
  const work: Work = { stepsLeft: stepsPerMessageMax }
  const decrypted = decryptWithSession(incoming.own, responded.session, inner, work, incoming.random)
  if (!decrypted.ok) return refused(decrypted.reason)
  const { preKeyId } = first
  return {
    ok: true,
    plaintext: decrypted.plaintext,
    record: withNewSession(incoming.record, decrypted.session),
    used: preKeyId === undefined ? { mark: responded.mark } : { preKeyId, mark: responded.mark },
  }
}

function refused(reason: DecryptFailure): DecryptResult {
  return { ok: false, reason }
}
