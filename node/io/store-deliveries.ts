/** Deliveries and attempts on disk: what is on its way, and what was tried to get it there. */
import type { AccountId, DeviceId, EnvelopeId, MessageId } from '../../protocol/ids.ts'
import { attemptsKeptMax } from '../../protocol/limits.ts'
import type { MessageType } from '../../protocol/session/types.ts'
import type { Reads } from '../core/reads.ts'
import type { Attempt, Delivery, Route } from '../core/state.ts'
import { given, plainBytes, type Sql } from './store-sql.ts'

export interface DeliveryRows {
  readonly reads: Pick<Reads, 'deliveriesOf' | 'deliveries' | 'attempts'>
  put(delivery: Delivery): void
  drop(messageId: MessageId, device: DeviceId): void
  addAttempt(attempt: Attempt): void
}

interface DeliveryRow {
  readonly message: MessageId
  readonly device: DeviceId
  readonly account: AccountId
  readonly visible: number
  readonly body: Uint8Array
  readonly seq: number
  readonly sent_ms: number
  readonly expires_ms: number
  readonly send_order: number
  readonly urgency: number
  readonly envelope: EnvelopeId | null
  readonly type: MessageType | null
  readonly ciphertext: Uint8Array | null
  readonly stored_relay: string | null
  readonly stored_ms: number | null
}

interface AttemptRow {
  readonly message: MessageId
  readonly device: DeviceId | null
  readonly at_ms: number
  readonly route: Route
  readonly via: string
  readonly outcome: string
}

const key = ['message', 'device'] as const
const rest = [
  'account',
  'visible',
  'body',
  'seq',
  'sent_ms',
  'expires_ms',
  'send_order',
  'urgency',
  'envelope',
  'type',
  'ciphertext',
  'stored_relay',
  'stored_ms',
] as const

export function deliveryRows(sql: Sql): DeliveryRows {
  const select = `SELECT ${[...key, ...rest].join(', ')} FROM deliveries`
  const put = sql.put('deliveries', key, rest)
  const ofMessage = sql.all<DeliveryRow>(`${select} WHERE message = ? ORDER BY send_order, place`)
  const all = sql.all<DeliveryRow>(`${select} ORDER BY send_order, place`)
  const drop = sql.run('DELETE FROM deliveries WHERE message = ? AND device = ?')
  const attempts = attemptRows(sql)

  return {
    reads: {
      deliveriesOf: (messageId) => ofMessage(messageId).map((row) => deliveryOf(row)),
      deliveries: () => all().map((row) => deliveryOf(row)),
      attempts: attempts.of,
    },
    put(d) {
      put(
        d.messageId,
        d.device,
        d.account,
        Number(d.visible),
        d.body,
        d.seq,
        d.sentMs,
        d.expiresMs,
        d.order,
        d.urgency,
        d.sealedFor?.envelopeId ?? null,
        d.sealedFor?.type ?? null,
        d.sealedFor?.ciphertext ?? null,
        d.stored?.relay ?? null,
        d.stored?.atMs ?? null,
      )
    },
    drop(messageId, device) {
      drop(messageId, device)
      attempts.dropUnwanted(messageId)
    },
    addAttempt: attempts.add,
  }
}

interface AttemptRows {
  readonly of: (messageId: MessageId) => Attempt[]
  readonly add: (attempt: Attempt) => void
  readonly dropUnwanted: (messageId: MessageId) => void
}

function attemptRows(sql: Sql): AttemptRows {
  const of = sql.all<AttemptRow>(
    'SELECT message, device, at_ms, route, via, outcome FROM attempts WHERE message = ? ORDER BY place',
  )
  const count = sql.one<{ kept: number }>('SELECT count(*) AS kept FROM attempts WHERE message = ?')
  const add = sql.run('INSERT INTO attempts (message, device, at_ms, route, via, outcome) VALUES (?, ?, ?, ?, ?, ?)')
  // The first stays, because it says when and how this began.
  const dropSecond = sql.run(
    'DELETE FROM attempts WHERE place = (SELECT place FROM attempts WHERE message = ? ORDER BY place LIMIT 1 OFFSET 1)',
  )
  const dropUnwanted = sql.run(
    `DELETE FROM attempts WHERE message = ?
     AND NOT EXISTS (SELECT 1 FROM messages WHERE id = ?)
     AND NOT EXISTS (SELECT 1 FROM deliveries WHERE message = ?)`,
  )
  return {
    of: (messageId) => of(messageId).map((row) => attemptOf(row)),
    add(a) {
      if ((count(a.messageId)?.kept ?? 0) >= attemptsKeptMax) dropSecond(a.messageId)
      add(a.messageId, a.device ?? null, a.atMs, a.route, a.via, a.outcome)
    },
    dropUnwanted: (messageId) => dropUnwanted(messageId, messageId, messageId),
  }
}

function deliveryOf(row: DeliveryRow): Delivery {
  const { envelope, type, ciphertext, stored_relay: relay, stored_ms: atMs } = row
  return {
    messageId: row.message,
    device: row.device,
    account: row.account,
    visible: row.visible === 1,
    body: plainBytes(row.body),
    seq: row.seq,
    sentMs: row.sent_ms,
    expiresMs: row.expires_ms,
    order: row.send_order,
    urgency: row.urgency,
    ...(envelope === null || type === null || ciphertext === null
      ? {}
      : { sealedFor: { envelopeId: envelope, type, ciphertext: plainBytes(ciphertext) } }),
    ...(relay === null || atMs === null ? {} : { stored: { relay, atMs } }),
  }
}

function attemptOf(row: AttemptRow): Attempt {
  return {
    messageId: row.message,
    ...given('device', row.device),
    atMs: row.at_ms,
    route: row.route,
    via: row.via,
    outcome: row.outcome,
  }
}
