/** The memory store's cards, bundles and prekeys. */
import type { AccountId, DeviceId } from '../../protocol/ids.ts'
import type { SignedCard } from '../../protocol/wire/card.ts'
import type { SignedBundle } from '../../protocol/wire/directory.ts'
import { activeWithinMs } from '../core/store-calls.ts'
import type { Reached } from '../core/reached.ts'
import type { Answer, Ask, Census, Published, QuietLimit, Taken } from '../core/store-calls.ts'
import type { StoreLimits } from './store.ts'

interface PublishedDevice {
  readonly account: AccountId
  readonly version: number
  readonly bundle: SignedBundle
  readonly updatedMs: number
  readonly preKeys: Map<number, Uint8Array>
  readonly taken: Set<number>
}

export class MemoryDirectory {
  readonly #limits: StoreLimits
  readonly #reached: Reached<QuietLimit>
  readonly #devices = new Map<DeviceId, PublishedDevice>()
  readonly #cards = new Map<AccountId, { readonly revision: number; readonly card: SignedCard }>()

  /** Holds what `from` holds at this moment, and nothing at first without it. */
  constructor(limits: StoreLimits, reached: Reached<QuietLimit>, from?: MemoryDirectory) {
    this.#limits = limits
    this.#reached = reached
    if (from === undefined) return
    for (const [account, card] of from.#cards) this.#cards.set(account, card)
    for (const [device, known] of from.#devices) {
      this.#devices.set(device, { ...known, preKeys: new Map(known.preKeys), taken: new Set(known.taken) })
    }
  }

  has(device: DeviceId): boolean {
    return this.#devices.has(device)
  }

  publish(ask: Ask<'publish'>): Published {
    const { device, account, version, revision, card, bundle, nowMs } = ask
    const held = this.#devices.get(device)
    const heldCard = this.#cards.get(account)
    if ((held !== undefined && held.version > version) || (heldCard !== undefined && heldCard.revision > revision)) {
      return { state: 'stale' }
    }
    if (held === undefined && this.#devices.size >= this.#limits.mailboxesMax) return { state: 'full' }
    if (heldCard === undefined || heldCard.revision < revision) this.#cards.set(account, { revision, card })
    const preKeys = held?.preKeys ?? new Map<number, Uint8Array>()
    const taken = held?.taken ?? new Set<number>()
    for (const { id, key } of ask.preKeys) {
      if (preKeys.size >= this.#limits.preKeysKeptMax) break
      if (!preKeys.has(id) && !taken.has(id)) preKeys.set(id, key)
    }
    this.#devices.set(device, { account, version, bundle, updatedMs: nowMs, preKeys, taken })
    if (held !== undefined && held.account !== account) this.#dropOrphan(held.account)
    return { state: 'published', left: preKeys.size }
  }

  findCard({ account }: Ask<'find-card'>): Answer<'find-card'> {
    return { card: this.#cards.get(account)?.card }
  }

  takePreKey({ device, spend }: Ask<'take-prekey'>): Taken {
    const held = this.#devices.get(device)
    if (held === undefined) return { state: 'not-found' }
    const { bundle, preKeys, taken } = held
    const first = spend ? [...preKeys.keys()].toSorted((a, b) => a - b)[0] : undefined
    const key = first === undefined ? undefined : preKeys.get(first)
    if (first === undefined || key === undefined) {
      return { state: 'taken', bundle, preKey: undefined, left: preKeys.size }
    }
    preKeys.delete(first)
    taken.add(first)
    if (taken.size > this.#limits.preKeysTakenKeptMax) {
      this.#reached.count('preKeysTakenKeptMax')
      const [oldest] = taken
      if (oldest !== undefined) taken.delete(oldest)
    }
    return { state: 'taken', bundle, preKey: { id: first, key }, left: preKeys.size }
  }

  countPreKeys({ device }: Ask<'count-prekeys'>): Answer<'count-prekeys'> {
    const held = this.#devices.get(device)
    return { published: held !== undefined, left: held?.preKeys.size ?? 0 }
  }

  /** Forgets one device that has not published for too long, and says which. */
  dropIdle(nowMs: number): DeviceId | undefined {
    const idleSinceMs = nowMs - this.#limits.mailboxIdleMsMax
    const idle = [...this.#devices].filter(([, { updatedMs }]) => updatedMs <= idleSinceMs)
    const [longest] = idle.toSorted(([a, one], [b, other]) => one.updatedMs - other.updatedMs || (a < b ? -1 : 1))
    if (longest === undefined) return undefined
    this.#reached.count('mailboxIdleMsMax')
    const [device, { account }] = longest
    this.#devices.delete(device)
    this.#dropOrphan(account)
    return device
  }

  census(nowMs: number): Pick<Census, 'mailboxes' | 'preKeys' | 'cards' | 'active'> {
    const devices = [...this.#devices.values()]
    const preKeys = devices.reduce((sum, device) => sum + device.preKeys.size, 0)
    const active = activeWithinMs.map((ms) => devices.filter(({ updatedMs }) => updatedMs > nowMs - ms).length)
    return { mailboxes: devices.length, preKeys, cards: this.#cards.size, active }
  }

  #dropOrphan(account: AccountId): void {
    for (const device of this.#devices.values()) if (device.account === account) return
    this.#cards.delete(account)
  }
}
