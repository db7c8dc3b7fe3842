/**
 * The two messages of sender keys, in libsignal's bytes: the distribution that hands a key to each member, inside a
 * pairwise session, and the group message. Codec only. Neither names a group or a sender: that is bound in
 * `sender-key-binding.ts`.
 */
import { decodeCurveKey, encodeCurveKey } from '../session/keys.ts'
import { messageBytesMax } from '../session/limits.ts'
import { bytesFieldSize, FieldReader, FieldWriter, varintFieldSize } from '../session/protobuf.ts'

const formatVersion = 3
const formatVersionByte = 0x33

const signatureBytes = 64

/** A UUID. */
export const distributionIdBytes = 16

export interface SenderKeyDistribution {
  readonly distributionId: Uint8Array
  /** Random, 31 bits: tells one key of a sender from the next. */
  readonly chainId: number
  readonly iteration: number
  readonly chainKey: Uint8Array
  /** u, 32 bytes. */
  readonly signingKey: Uint8Array
}

export interface SenderKeyMessage {
  readonly distributionId: Uint8Array
  readonly chainId: number
  readonly iteration: number
  readonly ciphertext: Uint8Array
  /** What the signature covers: version byte and protobuf. */
  readonly signed: Uint8Array
  readonly signature: Uint8Array
}

export type Undecodable = 'malformed' | 'version' | 'invalid-key'

export function encodeDistribution(parts: SenderKeyDistribution): Uint8Array {
  const { distributionId, chainId, iteration, chainKey, signingKey } = parts
  const encodedKey = encodeCurveKey(signingKey)
  const size =
    bytesFieldSize(distributionIdBytes) +
    varintFieldSize(chainId) +
    varintFieldSize(iteration) +
    bytesFieldSize(chainKey.length) +
    bytesFieldSize(encodedKey.length)
  const writer = new FieldWriter(new Uint8Array(1 + size), 1)
  writer.data[0] = formatVersionByte
  writer.bytesField(1, distributionId)
  writer.varintField(2, chainId)
  writer.varintField(3, iteration)
  writer.bytesField(4, chainKey)
  writer.bytesField(5, encodedKey)
  return writer.data
}

export function decodeDistribution(bytes: Uint8Array): SenderKeyDistribution | Undecodable {
  const fields = readFields(bytes, bytes.length)
  if (typeof fields === 'string') return fields
  const { distributionId, chainId, iteration } = fields
  const chainKey = fields.bytes.get(4)
  const encodedKey = fields.bytes.get(5)
  if (chainKey?.length !== 32 || encodedKey === undefined) return 'malformed'
  const signingKey = decodeCurveKey(encodedKey)
  if (signingKey === undefined) return 'invalid-key'
  return { distributionId, chainId, iteration, chainKey: new Uint8Array(chainKey), signingKey }
}

/** Everything before the signature. */
export function encodeSenderKeyMessage(parts: {
  readonly distributionId: Uint8Array
  readonly chainId: number
  readonly iteration: number
  readonly ciphertext: Uint8Array
}): Uint8Array {
  const { distributionId, chainId, iteration, ciphertext } = parts
  const size =
    bytesFieldSize(distributionIdBytes) +
    varintFieldSize(chainId) +
    varintFieldSize(iteration) +
    bytesFieldSize(ciphertext.length)
  const writer = new FieldWriter(new Uint8Array(1 + size), 1)
  writer.data[0] = formatVersionByte
  writer.bytesField(1, distributionId)
  writer.varintField(2, chainId)
  writer.varintField(3, iteration)
  writer.bytesField(4, ciphertext)
  return writer.data
}

export function decodeSenderKeyMessage(bytes: Uint8Array): SenderKeyMessage | Undecodable {
  const end = bytes.length - signatureBytes
  if (end < 1) return 'malformed'
  const fields = readFields(bytes, end)
  if (typeof fields === 'string') return fields
  const { distributionId, chainId, iteration } = fields
  const ciphertext = fields.bytes.get(4)
  if (ciphertext === undefined) return 'malformed'
  return {
    distributionId,
    chainId,
    iteration,
    ciphertext,
    signed: bytes.subarray(0, end),
    signature: bytes.subarray(end),
  }
}

interface Fields {
  readonly distributionId: Uint8Array
  readonly chainId: number
  readonly iteration: number
  readonly bytes: ReadonlyMap<number, Uint8Array>
}

function readFields(data: Uint8Array, end: number): Fields | Undecodable {
  if (data.length < 1 || data.length > messageBytesMax) return 'malformed'
  if ((data[0] as number) >>> 4 !== formatVersion) return 'version'
  const numbers = new Map<number, number>()
  const bytes = new Map<number, Uint8Array>()
  const reader = new FieldReader(data, 1, end)
  while (reader.next()) {
    const { field } = reader
    if (field > 5) continue
    if (numbers.has(field) || bytes.has(field)) return 'malformed'
    if (reader.varint !== undefined) numbers.set(field, reader.varint)
    else if (reader.bytes !== undefined) bytes.set(field, reader.bytes)
    else return 'malformed'
  }
  const distributionId = bytes.get(1)
  const chainId = numbers.get(2)
  const iteration = numbers.get(3)
  if (!reader.isWhole || distributionId?.length !== distributionIdBytes) return 'malformed'
  if (chainId === undefined || iteration === undefined) return 'malformed'
  return { distributionId: new Uint8Array(distributionId), chainId, iteration, bytes }
}
