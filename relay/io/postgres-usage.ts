/**
 * How many bytes of messages the shared store holds, for the bound on all mailboxes together. Counting them takes a look at
 * every row, so it is done now and then; what this relay adds and removes in between is kept in mind, and what the others
 * do is seen at the next count. The bound may be overshot by what they store in that time.
 */
import type { Queryable } from './postgres-directory.ts'

export class Usage {
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  changed(bytes: number): void {
    this.#bytes = Math.max(0, this.#bytes + bytes)
  }

  async count(db: Queryable): Promise<void> {
    const { rows } = await db.query<{ bytes: number }>('SELECT coalesce(sum(bytes), 0)::bigint AS bytes FROM mailbox')
    this.#bytes = rows[0]?.bytes ?? this.#bytes
  }
}
