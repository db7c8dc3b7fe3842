/**
 * The stored form of a record: our own, versioned, private to this device. A session is a value, so the bytes of one
 * that has not changed are kept and written again: only the current session is encoded anew for each message.
 */
import { Secret } from '../crypto/secret.ts'
import { readChain, readTheirChain, writeChain, writeTheirChain } from './chain-storage.ts'
import type { DoubleRatchet } from './double-ratchet.ts'
import { archivedSessionsMax, receivingChainsMax } from './limits.ts'
import { SignalRecord } from './record.ts'
import type { Session, Unanswered } from './session.ts'
import { readPqRatchet, writePqRatchet } from './spqr/storage.ts'
import { ByteReader, ByteWriter, damaged } from './stored-bytes.ts'
import type { SessionRecord } from './types.ts'

const storedFormat = 1

const writer = new ByteWriter()
const encodedSessions = new WeakMap<Session, Uint8Array>()

export function encodeRecord(record: SessionRecord): Uint8Array {
  const { current, archived } = SignalRecord.open(record)
  const older = archived.map(encodedSession)
  writer.number(storedFormat)
  writeSession(writer, current)
  writer.list(older, (bytes) => writer.fixed(bytes))
  return writer.take()
}

export function decodeRecord(bytes: Uint8Array): SignalRecord {
  const reader = new ByteReader(bytes)
  if (reader.number() !== storedFormat) throw damaged()
  const current = readSession(reader)
  const archived = reader.list(archivedSessionsMax, () => readSession(reader))
  reader.end()
  return new SignalRecord({ current, archived })
}

function encodedSession(session: Session): Uint8Array {
  const known = encodedSessions.get(session)
  if (known !== undefined) return known
  writeSession(writer, session)
  const bytes = writer.take()
  encodedSessions.set(session, bytes)
  return bytes
}

function writeSession(out: ByteWriter, session: Session): void {
  out.fixed(session.theirIdentityKey)
  out.fixed(session.baseKey)
  writeUnanswered(out, session.unanswered)
  writeDoubleRatchet(out, session.ratchet.classical)
  writePqRatchet(out, session.ratchet.postQuantum)
}

function readSession(from: ByteReader): Session {
  const theirIdentityKey = from.fixed(33)
  const baseKey = from.fixed(33)
  const unanswered = readUnanswered(from)
  const classical = readDoubleRatchet(from)
  const postQuantum = readPqRatchet(from)
  return { theirIdentityKey, baseKey, unanswered, ratchet: { classical, postQuantum } }
}

function writeUnanswered(out: ByteWriter, unanswered: Unanswered | undefined): void {
  out.number(unanswered === undefined ? 0 : 1)
  if (unanswered === undefined) return
  writeOptional(out, unanswered.preKeyId)
  out.number(unanswered.signedPreKeyId)
  out.number(unanswered.kyberPreKeyId)
  out.fixed(unanswered.kyberCiphertext)
  out.number(Math.floor(unanswered.sinceMs))
}

function readUnanswered(from: ByteReader): Unanswered | undefined {
  if (from.number() === 0) return undefined
  return {
    preKeyId: readOptional(from),
    signedPreKeyId: from.number(),
    kyberPreKeyId: from.number(),
    kyberCiphertext: from.fixed(1568),
    sinceMs: from.number(),
  }
}

/** An optional number, as itself and one more. */
function writeOptional(out: ByteWriter, value: number | undefined): void {
  out.number(value === undefined ? 0 : value + 1)
}

function readOptional(from: ByteReader): number | undefined {
  const stored = from.number()
  return stored === 0 ? undefined : stored - 1
}

function writeDoubleRatchet(out: ByteWriter, ratchet: DoubleRatchet): void {
  out.fixed(ratchet.rootKey.bytes)
  out.fixed(ratchet.ownRatchetKey.publicKey)
  out.fixed(ratchet.ownRatchetKey.privateKey.bytes)
  out.number(ratchet.ownChain === undefined ? 0 : 1)
  if (ratchet.ownChain !== undefined) writeChain(out, ratchet.ownChain)
  out.number(ratchet.previousCounter)
  out.list(ratchet.theirChains, (their) => {
    out.fixed(their.ratchetKey)
    writeTheirChain(out, their)
  })
}

function readDoubleRatchet(from: ByteReader): DoubleRatchet {
  const rootKey = new Secret(from.fixed(32))
  const ownRatchetKey = { publicKey: from.fixed(32), privateKey: new Secret(from.fixed(32)) }
  const ownChain = from.number() === 0 ? undefined : readChain(from)
  const previousCounter = from.number()
  const theirChains = from.list(receivingChainsMax, () => ({
    ratchetKey: from.fixed(32),
    ...readTheirChain(from),
  }))
  return { rootKey, ownRatchetKey, ownChain, previousCounter, theirChains }
}
