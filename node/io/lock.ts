/**
 * One process owns a data directory. The lock is the operating system's, held through an empty database of its own, so it
 * ends with the process however that ends, and nothing stale is left to be cleared away.
 */
import { join } from 'node:path'
import { makePrivate, ownerFile } from './store-files.ts'
import { openDatabase, translated } from './store-sql.ts'

/** Takes the directory, and returns what gives it up. Throws NodeError 'in-use' while another process, or this, has it. */
export function lockDirectory(dataDir: string): () => void {
  const file = join(dataDir, ownerFile)
  makePrivate(file)
  const owner = openDatabase(file)
  try {
    translated(() => owner.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')) // Nothing is written, so no journal either.
  } catch (error) {
    owner.close()
    throw error
  }
  return () => owner.close()
}
