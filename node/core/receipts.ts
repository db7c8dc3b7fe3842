/**
 * Receipts we owe: what came by a relay is confirmed to its sender, and what was shown is said to be read. A receipt is
 * owed in the same commit as the fact it states, gathered for a moment with others to the same person, and then handed to
 * the outbox like any message. What came over a direct link needs none: its acknowledgement was one.
 */
import type { AccountId, MessageId } from '../../protocol/ids.ts'
import { idsPerFrameMax } from '../../protocol/limits.ts'
import type { Body, ReceiptState } from '../../protocol/wire/content.ts'
import type { Draft } from './draft.ts'
import type { Reads } from './reads.ts'
import type { Contact, OwedReceipt } from './state.ts'

/** Receipts wait so long for company: short enough that nobody notices, long enough for a page of messages. */
const gatherMs = 100
/**
 * And so long if they were said before: a relay can hand out what it once held again and again, and each of these receipts
 * is a deposit. Whoever missed one has waited a quarter of an hour to say so.
 */
const gatherAgainMs = 60_000

/**
 * A read receipt says again what the last ones said, up to so many messages: once a relay has signed for a receipt it is
 * said no more, and the relay may lose it. So many fit into the smallest sealed size.
 */
const readAgainMax = 8

export class Receipts {
  readonly #submit: (contact: Contact, body: Body, draft: Draft) => void
  #dueMs: number
  /** Of each contact, the last that were said to be read; of this life only. */
  readonly #readLately = new Map<AccountId, readonly MessageId[]>()

  constructor(reads: Reads, submit: (contact: Contact, body: Body, draft: Draft) => void) {
    this.#submit = submit
    this.#dueMs = reads.owed().length > 0 ? 0 : Number.POSITIVE_INFINITY
  }

  owe(account: AccountId, messageId: MessageId, state: ReceiptState, draft: Draft): void {
    this.#owe({ account, messageId, state }, gatherMs, draft)
  }

  /** What was said before; see `gatherAgainMs`. */
  oweAgain(account: AccountId, messageId: MessageId, state: ReceiptState, draft: Draft): void {
    this.#owe({ account, messageId, state }, gatherAgainMs, draft)
  }

  /** Whoever wrote has been let in. */
  oweHeld({ account }: Contact, draft: Draft): void {
    for (const { id } of draft.reads.heldOf(account)) this.owe(account, id, 'delivered', draft)
  }

  tick(draft: Draft): void {
    if (this.#dueMs > draft.nowMs) return
    this.#dueMs = Number.POSITIVE_INFINITY
    for (const owed of Map.groupBy(draft.reads.owed(), ({ account }) => account).values()) {
      for (const receipt of owed) draft.keep({ kind: 'drop-owed', owed: receipt })
      // What was shown as it came is only said to be read: that it is here goes without saying.
      const { read = [], delivered = [] } = Object.groupBy(owed, ({ state }) => state)
      const shown = new Set(read.map(({ messageId }) => messageId))
      this.#hand(
        delivered.filter(({ messageId }) => !shown.has(messageId)),
        draft,
      )
      this.#hand(read, draft)
    }
  }

  /** The clock they wait by was set back. */
  hurry({ nowMs }: Draft): void {
    if (this.#dueMs < Number.POSITIVE_INFINITY) this.#dueMs = Math.min(this.#dueMs, nowMs)
  }

  nextDeadline(): number {
    return this.#dueMs
  }

  #owe(owed: OwedReceipt, waitMs: number, draft: Draft): void {
    draft.keep({ kind: 'add-owed', owed })
    this.#dueMs = Math.min(this.#dueMs, draft.nowMs + waitMs)
  }

  /** Of one state, to one contact. */
  #hand(group: readonly OwedReceipt[], draft: Draft): void {
    const [first] = group
    const contact = first && draft.contact(first.account)
    // Whoever is not, or no longer, a contact learns nothing of when we are here or what we read.
    if (first === undefined || contact?.state !== 'added') return
    const said = group.map(({ messageId }) => messageId)
    const all = first.state === 'read' ? this.#withReadLately(first.account, said) : said
    for (let from = 0; from < all.length; from += idsPerFrameMax) {
      const ids = all.slice(from, from + idsPerFrameMax)
      this.#submit(contact, { kind: 'receipt', state: first.state, ids }, draft)
    }
  }

  #withReadLately(account: AccountId, ids: readonly MessageId[]): readonly MessageId[] {
    const lately = this.#readLately.get(account) ?? []
    const all = [...lately.filter((id) => !ids.includes(id)), ...ids]
    this.#readLately.set(account, all.slice(-readAgainMax))
    return all
  }
}
