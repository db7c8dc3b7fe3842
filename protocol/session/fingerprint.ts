/**
 * Safety numbers as Signal computes them: a slow hash of each side's identity key and name, shown as 60 digits or as
 * a code to scan. Both sides see the same digits exactly when nobody stands between them.
 */
import { concatBytes, equalBytes } from '../crypto/bytes.ts'
import { sha512 } from '../crypto/primitives.ts'
import { bytesFieldSize, FieldReader, FieldWriter, varintFieldSize } from './protobuf.ts'

/** Version of the hash (always 0) and of the code to scan. */
const hashVersion = Uint8Array.of(0, 0)
const scanVersion = 2

/** What libsignal's clients use: makes a search for a colliding key 5200 times dearer. About 10 ms a side. */
export const fingerprintIterations = 5200

export interface Party {
  /** What names the party on both devices: bytes that both sides agree on. */
  readonly id: Uint8Array
  /** 33 bytes. */
  readonly identityKey: Uint8Array
}

export interface Fingerprint {
  /** 60 digits, the same on both devices. */
  readonly digits: string
  /** What a QR code carries; compare with `isSameScan`. */
  readonly scannable: Uint8Array
}

export function fingerprintOf(local: Party, remote: Party, iterations: number = fingerprintIterations): Fingerprint {
  const localHash = hashOf(local, iterations)
  const remoteHash = hashOf(remote, iterations)
  const localDigits = digitsOf(localHash)
  const remoteDigits = digitsOf(remoteHash)
  return {
    digits: localDigits < remoteDigits ? localDigits + remoteDigits : remoteDigits + localDigits,
    scannable: encodeScannable(localHash.subarray(0, 32), remoteHash.subarray(0, 32)),
  }
}

/** Whether a scanned code is the other side's view of the same two keys. False for anything malformed. */
export function isSameScan(own: Uint8Array, scanned: Uint8Array): boolean {
  const ours = decodeScannable(own)
  const theirs = decodeScannable(scanned)
  if (ours === undefined || theirs === undefined) return false
  const isLocalSame = equalBytes(ours.local, theirs.remote)
  return equalBytes(ours.remote, theirs.local) && isLocalSame
}

function hashOf({ id, identityKey }: Party, iterations: number): Uint8Array {
  let hash = sha512(concatBytes(hashVersion, identityKey, id, identityKey))
  const input = new Uint8Array(hash.length + identityKey.length)
  input.set(identityKey, hash.length)
  for (let i = 1; i < iterations; i++) {
    input.set(hash)
    hash = sha512(input)
  }
  return hash
}

function digitsOf(hash: Uint8Array): string {
  let digits = ''
  for (let at = 0; at < 30; at += 5) {
    let group = 0
    for (const byte of hash.subarray(at, at + 5)) group = group * 256 + byte
    digits += String(group % 100_000).padStart(5, '0')
  }
  return digits
}

function encodeScannable(local: Uint8Array, remote: Uint8Array): Uint8Array {
  const part = bytesFieldSize(32)
  const writer = new FieldWriter(new Uint8Array(varintFieldSize(scanVersion) + 2 * bytesFieldSize(part)), 0)
  writer.varintField(1, scanVersion)
  writer.bytesField(2, wrapped(local))
  writer.bytesField(3, wrapped(remote))
  return writer.data
}

function wrapped(hash: Uint8Array): Uint8Array {
  const writer = new FieldWriter(new Uint8Array(bytesFieldSize(hash.length)), 0)
  writer.bytesField(1, hash)
  return writer.data
}

function decodeScannable(bytes: Uint8Array): { readonly local: Uint8Array; readonly remote: Uint8Array } | undefined {
  let version: number | undefined
  let local: Uint8Array | undefined
  let remote: Uint8Array | undefined
  const reader = new FieldReader(bytes, 0, bytes.length)
  while (reader.next()) {
    if (reader.field === 1) version = reader.varint
    else if (reader.field === 2) local = unwrapped(reader.bytes)
    else if (reader.field === 3) remote = unwrapped(reader.bytes)
  }
  if (!reader.isWhole || version !== scanVersion || local === undefined || remote === undefined) return undefined
  return { local, remote }
}

function unwrapped(bytes: Uint8Array | undefined): Uint8Array | undefined {
  if (bytes === undefined) return undefined
  const reader = new FieldReader(bytes, 0, bytes.length)
  return reader.next() && reader.field === 1 && reader.bytes?.length === 32 ? reader.bytes : undefined
}
