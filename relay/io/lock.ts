/**
 * One relay to a directory. The lock is a SQLite transaction that is never finished, on a file of its own: the operating
 * system lets go of it when the process ends, however it ends, so there is no stale lock to clear away.
 */
import Database from 'better-sqlite3-multiple-ciphers'
import { UsageError } from '../../protocol/errors.ts'

/** Returns how to let go. */
export function lockDirectory(path: string): () => void {
  const db = new Database(path, { timeout: 0 })
  try {
    db.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    db.close()
    if (!(error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY')) throw error
    throw new UsageError(
      `Another relay is using this directory (${path} is locked). Stop it, or choose another directory.`,
    )
  }
  return () => db.close()
}
