/**
 * The newest envelopes of all mailboxes, as far as finding and ordering them needs: what a log-structured store calls its
 * memtable. What they say is on disk already; only where it belongs is kept here, until many can be filed at once. Changes
 * since the last `begin` can be taken back, because a transaction can be.
 */
import type { EnvelopeId } from '../../protocol/ids.ts'

/** An envelope that waits. Times are milliseconds since the epoch; `seq` numbers arrivals in all mailboxes. */
export interface Listed {
  readonly seq: number
  readonly id: EnvelopeId
  readonly urgency: number
  /** Length of what is sealed. */
  readonly bytes: number
  readonly expiresMs: number
}

type Mailbox = Map<EnvelopeId, Listed>

interface Change {
  readonly kind: 'added' | 'removed'
  readonly box: number
  readonly row: Listed
}

export class Memtable {
  readonly #mailboxes = new Map<number, Mailbox>()
  readonly #changes: Change[] = []
  #size = 0

  /** Envelopes in it. */
  get size(): number {
    return this.#size
  }

  /** Numbers of the mailboxes that have any, ascending. */
  boxes(): Float64Array {
    return Float64Array.from(this.#mailboxes.keys()).toSorted()
  }

  /** What is changed from here on is what `undo` takes back. */
  begin(): void {
    this.#changes.length = 0
  }

  undo(): void {
    for (const { kind, box, row } of this.#changes.splice(0).toReversed()) {
      if (kind === 'added') this.#take(box, row.id)
      else this.#put(box, row)
    }
  }

  add(box: number, row: Listed): void {
    this.#put(box, row)
    this.#changes.push({ kind: 'added', box, row })
  }

  find(box: number, id: EnvelopeId): Listed | undefined {
    return this.#mailboxes.get(box)?.get(id)
  }

  remove(box: number, id: EnvelopeId): Listed | undefined {
    const row = this.#take(box, id)
    if (row !== undefined) this.#changes.push({ kind: 'removed', box, row })
    return row
  }

  /** In no order to rely on. */
  of(box: number): Iterable<Listed> {
    return this.#mailboxes.get(box)?.values() ?? []
  }

  *all(): Iterable<Listed> {
    for (const mailbox of this.#mailboxes.values()) yield* mailbox.values()
  }

  #put(box: number, row: Listed): void {
    const mailbox = this.#mailboxes.get(box) ?? new Map<EnvelopeId, Listed>()
    if (mailbox.size === 0) this.#mailboxes.set(box, mailbox)
    mailbox.set(row.id, row)
    this.#size += 1
  }

  #take(box: number, id: EnvelopeId): Listed | undefined {
    const mailbox = this.#mailboxes.get(box)
    const row = mailbox?.get(id)
    if (mailbox === undefined || row === undefined) return undefined
    mailbox.delete(id)
    if (mailbox.size === 0) this.#mailboxes.delete(box)
    this.#size -= 1
    return row
  }
}
