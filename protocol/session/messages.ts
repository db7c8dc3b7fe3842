/**
 * The two messages on the wire, in libsignal's bytes: `SignalMessage` (2) and `PreKeySignalMessage` (3). Codec only:
 * what a valid MAC is and which session is meant are decided elsewhere.
 */
import { concatBytes } from '../crypto/bytes.ts'
import { curveKeyBytes, decodeCurveKey, decodeKyberBytes } from './keys.ts'
import { messageBytesMax } from './limits.ts'
import { bytesFieldSize, FieldReader, FieldWriter, varintFieldSize } from './protobuf.ts'

/** Version 4 is PQXDH; the low nibble is the highest version the sender speaks, and is not checked. */
const formatVersion = 4
const formatVersionByte = 0x44

/** The MAC is cut to this many bytes by the format. */
export const macBytes = 8

export interface SignalMessage {
  /** u, 32 bytes. */
  readonly ratchetKey: Uint8Array
  readonly counter: number
  readonly ciphertext: Uint8Array
  /** The post-quantum ratchet's own message. */
  readonly pqRatchet: Uint8Array
  /** What the MAC covers: version byte and protobuf. */
  readonly authenticated: Uint8Array
  readonly mac: Uint8Array
}

export interface PreKeySignalMessage {
  readonly registrationId: number
  readonly preKeyId: number | undefined
  readonly signedPreKeyId: number
  readonly kyberPreKeyId: number
  /** 1568 bytes. */
  readonly kyberCiphertext: Uint8Array
  /** 33 bytes. */
  readonly baseKey: Uint8Array
  /** 33 bytes. */
  readonly identityKey: Uint8Array
  /** A whole `SignalMessage`. */
  readonly message: Uint8Array
}

export type Undecodable = 'malformed' | 'version' | 'invalid-key'

/** Version byte and protobuf, with room for the MAC behind them. */
export function encodeSignalMessage(parts: {
  readonly ratchetKey: Uint8Array
  readonly counter: number
  readonly previousCounter: number
  readonly ciphertext: Uint8Array
  readonly pqRatchet: Uint8Array
}): Uint8Array {
  const { ratchetKey, counter, previousCounter, ciphertext, pqRatchet } = parts
  const size =
    bytesFieldSize(curveKeyBytes) +
    varintFieldSize(counter) +
    varintFieldSize(previousCounter) +
    bytesFieldSize(ciphertext.length) +
    bytesFieldSize(pqRatchet.length)
  const writer = new FieldWriter(new Uint8Array(1 + size + macBytes), 1)
  writer.data[0] = formatVersionByte
  writer.bytesField(1, ratchetKey)
  writer.varintField(2, counter)
  writer.varintField(3, previousCounter)
  writer.bytesField(4, ciphertext)
  writer.bytesField(5, pqRatchet)
  return writer.data
}

export function decodeSignalMessage(bytes: Uint8Array): SignalMessage | Undecodable {
  const end = bytes.length - macBytes
  if (end < 1 || bytes.length > messageBytesMax) return 'malformed'
  if ((bytes[0] as number) >>> 4 !== formatVersion) return 'version'
  let ratchetKey: Uint8Array | undefined
  let counter: number | undefined
  let previousCounter: number | undefined
  let ciphertext: Uint8Array | undefined
  let pqRatchet: Uint8Array | undefined
  let seen = 0
  const reader = new FieldReader(bytes, 1, end)
  while (reader.next()) {
    const { field } = reader
    if (field > 6) continue
    if ((seen & (1 << field)) !== 0) return 'malformed'
    seen |= 1 << field
    if (field === 1) ratchetKey = reader.bytes
    else if (field === 2) counter = reader.varint
    else if (field === 3) previousCounter = reader.varint
    else if (field === 4) ciphertext = reader.bytes
    else if (field === 5) pqRatchet = reader.bytes
    // Field 6 holds service ids, which our peers do not have; the MAC covers it all the same.
  }
  if (!reader.isWhole || ratchetKey === undefined || counter === undefined || ciphertext === undefined)
    return 'malformed'
  if ((seen & 8) !== 0 && previousCounter === undefined) return 'malformed'
  // A message without it comes from a peer that would go on without post-quantum ratcheting: a downgrade.
  if (pqRatchet === undefined) return (seen & 32) === 0 ? 'version' : 'malformed'
  const u = decodeCurveKey(ratchetKey)
  if (u === undefined) return 'invalid-key'
  return {
    ratchetKey: u,
    counter,
    ciphertext,
    pqRatchet,
    authenticated: bytes.subarray(0, end),
    mac: bytes.subarray(end),
  }
}

