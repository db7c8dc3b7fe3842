/**
 * Opens the shared database so that a commit means what it says, or refuses: a server that syncs, and a schema this program
 * knows. The first of several relays to start brings an older schema forward, while the others wait for it.
 */
import pg from 'pg'
import { LocalError, UsageError } from '../../protocol/errors.ts'
import { postgresSchema } from './postgres-schema.ts'

/** Connections to the server: two that write, the rest for those who fetch. */
const connectionsMax = 8
/** What a server may take to answer before it counts as gone. */
const answerMsMax = 10_000

/** Any number, the same in every relay: whoever holds it may change the schema. */
const migrationLock = 0x11_4e_4e_37

/** Numbers of 64 bits come as text by default; all of ours are times, counts and sizes, well below 2^53. */
const numbers: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    oid === pg.types.builtins.INT8 ? Number : (pg.types.getTypeParser(oid, format) as (text: string) => unknown),
}

export function connection(url: string): pg.ClientConfig {
  return {
    connectionString: url,
    types: numbers,
    application_name: 'linnet-relay',
    connectionTimeoutMillis: answerMsMax,
    query_timeout: answerMsMax,
    keepAlive: true,
  }
}

export async function openPool(url: string, onError: (error: Error) => void): Promise<pg.Pool> {
  const pool = new pg.Pool({ ...connection(url), max: connectionsMax })
  pool.on('error', onError) // A connection that nobody is using at the moment was lost; the next one is opened anew.
  try {
    await assertDurable(pool)
    await migrate(pool)
    return pool
  } catch (error) {
    await pool.end()
    throw explained(error)
  }
}

async function assertDurable(pool: pg.Pool): Promise<void> {
  for (const setting of ['fsync', 'synchronous_commit', 'full_page_writes']) {
    const { rows } = await pool.query<Record<string, string>>(`SHOW ${setting}`)
    const value = rows[0]?.[setting]
    const safe = value === 'on' || (setting === 'synchronous_commit' && value === 'remote_apply')
    if (!safe) {
      throw new UsageError(
        `The database would not survive a power cut: ${setting} is ${value ?? 'unknown'}. Turn it on.`,
      )
    }
  }
}

async function migrate(pool: pg.Pool): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('SELECT pg_advisory_lock($1)', [migrationLock])
    await client.query('BEGIN')
    await client.query('CREATE TABLE IF NOT EXISTS schema_migration (version integer PRIMARY KEY)')
    const { rows } = await client.query<{ held: number | null }>('SELECT max(version) AS held FROM schema_migration')
    const held = rows[0]?.held ?? 0
    if (held > postgresSchema.length) {
      throw new UsageError(
        `This database was written by a newer version (schema ${held}, known here ${postgresSchema.length}). Upgrade this relay.`,
      )
    }
    for (const [i, sql] of postgresSchema.entries()) {
      if (i < held) continue
      await client.query(sql)
      await client.query('INSERT INTO schema_migration VALUES ($1)', [i + 1])
    }
    await client.query('COMMIT')
  } finally {
    client.release(true) // Closed, which rolls back what was not committed and lets go of the lock.
  }
}

/** The name of what went wrong, and never the address of the database, which may hold a password. */
function explained(error: unknown): Error {
  if (error instanceof UsageError) return error
  const name = faultOf(error)
  const words = operatorsFaults.find(([codes]) => codes.test(name))?.[1]
  if (words === undefined) return new LocalError(`the database cannot be used (${name})`)
  return new UsageError(`${words} (${name}).`)
}

/** What somebody has to put right, by the system's and PostgreSQL's codes. */
const operatorsFaults: readonly (readonly [codes: RegExp, words: string])[] = [
  [
    /^(ECONNREFUSED|ENOENT|EACCES|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|57P03)$/,
    'No PostgreSQL server answers where [store] url says: is it running, and is that the place?',
  ],
  [/^28[0-9A-Z]{3}$/, 'PostgreSQL does not let this user in: look at user and password in [store] url'],
  [/^3D000$/, 'PostgreSQL has no database of the name in [store] url: make it with “createdb”'],
  [/^42501$/, 'The user in [store] url may not make tables in this database: let it own the database'],
  [/^53300$/, 'PostgreSQL has no connection left: raise its max_connections; a relay takes up to nine'],
  [/^(53100|25006)$/, 'PostgreSQL cannot write: its disk is full, or it is a standby'],
]

/** PostgreSQL's or the system's code, because a message may quote what was stored. */
export function faultOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return error instanceof Error ? error.name : 'unknown'
}
