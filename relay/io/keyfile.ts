/**
 * The relay's own key, in a file of its own: a relay that loses its database loses what it held for others, but one that
 * loses its key is another relay. It can be copied to a safe place once and for all, apart from the database.
 */
import { chmodSync, existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { UsageError } from '../../protocol/errors.ts'
import type { Random } from '../../protocol/crypto/random.ts'
import { makeDirectory } from '../../protocol/shell/directory.ts'
import { writeWhole } from './whole-file.ts'

const seedLength = 32

/**
 * That of the relay in a directory. A database whose key is gone belongs to a relay that people know by another name, and nobody
 * would find what it holds: refused.
 */
export function seedIn(dataDir: string, random: Random): Uint8Array {
  const [key, database] = [join(dataDir, 'relay.key'), join(dataDir, 'relay.db')]
  if (existsSync(database) && !existsSync(key)) {
    throw new UsageError(
      `${key} is missing, and ${database} is there: without its key this would be another relay. Put the key back from its copy; to be another one all the same, move the database away.`,
    )
  }
  return loadOrCreateSeed(key, random)
}

/** The 32-byte Ed25519 seed in the file, made and kept there first if there is none. */
export function loadOrCreateSeed(path: string, random: Random): Uint8Array {
  const text = readIfPresent(path)
  if (text === undefined) return createSeed(path, random)
  if (!/^[0-9a-f]{64}\n?$/.test(text)) {
    throw new UsageError(`${path} is not a relay's key: 64 hexadecimal digits are expected. Restore it from its copy.`)
  }
  chmodSync(path, 0o600)
  return new Uint8Array(Buffer.from(text.trim(), 'hex'))
}

function createSeed(path: string, random: Random): Uint8Array {
  const seed = random.bytes(seedLength)
  makeDirectory(dirname(path))
  writeWhole(path, `${Buffer.from(seed).toString('hex')}\n`)
  return seed
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
