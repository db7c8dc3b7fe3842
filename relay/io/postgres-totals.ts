/**
 * How much the shared store holds, without a look at every row: each statement that adds or removes some leaves its change in a
 * table of its own, within its own transaction, and one relay at a time adds up what has gathered there. So it is always right, and
 * costs what happened since it was last added up, whatever there is.
 *
 * For the bound on all mailboxes together a relay goes by the bytes it read last and by what it adds and removes itself; the
 * bound may be overshot by what the others store until it reads them again.
 */
import { urgencyMax } from '../../protocol/limits.ts'
import type { Census } from '../core/store-calls.ts'
import type { Queryable } from './postgres-directory.ts'

/** Any number, the same in every relay: whoever holds it adds up. */
const addingLock = 0x11_4e_4e_38

type Held = Pick<Census, 'mailboxes' | 'messages' | 'messageBytes' | 'byUrgency' | 'tombstones' | 'cards' | 'preKeys'>

export class Totals {
  #bytes = 0

  /** Of messages, as far as this relay knows. */
  get bytes(): number {
    return this.#bytes
  }

  changed(bytes: number): void {
    this.#bytes = Math.max(0, this.#bytes + bytes)
  }

  /** What there is now. */
  async read(db: Queryable): Promise<Held> {
    const { rows } = await db.query<{ what: string; count: number; bytes: number }>(
      'SELECT what, sum(count)::bigint AS count, sum(bytes)::bigint AS bytes FROM total GROUP BY what',
    )
    const of = (what: string): number => rows.find((row) => row.what === what)?.count ?? 0
    const byUrgency = Array.from({ length: urgencyMax + 1 }, (_, urgency) => of(`mailbox${urgency}`))
    this.#bytes = rows.reduce((sum, { bytes }) => sum + bytes, 0)
    return {
      mailboxes: of('device'),
      messages: byUrgency.reduce((sum, count) => sum + count, 0),
      messageBytes: this.#bytes,
      byUrgency,
      tombstones: of('tombstone'),
      cards: of('card'),
      preKeys: of('prekey_onetime'),
    }
  }

  /** Makes one change of many, unless another relay is at it, and reads what there is. */
  async addUp(db: Queryable): Promise<void> {
    await db.query(
      `WITH mine AS MATERIALIZED (SELECT pg_try_advisory_xact_lock($1) AS held),
        gone AS (DELETE FROM total WHERE (SELECT held FROM mine) RETURNING what, count, bytes)
        INSERT INTO total SELECT what, sum(count), sum(bytes) FROM gone GROUP BY what`,
      [addingLock],
    )
    await this.read(db)
  }
}

/** Devices with a mailbox. */
export async function countDevices(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    "SELECT coalesce(sum(count), 0)::bigint AS count FROM total WHERE what = 'device'",
  )
  return rows[0]?.count ?? 0
}
