/**
 * The embedded database as the store's files use it: statements prepared once, and its failures in this project's words.
 * Which statements, and what a row means, stands beside; how the file is opened, in `store-sqlite.ts`.
 */
import { createRequire } from 'node:module'
import { LocalError } from '../../protocol/errors.ts'
import { corruptStore, NodeError } from './store-fault.ts'

export type SqlValue = string | number | Uint8Array | null

/** The part of better-sqlite3's interface used here: the package hides its own types behind its exports map. */
export interface Database {
  readonly inTransaction: boolean
  prepare(sql: string): {
    get(...values: SqlValue[]): unknown
    all(...values: SqlValue[]): unknown[]
    run(...values: SqlValue[]): unknown
  }
  exec(sql: string): void
  pragma(sql: string, options?: { readonly simple: boolean }): unknown
  close(): void
}

interface DatabaseClass {
  new (file: string, options: { readonly timeout: number }): Database
  readonly SqliteError: new (...args: never) => Error & { readonly code: string }
}

const Sqlite = createRequire(import.meta.url)('better-sqlite3-multiple-ciphers') as DatabaseClass

/** Opens a file, or makes it. Waits for nobody: a store has one owner. */
export function openDatabase(file: string): Database {
  return translated(() => new Sqlite(file, { timeout: 0 }))
}

type Query<Answer> = (...values: SqlValue[]) => Answer

/** Statements of one database, each a plain function. */
export class Sql {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  one<Row>(text: string): Query<Row | undefined> {
    const statement = translated(() => this.#database.prepare(text))
    return (...values) => translated(() => statement.get(...values) as Row | undefined)
  }

  all<Row>(text: string): Query<Row[]> {
    const statement = translated(() => this.#database.prepare(text))
    return (...values) => translated(() => statement.all(...values) as Row[])
  }

  run(text: string): Query<void> {
    const statement = translated(() => this.#database.prepare(text))
    return (...values) => {
      translated(() => statement.run(...values))
    }
  }

  /** Inserts a row, or gives the one with the same `key` these values; either way it keeps its place. */
  put(table: string, key: readonly string[], rest: readonly string[]): Query<void> {
    const columns = [...key, ...rest]
    const update = rest.map((column) => `${column} = excluded.${column}`).join(', ')
    const then = rest.length === 0 ? 'NOTHING' : `UPDATE SET ${update}`
    return this.run(
      `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})
       ON CONFLICT (${key.join(', ')}) DO ${then}`,
    )
  }
}

/** Runs `work`, and says of what the database throws whether the file is damaged or this machine is at fault. */
export function translated<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw faultOf(error)
  }
}

function faultOf(error: unknown): unknown {
  if (error instanceof TypeError && error.message.includes('not open')) return new LocalError('the store is closed')
  if (!(error instanceof Sqlite.SqliteError)) return error
  const { code } = error
  if (/^SQLITE_(CORRUPT|NOTADB|FORMAT)/.test(code)) return corruptStore(`the database says ${code}`)
  if (code === 'SQLITE_BUSY') {
    return new NodeError('in-use', 'Another process uses this data directory. End it, or choose another directory.')
  }
  if (code === 'SQLITE_FULL') return new LocalError('the disk is full: make room and start again', { cause: error })
  if (/^SQLITE_(READONLY|CANTOPEN|PERM)/.test(code)) {
    const words = `the store cannot be written (${code}): look whose its directory is, and whether it may be written`
    return new LocalError(words, { cause: error })
  }
  return new LocalError(`the store failed (${code})`, { cause: error })
}

/** A byte column as the plain view its readers expect: a Buffer's `slice` would share memory where theirs copies. */
export function plainBytes(value: Uint8Array): Uint8Array {
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
}

/** `{ [name]: value }`, or nothing when the column is null: an absent property, not one that is undefined. */
export function given<K extends string, V>(name: K, value: V | null): { readonly [k in K]?: V } {
  return (value === null ? {} : { [name]: value }) as { readonly [k in K]?: V }
}

/** As a LIMIT: none of a negative count, and no number the database cannot take. */
export function limitOf(count: number): number {
  return Math.max(0, Math.min(count, Number.MAX_SAFE_INTEGER))
}
