/**
 * Opens a database so that a commit means what it says, or refuses: write-ahead log, a sync with every commit, a SQLite
 * without the fault that could lose committed writes, and a schema this program knows. An older schema is brought forward,
 * after a copy was put beside it; a newer one is refused, because this program would not understand what it writes over.
 */
import { closeSync, openSync } from 'node:fs'
import { basename } from 'node:path'
import Database from 'better-sqlite3-multiple-ciphers'
import { LocalError, UsageError } from '../../protocol/errors.ts'

export interface Migration {
  readonly name: string
  readonly sql: string
}

/** Before 3.51.3 two connections could lose committed writes when a checkpoint met the reset of the log. */
const versionMin: readonly number[] = [3, 51, 3]

/**
 * Pages of the log (16 MiB) before they are written to their places: a page that every batch touches is then written there
 * once for many batches. A start reads the log again, which takes milliseconds.
 */
const logPagesMax = 4_096

export function openDatabase(path: string, migrations: readonly Migration[]): Database.Database {
  // Created here and not by SQLite, which would let everyone on this machine read it; its log takes the same mode.
  closeSync(openSync(path, 'a', 0o600))
  const db = new Database(path)
  const name = basename(path)
  try {
    assertVersion(db)
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = FULL')
    db.pragma('foreign_keys = ON')
    db.pragma('secure_delete = FAST')
    db.pragma('cache_size = -65536')
    db.pragma(`wal_autocheckpoint = ${logPagesMax}`)
    assertDurable(db)
    migrate(db, path, migrations)
    return db
  } catch (error) {
    db.close()
    throw explained(error, name)
  }
}

/** What the file or the disk is at fault for is for whoever runs this to put right. */
function explained(error: unknown, name: string): unknown {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (/^SQLITE_(NOTADB|CORRUPT)/.test(code)) {
    return new UsageError(
      `${name} is damaged (${code}): put a copy back, or move ${name}, ${name}-wal and ${name}-shm away to begin with nothing.`,
    )
  }
  if (/^SQLITE_(FULL|READONLY|IOERR|CANTOPEN|PERM)/.test(code)) {
    return new UsageError(
      `The disk does not let ${name} be written (${code}): look at its space, its mount and its owner.`,
    )
  }
  return error
}

function assertVersion(db: Database.Database): void {
  const version = String(db.prepare('SELECT sqlite_version()').pluck().get())
  const parts = version.split('.').map(Number)
  for (const [i, least] of versionMin.entries()) {
    const part = parts[i] ?? 0
    if (part > least) return
    if (part < least)
      throw new LocalError(`SQLite ${version} can lose committed writes; ${versionMin.join('.')} is needed`)
  }
}

/** Asked for is not granted: a build's default or a file system can overrule a pragma without a word. */
function assertDurable(db: Database.Database): void {
  const journal = db.pragma('journal_mode', { simple: true })
  const synchronous = db.pragma('synchronous', { simple: true })
  if (journal !== 'wal' || synchronous !== 2) {
    throw new LocalError(
      `the database would not survive a power cut (journal ${String(journal)}, sync ${String(synchronous)})`,
    )
  }
}

function migrate(db: Database.Database, path: string, migrations: readonly Migration[]): void {
  const held = Number(db.pragma('user_version', { simple: true }))
  if (held > migrations.length) {
    throw new UsageError(
      `This database was written by a newer version (schema ${held}, known here ${migrations.length}). Upgrade, or restore the copy that the upgrade left beside it.`,
    )
  }
  if (held === migrations.length) return
  if (held > 0) db.prepare('VACUUM INTO ?').run(`${path}.before-schema-${migrations.length}`)
  const bringForward = db.transaction(() => {
    for (const { sql } of migrations.slice(held)) db.exec(sql)
    db.pragma(`user_version = ${migrations.length}`)
  })
  bringForward.immediate()
}
