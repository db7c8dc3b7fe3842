/**
 * Who we say we are: the settings a user chose, and the signed card made of them. A new revision is made when something in
 * it changes or half its life is over; the revision is the time, so that a device set up anew from the account key still
 * counts upwards.
 */
import { ed25519PublicKey } from '../../protocol/crypto/primitives.ts'
import { accountIdOf, deviceIdOf, peerIdOf, type AccountId, type DeviceId } from '../../protocol/ids.ts'
import { addressesMax, cardLifeMs, relaysMax } from '../../protocol/limits.ts'
import { readCard, signCard, signConsent, signedCard, type Card, type SignedCard } from '../../protocol/wire/card.ts'
import type { OwnIdentity } from '../../protocol/session/types.ts'
import type { Draft } from './draft.ts'
import type { Reads } from './reads.ts'

export interface Settings {
  readonly account: AccountId
  readonly device: DeviceId
  readonly name: string
  /** Full multiaddrs of those the user named, the best first; which of them the card names is told in `homes.ts`. */
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
  /** Those the next card names. */
  relays: readonly string[]
  readonly #accountSeed: Uint8Array
  readonly #consent: Uint8Array
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
    this.#consent = signConsent(this.settings.account, own.seed)
    const kept = reads.fact('own-card')
    this.#signed = kept && signedCard.decode(kept)
    this.#card = this.#signed && readCard(this.#signed)
    const stay = this.settings.relays.filter((relay) => this.#card?.relays.includes(relay))
    this.relays = (stay.length > 0 ? stay : this.settings.relays).slice(0, relaysMax)
    // Until the node listens again, so that a restart at the same place is no news.
    this.#addresses = this.#card?.devices.find(({ device }) => device === this.settings.device)?.addresses ?? []
  }

  get signed(): SignedCard | undefined {
    return this.#signed
  }

  /** What the last one made says. */
  get published(): Card | undefined {
    return this.#card
  }

  /** Relays of ours through which the last card says that we can be reached. */
  get circuitRelays(): readonly string[] {
    return this.relays.filter((relay) => this.#addresses.includes(`${relay}/p2p-circuit`))
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
    const { account, device, name } = this.settings
    const { relays } = this
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
    this.#signed = signCard(this.#card, this.#accountSeed, [this.#consent])
    draft.keep({ kind: 'put-fact', key: 'own-card', value: signedCard.encode(this.#signed) })
    return true
  }
}
