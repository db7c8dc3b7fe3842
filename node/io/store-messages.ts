/** Messages on disk: a row each for as long as the store lives, found by id, by place in history, and by what they wait for. */
import type { AccountId, DeviceId, MessageId } from '../../protocol/ids.ts'
import type { Reads } from '../core/reads.ts'
import type { Message, MessageState } from '../core/state.ts'
import type { HighestNumbers } from './store-highest.ts'
import { given, limitOf, plainBytes, type Sql } from './store-sql.ts'

type MessageReads = Pick<
  Reads,
  'message' | 'findMessage' | 'history' | 'lastPosition' | 'held' | 'heldDevices' | 'heldOf' | 'undispatched'
>

export interface MessageRows {
  readonly reads: MessageReads
  put(message: Message): void
}

interface Row {
  readonly id: MessageId
  readonly conversation: AccountId
  readonly outgoing: number
  readonly device: DeviceId | null
  readonly body: Uint8Array
  readonly seq: number
  readonly sent_ms: number
  readonly received_ms: number | null
  readonly state: MessageState
  readonly position: number
  readonly expires_ms: number | null
  readonly dispatched: number | null
  readonly waiting: string | null
}

const key = ['id', 'conversation', 'outgoing'] as const
const rest = [
  'device',
  'body',
  'seq',
  'sent_ms',
  'received_ms',
  'state',
  'position',
  'expires_ms',
  'dispatched',
  'waiting',
] as const

export function messageRows(sql: Sql, highest: HighestNumbers): MessageRows {
  const where = (clause: string): string => `SELECT ${[...key, ...rest].join(', ')} FROM messages WHERE ${clause}`
  const put = sql.put('messages', key, rest)
  const one = sql.one<Row>(where('id = ? AND conversation = ? AND outgoing = ?'))
  const byId = sql.one<Row>(where('id = ? ORDER BY outgoing DESC, place LIMIT 1'))
  const history = sql.all<Row>(
    where('conversation = ? AND position > 0 AND position < ? ORDER BY position DESC, place DESC LIMIT ?'),
  )
  const held = sql.all<Row>(where(`device = ? AND state = 'held' ORDER BY seq, place`))
  const heldDevices = sql.all<{ device: DeviceId }>(
    `SELECT DISTINCT device FROM messages WHERE state = 'held' AND device IS NOT NULL ORDER BY device`,
  )
  const heldOf = sql.all<Row>(where(`conversation = ? AND state = 'held' ORDER BY place`))
  const undispatched = sql.all<Row>(where('conversation = ? AND outgoing = 1 AND dispatched = 0 ORDER BY seq, place'))

  return {
    reads: {
      message: (conversation, outgoing, id) => messageOf(one(id, conversation, outgoing ? 1 : 0)),
      findMessage: (id) => messageOf(byId(id)),
      history: (conversation, limit, before = Number.MAX_SAFE_INTEGER) =>
        messagesOf(history(conversation, before, limitOf(limit))).toReversed(),
      lastPosition: () => highest.get('position'),
      held: (device) => messagesOf(held(device)),
      heldDevices: () => heldDevices().map((row) => row.device),
      heldOf: (account) => messagesOf(heldOf(account)),
      undispatched: (account) => messagesOf(undispatched(account)),
    },
    put(m) {
      put(
        m.id,
        m.conversation,
        m.outgoing ? 1 : 0,
        m.device ?? null,
        m.body,
        m.seq,
        m.sentMs,
        m.receivedMs ?? null,
        m.state,
        m.position,
        m.expiresMs ?? null,
        m.dispatched === undefined ? null : Number(m.dispatched),
        m.waiting ?? null,
      )
      highest.raise('position', m.position)
    },
  }
}

function messagesOf(rows: readonly Row[]): Message[] {
  return rows.map((row) => messageOf(row))
}

function messageOf(row: Row): Message
function messageOf(row: Row | undefined): Message | undefined
function messageOf(row: Row | undefined): Message | undefined {
  if (row === undefined) return undefined
  return {
    id: row.id,
    conversation: row.conversation,
    outgoing: row.outgoing === 1,
    ...given('device', row.device),
    body: plainBytes(row.body),
    seq: row.seq,
    sentMs: row.sent_ms,
    ...given('receivedMs', row.received_ms),
    state: row.state,
    position: row.position,
    ...given('expiresMs', row.expires_ms),
    ...given('dispatched', row.dispatched === null ? null : row.dispatched === 1),
    ...given('waiting', row.waiting),
  }
}
