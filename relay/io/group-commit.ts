/**
 * Carries out a batch of calls in one transaction, so that one sync serves them all. If anything in it throws, the batch is
 * rolled back and its calls are tried one by one: one poisoned call then fails alone.
 */
import type Database from 'better-sqlite3-multiple-ciphers'
import type { StoreCall, StoreOutcome } from '../core/store-calls.ts'
import type { SqliteEngine } from './sqlite-engine.ts'

export interface Committed {
  readonly outcomes: readonly StoreOutcome[]
  /** What this machine could not do, by SQLite's name for it; empty when all went well. */
  readonly faults: readonly string[]
}

export function commitBatch(db: Database.Database, engine: SqliteEngine, calls: readonly StoreCall[]): Committed {
  const together = inTransaction(db, engine, calls)
  if (together.ok) return { outcomes: together.outcomes, faults: [] }
  if (calls.length === 1) return { outcomes: [failed], faults: [together.fault] }
  const faults: string[] = []
  const outcomes = calls.map((call) => {
    const alone = inTransaction(db, engine, [call])
    if (!alone.ok) faults.push(alone.fault)
    return (alone.ok ? alone.outcomes[0] : undefined) ?? failed
  })
  return { outcomes, faults }
}

/** SQLite's names for damage: nothing read from such a file can be believed. */
export function isDamage(fault: string): boolean {
  return fault.startsWith('SQLITE_CORRUPT') || fault.startsWith('SQLITE_NOTADB')
}

type Attempt =
  { readonly ok: true; readonly outcomes: readonly StoreOutcome[] } | { readonly ok: false; readonly fault: string }

function inTransaction(db: Database.Database, engine: SqliteEngine, calls: readonly StoreCall[]): Attempt {
  try {
    engine.begun() // First, because what cannot begin is rolled back too.
    db.exec('BEGIN IMMEDIATE')
    const outcomes = calls.map((call) => engine.run(call))
    engine.ending()
    db.exec('COMMIT')
    return { ok: true, outcomes }
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK')
    engine.rolledBack()
    return { ok: false, fault: nameOf(error) }
  }
}

const failed: StoreOutcome = { ok: false, reason: 'failed' }

/** The code alone, because a message may quote what was stored. */
function nameOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return error instanceof Error ? error.name : 'unknown'
}
