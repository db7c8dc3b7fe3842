/**
 * Sessions whose keys are counters: the same contract and the same refusals as the real ones, none of the arithmetic. What
 * is in them is open to checkers, which can then say of a whole network that no message key was used twice.
 *
 * @example
 * const sessions = modelSessions()
 */
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import type { Random } from '../../../protocol/crypto/random.ts'
import type {
  DecryptResult,
  EncryptResult,
  InitiateResult,
  OwnIdentity,
  PreKey,
  PreKeyBundle,
  SessionRecord,
  Sessions,
} from '../../../protocol/session/types.ts'
import {
  keyName,
  putUint32,
  readMessage,
  sum,
  writeMessage,
  type FirstPart,
  type ModelMessage,
} from './model-message.ts'

interface ModelSession {
  readonly id: string
  readonly initiated: boolean
  readonly theirIdentityKey: Uint8Array
  readonly sent: number
  /** Every counter below is received or in `skipped`. */
  readonly next: number
  readonly skipped: readonly number[]
  readonly unanswered: (Omit<FirstPart, 'identityKey'> & { readonly sinceMs: number }) | undefined
}

export interface ModelRecord extends SessionRecord {
  readonly current: ModelSession
  readonly archived: readonly ModelSession[]
  /** The key that the step which made this record used. */
  readonly opened?: string
  /** An archived session opened it. */
  readonly promoted?: boolean
  /** The step which made this record opened a session, under these keys of ours; `preKeyId` 0: without a one-time one. */
  readonly under?: { readonly signedPreKeyId: number; readonly preKeyId: number }
}

export interface ModelFaults {
  /** A planted bug: a message opens as often as it comes. */
  readonly opensTwice?: boolean
}

const archivedMax = 40
const aheadMax = 25_000
const skippedMax = 2_000
const unansweredMsMax = 30 * 86_400_000
const sharedPrivateKey = new Uint8Array(32)
const kyberPrivateKey = new Uint8Array(64)

export function modelSessions(faults: ModelFaults = {}): Sessions {
  return {
    generatePreKeys: (firstId, count, random) => generate(firstId, count, random),
    generateSignedPreKey(own, id, random, nowMs) {
      const [preKey] = generate(id, 1, random) as [PreKey]
      return { ...preKey, signature: signatureOf(own.identityKey, preKey.publicKey), createdMs: nowMs }
    },
    generateKyberPreKey(own, id, random, nowMs) {
      const publicKey = new Uint8Array(1569)
      publicKey.set(random.bytes(16), 1)
      const signature = signatureOf(own.identityKey, publicKey)
      return { id, publicKey, privateKey: kyberPrivateKey, signature, createdMs: nowMs }
    },
    verifyBundle: isGenuine,
    initiate: ({ theirIdentityKey, bundle, record, random, nowMs }) =>
      initiate(theirIdentityKey, bundle, { record: record as ModelRecord | undefined, random, nowMs }),
    encrypt: ({ own, record, plaintext, nowMs }) => encrypt(own, record as ModelRecord, plaintext, nowMs),
    decrypt: (input) => decrypt(input, faults),
    hasSession: (record, nowMs) => canSend((record as ModelRecord).current, nowMs),
    encodeRecord: () => new Uint8Array(0),
    decodeRecord: () => {
      throw new Error('the model keeps its records in memory')
    },
  }
}

function generate(firstId: number, count: number, random: Random): PreKey[] {
  const bytes = random.bytes(count * 33)
  return Array.from({ length: count }, (_, i) => ({
    id: firstId + i,
    publicKey: bytes.subarray(i * 33, (i + 1) * 33),
    privateKey: sharedPrivateKey,
  }))
}

function signatureOf(identityKey: Uint8Array, key: Uint8Array): Uint8Array {
  const signature = new Uint8Array(64)
  const hash = sum(sum(0x811c9dc5, identityKey, 0, 33), key, 0, Math.min(key.length, 64))
  putUint32(signature, 0, hash)
  return signature
}

function isGenuine(bundle: PreKeyBundle): boolean {
  const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i])
  const { identityKey, signedPreKey, signedPreKeySignature, kyberPreKey, kyberPreKeySignature } = bundle
  return (
    same(signatureOf(identityKey, signedPreKey), signedPreKeySignature) &&
    same(signatureOf(identityKey, kyberPreKey), kyberPreKeySignature)
  )
}

function initiate(
  theirs: Uint8Array,
  bundle: PreKeyBundle,
  { record, random, nowMs }: { record: ModelRecord | undefined; random: Random; nowMs: number },
): InitiateResult {
  if (bytesToHex(bundle.identityKey) !== bytesToHex(theirs)) return { ok: false, reason: 'identity-mismatch' }
  if (!isGenuine(bundle)) return { ok: false, reason: 'forged' }
  const baseKey = random.bytes(33)
  const { signedPreKeyId, kyberPreKeyId, preKeyId } = bundle
  const session: ModelSession = {
    id: bytesToHex(baseKey.subarray(0, 16)),
    initiated: true,
    theirIdentityKey: theirs,
    sent: 0,
    next: 0,
    skipped: [],
    unanswered: { signedPreKeyId, kyberPreKeyId, preKeyId: preKeyId ?? 0, baseKey, sinceMs: nowMs },
  }
  return { ok: true, record: withNew(record, session) }
}

