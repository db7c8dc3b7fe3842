/**
 * The thread that owns a relay's database, so that a slow disk never stops the event loop. Takes a batch, commits it,
 * answers it, and takes the next: what arrives during one sync shares the following one.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { commitBatch } from './group-commit.ts'
import { SqliteEngine } from './sqlite-engine.ts'
import { openDatabase } from './sqlite-open.ts'
import { relaySchema } from './sqlite-schema.ts'
import { packOutcome, unpackCalls, type PackedCalls, type PackedOutcome } from './store-packing.ts'
import type { StoreLimits } from './store.ts'

export interface WorkerInit {
  readonly path: string
  readonly limits: StoreLimits
}

export type ToWorker =
  | { readonly kind: 'batch'; readonly batch: PackedCalls }
  | { readonly kind: 'backup'; readonly path: string }
  | { readonly kind: 'close' }

export type FromWorker =
  | { readonly kind: 'opened' }
  /** `usage`: the operator's to mend, and the message says how. */
  | { readonly kind: 'refused'; readonly message: string; readonly usage: boolean }
  | { readonly kind: 'committed'; readonly outcomes: readonly PackedOutcome[]; readonly faults: readonly string[] }
  | { readonly kind: 'backed-up'; readonly error: string | undefined }
  | { readonly kind: 'closed' }

function serve(port: NonNullable<typeof parentPort>, { path, limits }: WorkerInit): void {
  const tell = (message: FromWorker): void => port.postMessage(message)
  const db = openDatabase(path, relaySchema)
  const engine = new SqliteEngine(db, limits)
  port.on('message', (message: ToWorker) => {
    switch (message.kind) {
      case 'batch': {
        const { outcomes, faults } = commitBatch(db, engine, unpackCalls(message.batch))
        return tell({ kind: 'committed', outcomes: outcomes.map(packOutcome), faults })
      }
      case 'backup':
        // In this thread and connection: another writer would make SQLite's own backup start over and over.
        void db.backup(message.path).then(
          () => tell({ kind: 'backed-up', error: undefined }),
          (error: unknown) => tell({ kind: 'backed-up', error: String(error) }),
        )
        return
      case 'close':
        db.close()
        tell({ kind: 'closed' })
        return port.close()
    }
  })
  tell({ kind: 'opened' })
}

if (parentPort !== null) {
  try {
    serve(parentPort, workerData as WorkerInit)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const usage = error instanceof Error && error.name === 'UsageError'
    parentPort.postMessage({ kind: 'refused', message, usage } satisfies FromWorker)
    parentPort.close()
  }
}
