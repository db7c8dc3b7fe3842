/** Events not yet shown, envelopes dealt with, and small facts, on disk. */
import type { EnvelopeId, MessageId } from '../../protocol/ids.ts'
import type { FactKey } from '../core/effects.ts'
import type { Reads } from '../core/reads.ts'
import type { NodeEvent, StoredEvent } from '../core/state.ts'
import type { HighestNumbers } from './store-highest.ts'
import { given, limitOf, plainBytes, type Sql } from './store-sql.ts'

export interface EventRows {
  readonly reads: Pick<Reads, 'events' | 'lastEventSeq' | 'seen' | 'fact'>
  add(stored: StoredEvent): void
  drop(upTo: number): void
  addSeen(envelopeId: EnvelopeId, messageId: MessageId | undefined, untilMs: number): void
  sweepSeen(beforeMs: number): void
  putFact(key: FactKey, value: Uint8Array): void
}

export function eventRows(sql: Sql, highest: HighestNumbers): EventRows {
  const events = sql.all<{ seq: number; event: string }>(
    'SELECT seq, event FROM events WHERE seq > ? ORDER BY seq LIMIT ?',
  )
  const add = sql.put('events', ['seq'], ['event'])
  const seen = sql.one<{ message: MessageId | null }>('SELECT message FROM seen WHERE envelope = ?')
  const addSeen = sql.put('seen', ['envelope'], ['message', 'until_ms'])
  const fact = sql.one<{ value: Uint8Array }>('SELECT value FROM facts WHERE key = ?')

  return {
    reads: {
      events: (after, limit) =>
        events(after, limitOf(limit)).map(({ seq, event }) => ({ seq, event: JSON.parse(event) as NodeEvent })),
      lastEventSeq: () => highest.get('event'),
      seen(envelopeId) {
        const row = seen(envelopeId)
        return row === undefined ? undefined : given('messageId', row.message)
      },
      fact(key) {
        const row = fact(key)
        return row === undefined ? undefined : plainBytes(row.value)
      },
    },
    add(stored) {
      add(stored.seq, JSON.stringify(stored.event))
      highest.raise('event', stored.seq)
    },
    drop: sql.run('DELETE FROM events WHERE seq <= ?'),
    addSeen: (envelopeId, messageId, untilMs) => addSeen(envelopeId, messageId ?? null, untilMs),
    sweepSeen: sql.run('DELETE FROM seen WHERE until_ms < ?'),
    putFact: sql.put('facts', ['key'], ['value']),
  }
}
