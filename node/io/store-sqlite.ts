/**
 * A device's store on disk: one SQLite file, encrypted whole, of which a commit survives a power cut. This file opens it,
 * holds its transactions and puts its parts together; what the parts keep stands in `store-*.ts`, the tables in
 * `schema.ts`. Who may open it is decided by `lock.ts`, with what key by `keyfile.ts`.
 *
 * A page read with the wrong key and a damaged page look alike, because pages are authenticated: both are `corrupt-store`.
 */
import { existsSync, rmSync } from 'node:fs'
import { basename } from 'node:path'
import { bytesToHex } from '@noble/hashes/utils.js'
import { LocalError, UsageError } from '../../protocol/errors.ts'
import type { Change } from '../core/effects.ts'
import { migrate, migrations, versionOf } from './schema.ts'
import type { DeviceStore } from './store.ts'
import { acquaintanceRows, contactRows, type AcquaintanceRows, type ContactRows } from './store-contacts.ts'
import { deliveryRows, type DeliveryRows } from './store-deliveries.ts'
import { eventRows, type EventRows } from './store-events.ts'
import { makePrivate, replaceWhole } from './store-files.ts'
import { highestNumbers } from './store-highest.ts'
import { keyRows, type KeyRows } from './store-keys.ts'
import { messageRows, type MessageRows } from './store-messages.ts'
import { sessionRows, type RecordCodec, type SessionRows } from './store-sessions.ts'
import { openDatabase, Sql, translated, type Database } from './store-sql.ts'

export interface SqliteStoreInit {
  readonly file: string
  /** 32 bytes; may be wiped once the store is open. */
  readonly key: Uint8Array
  readonly sessions: RecordCodec
  /** Steps to the current schema; others than this program's own only where migration itself is tried out. */
  readonly steps?: readonly string[]
}

/** Older ones can lose a commit when a checkpoint and a write meet (the WAL-reset fault). */
const sqliteVersionMin = [3, 51, 3] as const

/** Throws NodeError `corrupt-store` or `newer-store`, LocalError when this machine cannot keep what is committed. */
export function openSqliteStore(init: SqliteStoreInit): DeviceStore {
  makePrivate(init.file)
  const database = openDatabase(init.file)
  try {
    unlock(database, init.key)
    const steps = init.steps ?? migrations
    const version = versionOf(database, steps.length)
    configure(database)
    bringUpToDate(database, version, steps, init.file)
    return storeOver(database, init.sessions)
  } catch (error) {
    database.close()
    throw error
  }
}

function unlock(database: Database, key: Uint8Array): void {
  if (key.length !== 32) throw new UsageError('a store key is 32 bytes')
  translated(() => {
    database.pragma('locking_mode = EXCLUSIVE') // From the first read on, or the log's index would be a file of its own.
    database.pragma(`cipher = 'chacha20'`)
    database.pragma(`key = 'raw:${bytesToHex(key)}'`)
    database.prepare('SELECT count(*) FROM sqlite_schema').get() // Nothing is decrypted before the first read.
  })
}

/** Sets what durability and secrecy rest on, and believes none of it unasked: the database ignores what it cannot do. */
function configure(database: Database): void {
  const { version } = translated(() => database.prepare('SELECT sqlite_version() AS version').get()) as {
    version: string
  }
  if (!isAtLeast(version, sqliteVersionMin)) throw new LocalError(`SQLite ${version} can lose commits; update it`)
  const wanted: readonly (readonly [string, string, string | number])[] = [
    ['locking_mode', 'EXCLUSIVE', 'exclusive'],
    ['journal_mode', 'WAL', 'wal'],
    ['synchronous', 'FULL', 2],
    ['fullfsync', 'ON', 1], // Only macOS knows a difference.
    ['checkpoint_fullfsync', 'ON', 1],
    ['secure_delete', 'ON', 1],
    ['temp_store', 'MEMORY', 2],
    ['trusted_schema', 'OFF', 0],
  ]
  for (const [name, value, expected] of wanted) {
    translated(() => database.pragma(`${name} = ${value}`))
    const actual = translated(() => database.pragma(name, { simple: true }))
    if (actual !== expected) throw new LocalError(`the store cannot be kept safe here: ${name} is ${String(actual)}`)
  }
  database.pragma('journal_size_limit = 8388608')
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

function bringUpToDate(database: Database, version: number, steps: readonly string[], file: string): void {
  const older = `${file}.before-version-${steps.length}`
  if (version === steps.length) {
    // This version has come up whole once before; the older file would only keep alive keys that are meant to be gone.
    rmSync(older, { force: true })
    return
  }
  if (version > 0) copyTo(database, older)
  migrate(database, version, steps)
}

/** A whole copy under the same key. */
function copyTo(database: Database, file: string, finish?: (unfinished: string) => void): void {
  replaceWhole(file, (unfinished) => {
    translated(() => database.prepare('VACUUM INTO ?').run(unfinished))
    finish?.(unfinished)
  })
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

function isAtLeast(version: string, least: readonly number[]): boolean {
  const parts = version.split('.').map(Number)
  for (const [i, wanted] of least.entries()) {
    const part = parts[i] ?? 0
    if (part !== wanted) return part > wanted
  }
  return true
}
