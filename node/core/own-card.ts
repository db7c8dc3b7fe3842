/**
 * Who we say we are: the settings a user chose, and the signed card made of them. A new revision is made when something in
 * it changes or half its life is over; the revision is the time, so that a device set up anew from the account key still
 * counts upwards.
 */
import { ed25519PublicKey } from '../../protocol/crypto/primitives.ts'
import { accountIdOf, deviceIdOf, peerIdOf, type AccountId, type DeviceId } from '../../protocol/ids.ts'
import { addressesMax, cardLifeMs } from '../../protocol/limits.ts'
import { readCard, signCard, signedCard, type Card, type SignedCard } from '../../protocol/wire/card.ts'
import type { OwnIdentity } from '../../protocol/session/types.ts'
import type { Draft } from './draft.ts'
import type { Reads } from './reads.ts'

export interface Settings {
  readonly account: AccountId
  readonly device: DeviceId
  readonly name: string
  /** Full multiaddrs. */
  readonly relays: readonly string[]
}

/** The stored form of what a user may change; the rest of the settings is the identity's. */
export function encodeSettings({ name, relays }: Pick<Settings, 'name' | 'relays'>): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ name, relays }))
}

export function decodeSettings(bytes: Uint8Array | undefined): Partial<Pick<Settings, 'name' | 'relays'>> {
  if (bytes === undefined) return {}
  return JSON.parse(new TextDecoder().decode(bytes)) as Pick<Settings, 'name' | 'relays'>
}

/** Whose card it is. */
export interface Ownership {
  readonly own: OwnIdentity
  /** 32 bytes. */
  readonly accountSeed: Uint8Array
  /** Display name, unless the kept settings say otherwise. */
  readonly name: string
}

export class OwnCard {
  settings: Settings
  readonly #accountSeed: Uint8Array
  #addresses: readonly string[] = []
  #card: Card | undefined
  #signed: SignedCard | undefined

  constructor({ own, accountSeed, name }: Ownership, reads: Reads) {
    const chosen = decodeSettings(reads.fact('settings'))
    this.settings = {
      account: accountIdOf(ed25519PublicKey(accountSeed)),
      device: deviceIdOf(own.publicKey),
      name: chosen.name ?? name,
      relays: chosen.relays ?? [],
    }
    this.#accountSeed = accountSeed
    const kept = reads.fact('own-card')
    this.#signed = kept && signedCard.decode(kept)
    this.#card = this.#signed && readCard(this.#signed)
    // Until the node listens again, so that a restart at the same place is no news.
    this.#addresses = this.#card?.devices.find(({ device }) => device === this.settings.device)?.addresses ?? []
  }

  get signed(): SignedCard | undefined {
    return this.#signed
  }

  setAddresses(addresses: readonly string[]): void {
    this.#addresses = addresses.slice(0, addressesMax)
  }

  fullAddresses(): readonly string[] {
    return this.#addresses.map((address) => `${address}/p2p/${peerIdOf(this.settings.device)}`)
  }

  setRelays(relays: readonly string[], draft: Draft): void {
    this.settings = { ...this.settings, relays }
    draft.keep({ kind: 'put-fact', key: 'settings', value: encodeSettings(this.settings) })
  }

  /** Makes a new revision if the card no longer says what is so. True when it did. */
  renew(draft: Draft, force = false): boolean {
    const { account, device, name, relays } = this.settings
    const devices = [{ device, addresses: this.#addresses }]
    const before = this.#card
    const same =
      before !== undefined &&
      before.name === name &&
      before.expiresMs - draft.nowMs > cardLifeMs / 2 &&
      before.expiresMs - draft.nowMs <= cardLifeMs &&
      JSON.stringify([before.relays, before.devices]) === JSON.stringify([relays, devices])
    if (same && !force) return false
    this.#card = {
      account,
      name,
      revision: Math.max((before?.revision ?? 0) + 1, draft.nowMs),
      issuedMs: draft.nowMs,
      expiresMs: draft.nowMs + cardLifeMs,
      devices,
      relays,
    }
    this.#signed = signCard(this.#card, this.#accountSeed)
    draft.keep({ kind: 'put-fact', key: 'own-card', value: signedCard.encode(this.#signed) })
    return true
  }
}