function encrypt(own: OwnIdentity, record: ModelRecord, plaintext: Uint8Array, nowMs: number): EncryptResult {
  const { current, archived } = record
  if (!canSend(current, nowMs)) return { ok: false, reason: 'no-session' }
  const { unanswered } = current
  const type = unanswered === undefined ? 2 : 3
  const bytes = writeMessage(
    {
      type,
      session: hexToBytes(current.id),
      byInitiator: current.initiated,
      counter: current.sent,
      first: unanswered && { ...unanswered, identityKey: own.identityKey },
      plaintext,
    },
    current.theirIdentityKey,
  )
  const next: ModelRecord = { kind: 'session-record', current: { ...current, sent: current.sent + 1 }, archived }
  return { ok: true, record: next, type, bytes }
}

function decrypt(input: Parameters<Sessions['decrypt']>[0], faults: ModelFaults): DecryptResult {
  const { own, theirIdentityKey, type, bytes, preKeys } = input
  const record = input.record as ModelRecord | undefined
  const message = readMessage(bytes, own.identityKey)
  if (message === 'forged') return { ok: false, reason: 'forged' }
  if (message === undefined || message.type !== type) return { ok: false, reason: 'malformed' }
  const known = record && [record.current, ...record.archived].find((session) => session.id === message.session)
  if (record !== undefined && known !== undefined) {
    if (known.initiated === message.byInitiator) return { ok: false, reason: 'forged' }
    const received = receive(known, message, faults)
    if (typeof received === 'string') return { ok: false, reason: received }
    const others = [record.current, ...record.archived].filter((session) => session !== known)
    const promoted = known !== record.current
    const next: ModelRecord = { ...recordOf(received, others, message), ...(promoted && { promoted }) }
    return { ok: true, record: next, plaintext: message.plaintext, ...(promoted && { promoted }) }
  }
  const { first } = message
  if (first === undefined) return { ok: false, reason: 'no-session' }
  if (bytesToHex(first.identityKey) !== bytesToHex(theirIdentityKey)) return { ok: false, reason: 'identity-mismatch' }
  const { signedPreKeyId, kyberPreKeyId, preKeyId, baseKey } = first
  const mark = { signedPreKeyId, kyberPreKeyId, baseKey }
  if (preKeys.wasBaseKeyUsed(mark)) return { ok: false, reason: 'replayed-first-message' }
  const missing =
    preKeys.signedPreKey(signedPreKeyId) === undefined ||
    preKeys.kyberPreKey(kyberPreKeyId) === undefined ||
    (preKeyId !== 0 && preKeys.preKey(preKeyId) === undefined)
  if (missing) return { ok: false, reason: 'unknown-prekey' }
  const fresh: ModelSession = {
    id: message.session,
    initiated: false,
    theirIdentityKey,
    sent: 0,
    next: 0,
    skipped: [],
    unanswered: undefined,
  }
  const received = receive(fresh, message, faults)
  if (typeof received === 'string') return { ok: false, reason: received }
  const others = record === undefined ? [] : [record.current, ...record.archived]
  const used = { mark, ...(preKeyId !== 0 && { preKeyId }) }
  const opened: ModelRecord = { ...recordOf(received, others, message), under: { signedPreKeyId, preKeyId } }
  return { ok: true, record: opened, plaintext: message.plaintext, used }
}

function receive(
  session: ModelSession,
  { counter }: ModelMessage,
  { opensTwice }: ModelFaults,
): ModelSession | 'duplicate' | 'too-far-ahead' {
  if (counter < session.next) {
    if (!session.skipped.includes(counter) && opensTwice !== true) return 'duplicate'
    return { ...session, skipped: session.skipped.filter((n) => n !== counter), unanswered: undefined }
  }
  if (counter - session.next > aheadMax) return 'too-far-ahead'
  const passed = Array.from({ length: counter - session.next }, (_, i) => session.next + i)
  const skipped = passed.length === 0 ? session.skipped : [...session.skipped, ...passed].slice(-skippedMax)
  return { ...session, next: counter + 1, skipped, unanswered: undefined }
}

function recordOf(current: ModelSession, others: readonly ModelSession[], message: ModelMessage): ModelRecord {
  return { kind: 'session-record', current, archived: others.slice(0, archivedMax), opened: keyName(message) }
}

function withNew(record: ModelRecord | undefined, session: ModelSession): ModelRecord {
  const archived = record === undefined ? [] : [record.current, ...record.archived].slice(0, archivedMax)
  return { kind: 'session-record', current: session, archived }
}

function canSend({ unanswered }: ModelSession, nowMs: number): boolean {
  return unanswered === undefined || nowMs - unanswered.sinceMs <= unansweredMsMax
}