export function encodePreKeySignalMessage(parts: PreKeySignalMessage): Uint8Array {
  const { registrationId, preKeyId, signedPreKeyId, kyberPreKeyId, kyberCiphertext, baseKey, identityKey } = parts
  const size =
    varintFieldSize(registrationId) +
    (preKeyId === undefined ? 0 : varintFieldSize(preKeyId)) +
    varintFieldSize(signedPreKeyId) +
    varintFieldSize(kyberPreKeyId) +
    bytesFieldSize(kyberCiphertext.length + 1) +
    bytesFieldSize(baseKey.length) +
    bytesFieldSize(identityKey.length) +
    bytesFieldSize(parts.message.length)
  const writer = new FieldWriter(new Uint8Array(1 + size), 1)
  writer.data[0] = formatVersionByte
  writer.varintField(5, registrationId)
  if (preKeyId !== undefined) writer.varintField(1, preKeyId)
  writer.varintField(6, signedPreKeyId)
  writer.varintField(7, kyberPreKeyId)
  writer.bytesField(8, concatBytes(kyberType, kyberCiphertext))
  writer.bytesField(2, baseKey)
  writer.bytesField(3, identityKey)
  writer.bytesField(4, parts.message)
  return writer.data
}

const kyberType = Uint8Array.of(0x08)

export function decodePreKeySignalMessage(bytes: Uint8Array): PreKeySignalMessage | Undecodable {
  if (bytes.length < 1 || bytes.length > messageBytesMax) return 'malformed'
  if ((bytes[0] as number) >>> 4 !== formatVersion) return 'version'
  const numbers = new Map<number, number>()
  const strings = new Map<number, Uint8Array>()
  const reader = new FieldReader(bytes, 1, bytes.length)
  while (reader.next()) {
    const { field, varint, bytes: content } = reader
    if (field > 8) continue
    if (numbers.has(field) || strings.has(field)) return 'malformed'
    if (varint !== undefined) numbers.set(field, varint)
    else if (content !== undefined) strings.set(field, content)
    else return 'malformed'
  }
  const preKeyId = numbers.get(1)
  const registrationId = numbers.get(5)
  const signedPreKeyId = numbers.get(6)
  const kyberPreKeyId = numbers.get(7)
  const ciphertext = strings.get(8)
  const baseKey = strings.get(2)
  const identityKey = strings.get(3)
  const message = strings.get(4)
  if (!reader.isWhole || strings.has(1) || signedPreKeyId === undefined) return 'malformed'
  if (baseKey === undefined || identityKey === undefined || message === undefined) return 'malformed'
  // Version 4 is the version with a KEM; without it this is an attempt at the older, classical handshake.
  if (kyberPreKeyId === undefined || ciphertext === undefined) return 'version'
  const kyberCiphertext = decodeKyberBytes(ciphertext)
  if (kyberCiphertext === undefined) return 'invalid-key'
  if (decodeCurveKey(baseKey) === undefined || decodeCurveKey(identityKey) === undefined) return 'invalid-key'
  return {
    registrationId: registrationId ?? 0,
    preKeyId,
    signedPreKeyId,
    kyberPreKeyId,
    kyberCiphertext,
    baseKey: new Uint8Array(baseKey),
    identityKey: new Uint8Array(identityKey),
    message,
  }
}
