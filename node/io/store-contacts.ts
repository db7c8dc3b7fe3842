/**
 * People on disk: contacts, invites, how far their devices have come, and receipts owed to them. Contacts are asked for
 * with every message and are few, so all of them also stand in memory, in the same table the store in memory uses.
 */
import type { AccountId, DeviceId, MessageId } from '../../protocol/ids.ts'
import type { Card } from '../../protocol/wire/card.ts'
import type { ReceiptState } from '../../protocol/wire/content.ts'
import type { Reads } from '../core/reads.ts'
import type { Contact, ContactState, Inbound, OpenInvite, OwedReceipt } from '../core/state.ts'
import { given, plainBytes, type Sql } from './store-sql.ts'
import { Table, UndoLog, type Group } from './store-table.ts'

interface Row {
  readonly account: AccountId
  readonly name: string
  readonly state: ContactState
  readonly card: string | null
  readonly signed_card: Uint8Array | null
  readonly card_signature: Uint8Array | null
  readonly hints: string
  readonly token: Uint8Array | null
  readonly introduced: number
  readonly verified: number
  readonly next_seq: number
  readonly added_ms: number
}

const rest = [
  'name',
  'state',
  'card',
  'signed_card',
  'card_signature',
  'hints',
  'token',
  'introduced',
  'verified',
  'next_seq',
  'added_ms',
] as const

/** Contacts by everything they are asked for. */
class ContactTable {
  readonly undo: UndoLog = new UndoLog()
  readonly rows: Table<Contact> = new Table(this.undo)
  readonly byName: Group<Contact> = this.rows.groupedBy((c) => [c.name])
  readonly byDevice: Group<Contact> = this.rows.groupedBy((c) => c.card?.devices.map((d) => d.device) ?? [])
}

export interface ContactRows {
  readonly reads: Pick<Reads, 'contact' | 'contactOfDevice' | 'contactNamed' | 'contacts'>
  put(contact: Contact): void
  begin(): void
  commit(): void
  rollback(): void
}

export function contactRows(sql: Sql): ContactRows {
  const put = sql.put('contacts', ['account'], rest)
  const table = new ContactTable()
  table.undo.begin()
  for (const row of sql.all<Row>(`SELECT account, ${rest.join(', ')} FROM contacts ORDER BY place`)()) {
    table.rows.put(row.account, contactOf(row))
  }
  table.undo.commit()

  return {
    reads: {
      contact: (account) => table.rows.get(account),
      contactOfDevice: (device) => table.byDevice.first(device),
      contactNamed: (name) => table.byName.first(name),
      contacts: () => table.rows.values(),
    },
    put(c) {
      put(
        c.account,
        c.name,
        c.state,
        c.card === undefined ? null : JSON.stringify(c.card),
        c.signedCard?.card ?? null,
        c.signedCard?.signature ?? null,
        JSON.stringify(c.hints),
        c.token ?? null,
        Number(c.introduced),
        Number(c.verified),
        c.nextSeq,
        c.addedMs,
      )
      table.rows.put(c.account, c)
    },
    begin: () => table.undo.begin(),
    commit: () => table.undo.commit(),
    rollback: () => table.undo.rollback(),
  }
}

function contactOf(row: Row): Contact {
  return {
    account: row.account,
    name: row.name,
    state: row.state,
    ...given('card', row.card === null ? null : (JSON.parse(row.card) as Card)),
    ...(row.signed_card === null || row.card_signature === null
      ? {}
      : { signedCard: { card: plainBytes(row.signed_card), signature: plainBytes(row.card_signature) } }),
    hints: JSON.parse(row.hints) as string[],
    ...given('token', row.token === null ? null : plainBytes(row.token)),
    introduced: row.introduced === 1,
    verified: row.verified === 1,
    nextSeq: row.next_seq,
    addedMs: row.added_ms,
  }
}

export interface AcquaintanceRows {
  readonly reads: Pick<Reads, 'invite' | 'invites' | 'inbound' | 'owed'>
  putInvite(invite: OpenInvite): void
  dropInvite(token: Uint8Array): void
  putInbound(inbound: Inbound): void
  addOwed(owed: OwedReceipt): void
  dropOwed(owed: OwedReceipt): void
}

interface InviteRow {
  readonly token: Uint8Array
  readonly created_ms: number
  readonly expires_ms: number
  readonly used_by: AccountId | null
}

interface OwedRow {
  readonly account: AccountId
  readonly message: MessageId
  readonly state: ReceiptState
}

export function acquaintanceRows(sql: Sql): AcquaintanceRows {
  const invite = sql.one<InviteRow>('SELECT token, created_ms, expires_ms, used_by FROM invites WHERE token = ?')
  const invites = sql.all<InviteRow>('SELECT token, created_ms, expires_ms, used_by FROM invites ORDER BY place')
  const putInvite = sql.put('invites', ['token'], ['created_ms', 'expires_ms', 'used_by'])
  const inbound = sql.one<{ account: AccountId; expected: number }>(
    'SELECT account, expected FROM inbound WHERE device = ?',
  )
  const putInbound = sql.put('inbound', ['device'], ['account', 'expected'])
  const owed = sql.all<OwedRow>('SELECT account, message, state FROM owed ORDER BY place')
  const addOwed = sql.put('owed', ['account', 'message', 'state'], [])
  const dropOwed = sql.run('DELETE FROM owed WHERE account = ? AND message = ? AND state = ?')

  return {
    reads: {
      invite: (token) => inviteOf(invite(token)),
      invites: () => invites().map((row) => inviteOf(row)),
      inbound: (device) => inboundOf(device, inbound(device)),
      owed: () => owed().map(({ account, message, state }) => ({ account, messageId: message, state })),
    },
    putInvite: (i) => putInvite(i.token, i.createdMs, i.expiresMs, i.usedBy ?? null),
    dropInvite: sql.run('DELETE FROM invites WHERE token = ?'),
    putInbound: (i) => putInbound(i.device, i.account, i.expected),
    addOwed: (o) => addOwed(o.account, o.messageId, o.state),
    dropOwed: (o) => dropOwed(o.account, o.messageId, o.state),
  }
}

function inviteOf(row: InviteRow): OpenInvite
function inviteOf(row: InviteRow | undefined): OpenInvite | undefined
function inviteOf(row: InviteRow | undefined): OpenInvite | undefined {
  if (row === undefined) return undefined
  return {
    token: plainBytes(row.token),
    createdMs: row.created_ms,
    expiresMs: row.expires_ms,
    ...given('usedBy', row.used_by),
  }
}

function inboundOf(
  device: DeviceId,
  row: { readonly account: AccountId; readonly expected: number } | undefined,
): Inbound | undefined {
  return row === undefined ? undefined : { device, account: row.account, expected: row.expected }
}
