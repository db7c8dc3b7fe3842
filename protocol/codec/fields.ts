/** The kinds of field messages are made of, each with its limit. */
import { bytesToHex, hexToBytes } from '../hex.ts'
import { keyLength, messageIdLength, type AccountId, type DeviceId, type EnvelopeId, type MessageId } from '../ids.ts'
import type { MessageType } from '../session/types.ts'
import { malformed, type Codec, type Field } from './schema.ts'

/** Bytes of a length between `min` and `max`. */
export function bytes(min: number, max: number = min): Field<Uint8Array> {
  return {
    wire: 2,
    write: (writer, value) => void writer.bytes(value),
    read: (reader) => {
      const value = reader.bytes()
      // A copy, because the reader's slice keeps the whole frame alive for as long as the value lives. Not `slice()`, which
      // on a Buffer copies nothing.
      return value.length < min || value.length > max ? malformed() : new Uint8Array(value)
    },
  }
}

/** UTF-8 of at most `bytesMax` bytes; ill-formed UTF-8 is refused rather than repaired. */
export function text(bytesMax: number): Field<string> {
  return {
    wire: 2,
    write: (writer, value) => void writer.bytes(utf8.encode(value)),
    read: (reader) => {
      const value = reader.bytes()
      if (value.length > bytesMax) return malformed()
      try {
        return strictUtf8.decode(value)
      } catch {
        return malformed()
      }
    },
  }
}

const utf8 = new TextEncoder()
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A whole number from 0 to `max`. */
export function uint(max: number = Number.MAX_SAFE_INTEGER): Field<number> {
  return {
    wire: 0,
    write: (writer, value) => void writer.uint64Number(value),
    read: (reader) => {
      const value = reader.int64Number() // Unlike uint64Number it steps over overlong encodings correctly.
      return Number.isSafeInteger(value) && value >= 0 && value <= max ? value : malformed()
    },
  }
}

/** Milliseconds since the epoch, or a span of them: no more than a calendar can name, since it may have to be shown. */
export const timeMs: Field<number> = uint(8_640_000_000_000_000)

export const flag: Field<boolean> = {
  wire: 0,
  write: (writer, value) => void writer.uint32(value ? 1 : 0),
  read: (reader) => {
    const value = reader.uint32()
    return value === 0 || value === 1 ? value === 1 : malformed()
  },
}

/** One of a few words, sent as its place in the list; a word this version does not know is refused. */
export function word<const W extends string>(words: readonly W[]): Field<W> {
  return {
    wire: 0,
    write: (writer, value) => void writer.uint32(words.indexOf(value) + 1),
    read: (reader) => words[reader.uint32() - 1] ?? malformed(),
  }
}

/** Between 0 and `countMax` of one field. */
export function list<T>(field: Field<T>, countMax: number): Field<readonly T[]> {
  return { ...(field as unknown as Field<readonly T[]>), many: { countMax } }
}

/** A message within a message, of at most `bytesMax` bytes. */
export function nested<T>(codec: Codec<T>, bytesMax: number): Field<T> {
  return {
    wire: 2,
    write: (writer, value) => {
      writer.fork()
      codec.within.write(writer, value)
      writer.ldelim()
    },
    read: (reader) => {
      const length = reader.uint32()
      const end = reader.pos + length
      return length > bytesMax || end > reader.len ? malformed() : codec.within.read(reader, end)
    },
  }
}

export const account: Field<AccountId> = hex<AccountId>(keyLength)
export const device: Field<DeviceId> = hex<DeviceId>(keyLength)
export const messageId: Field<MessageId> = hex<MessageId>(messageIdLength)
export const envelopeId: Field<EnvelopeId> = hex<EnvelopeId>(messageIdLength)

function hex<T extends string>(length: number): Field<T> {
  return {
    wire: 2,
    write: (writer, value) => void writer.bytes(hexToBytes(value)),
    read: (reader) => {
      const value = reader.bytes()
      return value.length === length ? (bytesToHex(value) as T) : malformed()
    },
  }
}

/** libsignal's message types: 2, a message of an open session; 3, one that opens it. */
export const messageType: Field<MessageType> = {
  wire: 0,
  write: (writer, value) => void writer.uint32(value),
  read: (reader) => {
    const value = reader.uint32()
    return value === 2 || value === 3 ? value : malformed()
  },
}
