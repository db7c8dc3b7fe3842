/**
 * A device's store on disk: one SQLite file, encrypted whole, of which a commit survives a power cut. This file holds its
 * transactions and puts its parts together; what the parts keep stands in `store-*.ts`, the tables in `schema.ts`, and
 * how the file is opened in `store-open.ts`.
 */
import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { LocalError, UsageError } from '../../protocol/errors.ts'
import type { Change } from '../core/effects.ts'
import { migrations } from './schema.ts'
import type { DeviceStore } from './store.ts'
import { acquaintanceRows, contactRows, type AcquaintanceRows, type ContactRows } from './store-contacts.ts'
import { deliveryRows, type DeliveryRows } from './store-deliveries.ts'
import { eventRows, type EventRows } from './store-events.ts'
import { highestNumbers } from './store-highest.ts'
import { keyRows, type KeyRows } from './store-keys.ts'
import { messageRows, type MessageRows } from './store-messages.ts'
import { copyTo, openStoreFile } from './store-open.ts'
import { sessionRows, type RecordCodec, type SessionRows } from './store-sessions.ts'
import { Sql, translated, type Database } from './store-sql.ts'

export interface SqliteStoreInit {
  readonly file: string
  /** 32 bytes; may be wiped once the store is open. */
  readonly key: Uint8Array
  readonly sessions: RecordCodec
  /** Steps to the current schema; others than this program's own only where migration itself is tried out. */
  readonly steps?: readonly string[]
}

/** Throws NodeError `corrupt-store` or `newer-store`, LocalError when this machine cannot keep what is committed. */
export function openSqliteStore({ file, key, sessions, steps = migrations }: SqliteStoreInit): DeviceStore {
  const database = openStoreFile(file, key, steps)
  try {
    return storeOver(database, sessions)
  } catch (error) {
    database.close()
    throw error
  }
}

function storeOver(database: Database, codec: RecordCodec): DeviceStore {
  const sql = new Sql(database)
  const highest = highestNumbers(sql)
  const contacts = contactRows(sql)
  const acquaintances = acquaintanceRows(sql)
  const messages = messageRows(sql, highest)
  const deliveries = deliveryRows(sql)
  const sessions = sessionRows(sql, codec)
  const keys = keyRows(sql)
  const events = eventRows(sql, highest)
  const parts = { contacts, acquaintances, messages, deliveries, sessions, keys, events }
  const begin = sql.run('BEGIN IMMEDIATE')
  const commit = sql.run('COMMIT')
  const rollback = sql.run('ROLLBACK')
  let closed = false

  const journal = {
    begin() {
      begin()
      contacts.begin()
    },
    apply(change: Change) {
      if (!database.inTransaction) throw new LocalError('changes are applied inside a transaction')
      applyTo(parts, change)
    },
    commit() {
      sessions.flush()
      highest.flush()
      commit()
      highest.commit()
      contacts.commit()
    },
    /** The database may have rolled back by itself, when a commit failed. */
    rollback() {
      if (database.inTransaction) rollback()
      sessions.rollback()
      highest.rollback()
      contacts.rollback()
    },
  }

  return {
    ...contacts.reads,
    ...acquaintances.reads,
    ...messages.reads,
    ...deliveries.reads,
    ...sessions.reads,
    ...keys.reads,
    ...events.reads,
    ...journal,
    close() {
      if (closed) return
      closed = true
      journal.rollback()
      translated(() => database.close())
    },
    async backup(path) {
      if (existsSync(path)) throw new UsageError(`${basename(path)} exists already; a backup replaces nothing`)
      copyTo(database, path, (unfinished) => dropSessions(database, unfinished))
    },
  }
}

interface Parts {
  readonly contacts: ContactRows
  readonly acquaintances: AcquaintanceRows
  readonly messages: MessageRows
  readonly deliveries: DeliveryRows
  readonly sessions: SessionRows
  readonly keys: KeyRows
  readonly events: EventRows
}

function applyTo(to: Parts, change: Change): void {
  switch (change.kind) {
    case 'put-fact':
      return to.events.putFact(change.key, change.value)
    case 'put-contact':
      return to.contacts.put(change.contact)
    case 'put-message':
      return to.messages.put(change.message)
    case 'put-delivery':
      return to.deliveries.put(change.delivery)
    case 'drop-delivery':
      return to.deliveries.drop(change.messageId, change.device)
    case 'add-attempt':
      return to.deliveries.addAttempt(change.attempt)
    case 'put-session':
      return to.sessions.put(change.device, change.record)
    case 'add-prekeys':
      return change.preKeys.forEach((preKey) => to.keys.addPreKey(preKey))
    case 'drop-prekey':
      return to.keys.dropPreKey(change.id)
    case 'put-signed-prekey':
      return to.keys.putSigned(change.preKey)
    case 'drop-signed-prekey':
      return to.keys.dropSigned(change.id)
    case 'put-kyber-prekey':
      return to.keys.putKyber(change.preKey)
    case 'drop-kyber-prekey':
      return to.keys.dropKyber(change.id)
    case 'add-base-key':
      return to.keys.addMark(change.mark)
    case 'add-seen':
      return to.events.addSeen(change.envelopeId, change.messageId, change.untilMs)
    case 'sweep-seen':
      return to.events.sweepSeen(change.beforeMs)
    case 'put-invite':
      return to.acquaintances.putInvite(change.invite)
    case 'drop-invite':
      return to.acquaintances.dropInvite(change.token)
    case 'put-inbound':
      return to.acquaintances.putInbound(change.inbound)
    case 'add-owed':
      return to.acquaintances.addOwed(change.owed)
    case 'drop-owed':
      return to.acquaintances.dropOwed(change.owed)
    case 'add-event':
      return to.events.add(change.stored)
    case 'drop-events':
      return to.events.drop(change.upTo)
  }
}

/** Sessions opened anew cost one round trip; sessions set back would encrypt twice with the same keys. */
function dropSessions(database: Database, copy: string): void {
  translated(() => {
    database.prepare('ATTACH ? AS copy').run(copy) // Under the key of this one, as long as no other is named.
    try {
      database.exec('PRAGMA copy.secure_delete = ON; DELETE FROM copy.sessions')
    } finally {
      database.exec('DETACH copy')
    }
  })
}
