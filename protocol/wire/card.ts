/**
 * A card: what a person says about where they are reached, signed by their account key. Whoever carries it (a relay's
 * directory, a contact, an invite's first message) can withhold it but not change it. Of two cards of one account the
 * higher revision counts. Each device on it has signed too, that it is this account's: or anybody could list another's, be
 * taken for them, and have what is meant for one delivered to the other.
 */
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { account, bytes, device, list, nested, text, timeMs, uint } from '../codec/fields.ts'
import { struct, type Codec } from '../codec/schema.ts'
import { idBytes, type AccountId, type DeviceId } from '../ids.ts'
import {
  addressBytesMax,
  addressesMax,
  cardBytesMax,
  cardLifeMs,
  clockSkewMsMax,
  devicesMax,
  nameCharactersMax,
  relaysMax,
} from '../limits.ts'
import { ed25519Sign, ed25519Verify, isEd25519PublicKey } from '../crypto/primitives.ts'

/** One device of a person, with addresses where it may be dialled directly (multiaddrs without the PeerId). */
export interface CardDevice {
  readonly device: DeviceId
  readonly addresses: readonly string[]
}

export interface Card {
  readonly account: AccountId
  readonly name: string
  /** Grows with every change; a card is only replaced by one with a higher revision. */
  readonly revision: number
  readonly issuedMs: number
  readonly expiresMs: number
  readonly devices: readonly CardDevice[]
  /** Full multiaddrs (with PeerId) of the relays that keep this person's messages, the preferred one first. */
  readonly relays: readonly string[]
}

/** A card as it travels: its exact bytes and the account's Ed25519 signature over them. */
export interface SignedCard {
  readonly card: Uint8Array
  readonly signature: Uint8Array
}

/** With the device's word that it is this account's; of use only before the card is believed. */
interface ListedDevice extends CardDevice {
  readonly consent: Uint8Array
}

type ListedCard = Omit<Card, 'devices'> & { readonly devices: readonly ListedDevice[] }

const listedDevice: Codec<ListedDevice> = struct<ListedDevice>({
  device: [1, device],
  addresses: [2, list(text(addressBytesMax), addressesMax)],
  consent: [3, bytes(64)],
})

const cardCodec: Codec<ListedCard> = struct<ListedCard>({
  account: [1, account],
  name: [2, text(nameCharactersMax * 4)],
  revision: [3, uint()],
  issuedMs: [4, timeMs],
  expiresMs: [5, timeMs],
  devices: [6, list(nested(listedDevice, 4_096), devicesMax)],
  relays: [7, list(text(addressBytesMax), relaysMax)],
})

export const signedCard: Codec<SignedCard> = struct<SignedCard>({
  card: [1, bytes(1, cardBytesMax)],
  signature: [2, bytes(64)],
})

/** A device's word that it is this account's, made with the device's 32-byte Ed25519 seed. */
export function signConsent(owner: AccountId, deviceSeed: Uint8Array): Uint8Array {
  return ed25519Sign(deviceSeed, consentBytes(owner))
}

/** Signs a card with the account's 32-byte Ed25519 seed. `consents` are its devices', in the same order. */
export function signCard(card: Card, accountSeed: Uint8Array, consents: readonly Uint8Array[]): SignedCard {
  const devices = card.devices.map((one, i) => ({ ...one, consent: consents[i] ?? new Uint8Array(64) }))
  const encoded = cardCodec.encode({ ...card, devices })
  return { card: encoded, signature: ed25519Sign(accountSeed, cardBytes(encoded)) }
}

/** What a card says, unchecked: for one's own. Everyone else's goes through `openCard`. */
export function readCard(signed: SignedCard): Card | undefined {
  const listed = cardCodec.decode(signed.card)
  return listed && believed(listed)
}

export type OpenedCard =
  | { readonly ok: true; readonly card: Card }
  | { readonly ok: false; readonly reason: 'malformed' | 'forged' | 'expired' | 'from-the-future' }

/** Checks a card against the account it names; only then is anything in it believed. */
export function openCard(signed: SignedCard, nowMs: number): OpenedCard {
  const card = cardCodec.decode(signed.card)
  if (card === undefined || card.devices.length === 0) return { ok: false, reason: 'malformed' }
  if (new Set(card.devices.map((d) => d.device)).size !== card.devices.length) return { ok: false, reason: 'malformed' }
  if (!card.devices.every((d) => isEd25519PublicKey(idBytes(d.device)))) return { ok: false, reason: 'malformed' }
  if (!ed25519Verify(idBytes(card.account), cardBytes(signed.card), signed.signature)) {
    return { ok: false, reason: 'forged' }
  }
  const consent = consentBytes(card.account)
  if (!card.devices.every((d) => ed25519Verify(idBytes(d.device), consent, d.consent))) {
    return { ok: false, reason: 'forged' }
  }
  if (card.expiresMs <= nowMs - clockSkewMsMax) return { ok: false, reason: 'expired' }
  if (card.expiresMs > nowMs + cardLifeMs + clockSkewMsMax) return { ok: false, reason: 'from-the-future' }
  return { ok: true, card: believed(card) }
}

function believed({ devices, ...card }: ListedCard): Card {
  return { ...card, devices: devices.map((one) => ({ device: one.device, addresses: one.addresses })) }
}

function cardBytes(card: Uint8Array): Uint8Array {
  return withPurpose('linnet card v1\0', card)
}

function consentBytes(owner: AccountId): Uint8Array {
  return withPurpose('linnet device v1\0', idBytes(owner))
}

/** The purpose stands in front of what is signed, so that no signature made for one purpose serves another. */
function withPurpose(purpose: string, bytesToSign: Uint8Array): Uint8Array {
  return concatBytes(utf8ToBytes(purpose), bytesToSign)
}
