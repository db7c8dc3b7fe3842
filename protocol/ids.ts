/**
 * Names of people, devices and messages, as text and as bytes.
 *
 * An account and a device are each an Ed25519 public key; inside the program and in JSON they are its 64 lowercase
 * hexadecimal digits, on the wire its 32 bytes. libp2p calls the same device by a PeerId, which is the key behind a fixed
 * six-byte prefix in base58.
 */
import { bytesToHex, hexToBytes } from './hex.ts'
import { base58btc } from 'multiformats/bases/base58'

declare const brand: unique symbol
type Branded<T, B> = T & { readonly [brand]: B }

/** A person: 64 hexadecimal digits of the Ed25519 account key. */
export type AccountId = Branded<string, 'AccountId'>
/** A device: 64 hexadecimal digits of the Ed25519 key that is also its libp2p key. */
export type DeviceId = Branded<string, 'DeviceId'>
/** What someone said: 32 hexadecimal digits, chosen at random by the sender, the same on every path and device. */
export type MessageId = Branded<string, 'MessageId'>
/** One encryption of a message for one device: 32 hexadecimal digits; all a relay knows it by. */
export type EnvelopeId = Branded<string, 'EnvelopeId'>

export const keyLength = 32
export const messageIdLength = 16

const key = /^[0-9a-f]{64}$/
const id = /^[0-9a-f]{32}$/

export function isAccountId(text: string): text is AccountId {
  return key.test(text)
}

export function isMessageId(text: string): text is MessageId {
  return id.test(text)
}

export function accountIdOf(publicKey: Uint8Array): AccountId {
  return bytesToHex(publicKey) as AccountId
}

export function deviceIdOf(publicKey: Uint8Array): DeviceId {
  return bytesToHex(publicKey) as DeviceId
}

export function messageIdOf(bytes: Uint8Array): MessageId {
  return bytesToHex(bytes) as MessageId
}

export function envelopeIdOf(bytes: Uint8Array): EnvelopeId {
  return bytesToHex(bytes) as EnvelopeId
}

/** The bytes behind any of the four kinds of id. */
export function idBytes(text: AccountId | DeviceId | MessageId | EnvelopeId): Uint8Array {
  return hexToBytes(text)
}

/** An identity multihash of a protobuf that says "Ed25519, 32 bytes" (libp2p peer-ids specification). */
const peerIdPrefix = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20)

/** The libp2p PeerId of a device, in base58 (`12D3KooW…`). */
export function peerIdOf(device: DeviceId): string {
  const known = peerIds.get(device)
  if (known !== undefined) return known
  const text = encodePeerId(device)
  if (peerIds.size >= peerIdsMax) peerIds.clear()
  peerIds.set(device, text)
  return text
}

/** Base58 is long division, and the same few devices are named again and again. */
const peerIds = new Map<DeviceId, string>()
const peerIdsMax = 16_384

function encodePeerId(device: DeviceId): string {
  const bytes = new Uint8Array(peerIdPrefix.length + keyLength)
  bytes.set(peerIdPrefix)
  bytes.set(hexToBytes(device), peerIdPrefix.length)
  return base58btc.baseEncode(bytes)
}

/** The device behind a PeerId, or undefined when the text is not the PeerId of an Ed25519 key. */
export function deviceIdOfPeerId(text: string): DeviceId | undefined {
  const known = peers.get(text)
  if (known !== undefined) return known
  const device = decodePeerId(text)
  if (device === undefined) return undefined
  if (peers.size >= peerIdsMax) peers.clear()
  peers.set(text, device)
  return device
}

const peers = new Map<string, DeviceId>()

function decodePeerId(text: string): DeviceId | undefined {
  const bytes = decodeBase58(text)
  if (bytes?.length !== peerIdPrefix.length + keyLength) return undefined
  if (!peerIdPrefix.every((byte, i) => bytes[i] === byte)) return undefined
  return deviceIdOf(bytes.subarray(peerIdPrefix.length))
}

function decodeBase58(text: string): Uint8Array | undefined {
  try {
    return base58btc.baseDecode(text)
  } catch {
    return undefined // The library throws on a character outside its alphabet; for us that is merely not a PeerId.
  }
}
