/**
 * Copies of a relay, and the way back. A copy is a directory: the database as it was at one moment, the relay's key, and a
 * list of both with their checksums, so that a copy that rotted is found out before anything is replaced by it.
 *
 * A restored database is older than the relay it belongs to. Messages that were fetched meanwhile come again, which devices
 * notice by their ids. A one-time prekey that was handed out meanwhile would go out a second time, which nobody would notice: so
 * a restore forgets all of them, and their owners, told that none is left, publish new ones.
 */
import { createHash } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { UsageError } from '../../protocol/errors.ts'
import { makeDirectory } from '../../protocol/shell/directory.ts'
import { lockDirectory } from '../io/lock.ts'
import { openDatabase } from '../io/sqlite-open.ts'
import { relaySchema } from '../io/sqlite-schema.ts'

const databaseName = 'relay.db'
const keyName = 'relay.key'
const listName = 'checksums.json'

/** Read at a time: a database may be larger than memory. */
const pieceBytes = 1_048_576

/** Copies into a new directory; `copyDatabase` makes the one file, whoever has the database open. */
export async function backupTo(
  dataDir: string,
  copy: string,
  copyDatabase: (path: string) => Promise<void>,
): Promise<readonly string[]> {
  if (existsSync(copy)) throw new UsageError(`${copy} is there already; a copy goes into a new directory.`)
  makeDirectory(copy)
  try {
    await copyDatabase(join(copy, databaseName))
    chmodSync(join(copy, databaseName), 0o600)
    copyFileSync(join(dataDir, keyName), join(copy, keyName))
    chmodSync(join(copy, keyName), 0o600)
    const sums = [databaseName, keyName].map((name) => [name, checksum(join(copy, name))])
    writeFileSync(join(copy, listName), `${JSON.stringify(Object.fromEntries(sums), null, 2)}\n`, { mode: 0o600 })
  } catch (error) {
    rmSync(copy, { recursive: true, force: true })
    throw explained(error, copy)
  }
  return [databaseName, keyName, listName]
}

/** A disk that does not take the copy is its operator's to look at. */
function explained(error: unknown, copy: string): unknown {
  const words = error instanceof Error ? error.message : ''
  const [fault] =
    /database or disk is full|disk I\/O error|readonly database|unable to open database file|ENOSPC|EDQUOT|EROFS/.exec(
      words,
    ) ?? []
  return fault === undefined
    ? error
    : new UsageError(`The copy cannot be written to ${copy} (${fault}); nothing is left there.`)
}

/** Copies the database of a relay that is not running. */
export async function copyIdleDatabase(dataDir: string, path: string): Promise<void> {
  const from = join(dataDir, databaseName)
  if (!existsSync(from)) throw new UsageError(`${dataDir} holds no relay.`)
  const unlock = lockDirectory(join(dataDir, 'relay.lock'))
  try {
    const db = openDatabase(from, relaySchema)
    await db.backup(path)
    db.close()
  } finally {
    unlock()
  }
}

export interface Restored {
  /** Where what was there before has been put, if there was anything. */
  readonly before: string | undefined
}

/** Puts a copy in the place of what is there, which is kept beside it. The relay must not be running. */
export function restoreFrom(copy: string, dataDir: string, nowMs: number): Restored {
  verifyCopy(copy)
  makeDirectory(dataDir)
  const unlock = lockDirectory(join(dataDir, 'relay.lock'))
  try {
    const draft = join(dataDir, `${databaseName}.restoring`)
    rmSync(draft, { force: true })
    copyFileSync(join(copy, databaseName), draft)
    chmodSync(draft, 0o600)
    forgetPreKeys(draft)
    const before = putAside(dataDir, nowMs)
    renameSync(draft, join(dataDir, databaseName))
    copyFileSync(join(copy, keyName), join(dataDir, keyName))
    chmodSync(join(dataDir, keyName), 0o600)
    return { before }
  } finally {
    unlock()
  }
}

function verifyCopy(copy: string): void {
  const list = join(copy, listName)
  if (!existsSync(list)) throw new UsageError(`${copy} is no copy of a relay: it has no ${listName}.`)
  const sums = sumsIn(list)
  for (const name of [databaseName, keyName]) {
    const path = join(copy, name)
    if (existsSync(path) && checksum(path) === sums[name]) continue
    throw new UsageError(`${path} is missing or is not what was copied: take another copy. Nothing was changed.`)
  }
}

function sumsIn(list: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(readFileSync(list, 'utf8')) as Record<string, unknown>
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new UsageError(`${list} is not what was written there: take another copy. Nothing was changed.`)
  }
}

function forgetPreKeys(path: string): void {
  const db = openDatabase(path, relaySchema)
  try {
    const found = db.pragma('integrity_check', { simple: true })
    if (found !== 'ok') throw new UsageError('The copied database is damaged: take another copy. Nothing was changed.')
    db.exec('DELETE FROM prekey_onetime')
    db.exec('VACUUM') // The one moment at which what has become free can go back to the disk without holding up anybody.
    db.pragma('wal_checkpoint(TRUNCATE)')
  } finally {
    db.close()
  }
}

/** The database with its log, and the key: all of it, or a log would be played into the wrong database. */
function putAside(dataDir: string, nowMs: number): string | undefined {
  const names = [databaseName, `${databaseName}-wal`, `${databaseName}-shm`, keyName]
  const present = names.filter((name) => existsSync(join(dataDir, name)))
  if (present.length === 0) return undefined
  const aside = join(dataDir, `before-restore-${new Date(nowMs).toISOString().replaceAll(/[:.]/g, '-')}`)
  mkdirSync(aside, { mode: 0o700 })
  for (const name of present) renameSync(join(dataDir, name), join(aside, name))
  return aside
}

function checksum(path: string): string {
  const hash = createHash('sha256')
  const file = openSync(path, 'r')
  const piece = Buffer.alloc(pieceBytes)
  for (;;) {
    const length = readSync(file, piece)
    if (length === 0) break
    hash.update(piece.subarray(0, length))
  }
  closeSync(file)
  return hash.digest('hex')
}
