/**
 * How much waits in all mailboxes together, kept while it changes: an operator's monitor asks every few seconds, and counting a
 * million rows for it would hold up everybody else. Counted once when the database is opened, and anew after a rollback.
 */
import { urgencyMax } from '../../protocol/limits.ts'
import { isDamage } from './group-commit.ts'

export interface Total {
  readonly urgency: number
  readonly messages: number
  readonly bytes: number
}

export class Totals {
  readonly #count: () => Iterable<Total>
  #messages: number[] = []
  #bytes = 0
  #isKnown = false

  constructor(count: () => Iterable<Total>) {
    this.#count = count
    try {
      this.#recount()
    } catch (error) {
      if (!isDamage(codeOf(error))) throw error
      this.#isKnown = false // Whoever asks something first meets the damage too, and then it is said aloud.
    }
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
      this.#messages[urgency] = (this.#messages[urgency] ?? 0) + messages
      this.#bytes += bytes
    }
    this.#isKnown = true
  }
}

/** Rows of one table: counted when somebody asks first, and then kept while they change. */
export class Counted {
  readonly #count: () => number
  #now: number | undefined

  constructor(count: () => number) {
    this.#count = count
  }

  /** What is in memory may be ahead of what is on disk. */
  forget(): void {
    this.#now = undefined
  }

  /** So many, which it returns. */
  gone(rows: number): number {
    if (this.#now !== undefined) this.#now -= rows
    return rows
  }

  get now(): number {
    return (this.#now ??= this.#count())
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
