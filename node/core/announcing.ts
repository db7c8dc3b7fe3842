/**
 * Contacts hear from us where we are now, since the place where they would ask may be gone. Whoever goes on as if they had
 * not heard is told once more.
 */
import type { AccountId } from '../../protocol/ids.ts'
import type { Draft } from './draft.ts'
import type { Outbox } from './outbox.ts'
import type { OwnCard } from './own-card.ts'
import type { Contact } from './state.ts'

export class Announcing {
  readonly #card: OwnCard
  readonly #outbox: Outbox
  /** Told once more: of which revision. */
  readonly #again = new Map<AccountId, number>()

  constructor(card: OwnCard, outbox: Outbox) {
    this.#card = card
    this.#outbox = outbox
  }

  everybody(draft: Draft): void {
    const card = this.#card.signed
    if (card !== undefined) this.#outbox.submitToAll({ kind: 'card', card }, draft)
  }

  /** Something of theirs, sent at `sentMs`, came by a relay that is off our card. */
  toOldPlace(contact: Contact | undefined, sentMs: number, draft: Draft): void {
    const { signed, published } = this.#card
    if (signed === undefined || published === undefined || contact?.state !== 'added') return
    const { account } = contact
    if (sentMs <= published.issuedMs || this.#again.get(account) === published.revision) return
    this.#again.set(account, published.revision)
    this.#outbox.submitControl(contact, { kind: 'card', card: signed }, draft)
  }
}
