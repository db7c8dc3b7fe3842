/**
 * How much waits in all mailboxes together, kept while it changes: an operator's monitor asks every few seconds, and counting a
 * million rows for it would hold up everybody else. Counted once when the database is opened, and anew after a rollback.
 */
import { urgencyMax } from '../../protocol/limits.ts'

export interface Total {
  readonly urgency: number
  readonly messages: number
  readonly bytes: number
}

export class Totals {
  readonly #count: () => readonly Total[]
  #messages: number[] = []
  #bytes = 0
  #isKnown = false

  constructor(count: () => readonly Total[]) {
    this.#count = count
    this.#recount()
  }

  /** What is in memory may be ahead of what is on disk. */
  forget(): void {
    this.#isKnown = false
  }

  changed(urgency: number, messages: 1 | -1, bytes: number): void {
    this.#messages[urgency] = (this.#messages[urgency] ?? 0) + messages
    this.#bytes += messages * bytes
  }

  get now(): { readonly messages: number; readonly messageBytes: number; readonly byUrgency: readonly number[] } {
    if (!this.#isKnown) this.#recount()
    const messages = this.#messages.reduce((sum, count) => sum + count, 0)
    return { messages, messageBytes: this.#bytes, byUrgency: [...this.#messages] }
  }

  #recount(): void {
    this.#messages = Array.from({ length: urgencyMax + 1 }, () => 0)
    this.#bytes = 0
    for (const { urgency, messages, bytes } of this.#count()) {
      this.#messages[urgency] = messages
      this.#bytes += bytes
    }
    this.#isKnown = true
  }
}
