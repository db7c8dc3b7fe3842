/**
 * A store's file on its way to being used: unlocked, set so that what it commits survives, of the current version. Which
 * tables a version has is `schema.ts`'s; whose turn it is to open the file, `lock.ts`'s.
 *
 * A page read with the wrong key and a damaged page look alike, because pages are authenticated: both are `corrupt-store`.
 */
import { rmSync } from 'node:fs'
import { bytesToHex } from '@noble/hashes/utils.js'
import { LocalError, UsageError } from '../../protocol/errors.ts'
import { migrate, versionOf } from './schema.ts'
import { makePrivate, replaceWhole } from './store-files.ts'
import { openDatabase, translated, type Database } from './store-sql.ts'

/** Older ones can lose a commit when a checkpoint and a write meet (the WAL-reset fault). */
const sqliteVersionMin = [3, 51, 3] as const

/**
 * Opens the file, or makes it, and takes it through `steps` as far as it has not come yet. Throws NodeError
 * `corrupt-store` or `newer-store`, LocalError when this machine cannot keep what is committed.
 */
export function openStoreFile(file: string, key: Uint8Array, steps: readonly string[]): Database {
  makePrivate(file)
  const database = openDatabase(file)
  try {
    unlock(database, key)
    const version = versionOf(database, steps.length)
    configure(database)
    bringUpToDate(database, version, steps, file)
    return database
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

/** A whole copy under the same key, to which `finish` may do something before it takes its name. */
export function copyTo(database: Database, file: string, finish?: (unfinished: string) => void): void {
  replaceWhole(file, (unfinished) => {
    translated(() => database.prepare('VACUUM INTO ?').run(unfinished))
    finish?.(unfinished)
  })
}

function isAtLeast(version: string, least: readonly number[]): boolean {
  const parts = version.split('.').map(Number)
  for (const [i, wanted] of least.entries()) {
    const part = parts[i] ?? 0
    if (part !== wanted) return part > wanted
  }
  return true
}
