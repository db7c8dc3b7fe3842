/**
 * A card: what a person says about where they are reached, signed by their account key. Whoever carries it (a relay's
 * directory, a contact, an invite's first message) can withhold it but not change it. Of two cards of one account the
 * higher revision counts.
 */
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

const cardDevice: Codec<CardDevice> = struct<CardDevice>({
  device: [1, device],
  addresses: [2, list(text(addressBytesMax), addressesMax)],
})

const cardCodec: Codec<Card> = struct<Card>({
  account: [1, account],
  name: [2, text(nameCharactersMax * 4)],
  revision: [3, uint()],
  issuedMs: [4, timeMs],
  expiresMs: [5, timeMs],
  devices: [6, list(nested(cardDevice, 4_096), devicesMax)],
  relays: [7, list(text(addressBytesMax), relaysMax)],
})

export const signedCard: Codec<SignedCard> = struct<SignedCard>({
  card: [1, bytes(1, cardBytesMax)],
  signature: [2, bytes(64)],
})

/** Signs a card with the account's 32-byte Ed25519 seed. */
export function signCard(card: Card, accountSeed: Uint8Array): SignedCard {
  const encoded = cardCodec.encode(card)
  return { card: encoded, signature: ed25519Sign(accountSeed, signedBytes(encoded)) }
}

/** What a card says, unchecked: for one's own. Everyone else's goes through `openCard`. */
export function readCard(signed: SignedCard): Card | undefined {
  return cardCodec.decode(signed.card)
}

export type OpenedCard =
  | { readonly ok: true; readonly card: Card }
  | { readonly ok: false; readonly reason: 'malformed' | 'forged' | 'expired' | 'from-the-future' }

/** Checks a card against the account it names; only then is anything in it believed. */
export function openCard(signed: SignedCard, nowMs: number): OpenedCard {
  const card = readCard(signed)
  if (card === undefined || card.devices.length === 0) return { ok: false, reason: 'malformed' }
  if (new Set(card.devices.map((d) => d.device)).size !== card.devices.length) return { ok: false, reason: 'malformed' }
  if (!card.devices.every((d) => isEd25519PublicKey(idBytes(d.device)))) return { ok: false, reason: 'malformed' }
  if (!ed25519Verify(idBytes(card.account), signedBytes(signed.card), signed.signature)) {
    return { ok: false, reason: 'forged' }
  }
  if (card.expiresMs <= nowMs - clockSkewMsMax) return { ok: false, reason: 'expired' }
  if (card.expiresMs > nowMs + cardLifeMs + clockSkewMsMax) return { ok: false, reason: 'from-the-future' }
  return { ok: true, card }
}

/** The purpose stands in front of what is signed, so that no signature made for one purpose serves another. */
function signedBytes(card: Uint8Array): Uint8Array {
  const purpose = new TextEncoder().encode('linnet card v1\0')
  const message = new Uint8Array(purpose.length + card.length)
  message.set(purpose)
  message.set(card, purpose.length)
  return message
}
