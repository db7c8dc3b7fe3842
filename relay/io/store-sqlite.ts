/**
 * A store on disk: SQLite in a thread of its own. Calls gather while the thread is at work and go to it as the next batch:
 * a lone call leaves at once, and a crowd shares one sync. There is no timer.
 */
import { Worker } from 'node:worker_threads'
import { LocalError, UsageError } from '../../protocol/errors.ts'
import type { StoreCall, StoreOutcome } from '../core/store-calls.ts'
import { isDamage } from './group-commit.ts'
import { packCalls, unpackOutcome, type PackedOutcome } from './store-packing.ts'
import type { Store, StoreInit } from './store.ts'
import type { FromWorker, ToWorker, WorkerInit } from './store-worker.ts'

export interface SqliteStoreInit extends StoreInit {
  readonly path: string
  /** Told what the disk would not do, by SQLite's name for it. */
  readonly faulted?: (fault: string) => void
}

/** Calls in one transaction: enough to make a sync cheap, few enough that nobody waits long for the rest of it. */
const batchMax = 512
/** Calls not answered yet, beyond which the answer is `busy`. More than the core lets in: this is the second lock. */
const waitingMax = 50_000

/** Beside this file, whether it runs as written or was built. */
const workerFile = new URL(import.meta.url.endsWith('.ts') ? './store-worker.ts' : './store-worker.js', import.meta.url)

interface Waiting {
  readonly call: StoreCall
  readonly answer: (outcome: StoreOutcome) => void
}

export async function sqliteStore(init: SqliteStoreInit): Promise<Store> {
  const workerData: WorkerInit = { path: init.path, limits: init.limits }
  const worker = new Worker(workerFile, { workerData })
  const first = await new Promise<FromWorker>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  if (first.kind === 'opened') return new SqliteStore(worker, init)
  const message = first.kind === 'refused' ? first.message : 'the database thread did not start'
  throw first.kind === 'refused' && first.usage ? new UsageError(message) : new LocalError(message)
}

class SqliteStore implements Store {
  readonly #worker: Worker
  readonly #init: SqliteStoreInit
  #queue: Waiting[] = []
  #atWork: Waiting[] = []
  #scheduled = false
  #ended = false
  #backedUp: ((error: string | undefined) => void) | undefined
  readonly #closed = Promise.withResolvers<void>()
  readonly #idle: (() => void)[] = []

  constructor(worker: Worker, init: SqliteStoreInit) {
    this.#worker = worker
    this.#init = init
    worker.on('message', (message: FromWorker) => this.#received(message))
    worker.on('error', (error) => this.#fail(error))
    worker.on('exit', () => this.#fail(new LocalError('the database thread ended')))
  }

  get waiting(): number {
    return this.#queue.length + this.#atWork.length
  }

  ask(call: StoreCall): Promise<StoreOutcome> {
    if (this.#ended) return Promise.resolve({ ok: false, reason: 'failed' })
    if (this.waiting >= waitingMax) return Promise.resolve({ ok: false, reason: 'busy' })
    return new Promise((answer) => {
      this.#queue.push({ call, answer })
      this.#schedule()
    })
  }

  async backup(path: string): Promise<void> {
    if (this.#backedUp !== undefined) throw new UsageError('A backup is under way already.')
    if (this.#ended) throw new LocalError('backup failed: the database is closed')
    const error = await new Promise<string | undefined>((resolve) => {
      this.#backedUp = resolve
      this.#post({ kind: 'backup', path })
    })
    this.#backedUp = undefined
    if (error !== undefined) throw new LocalError(`backup failed: ${error}`)
  }

  async close(): Promise<void> {
    if (this.waiting > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
    if (!this.#ended) {
      this.#ended = true
      this.#post({ kind: 'close' })
    }
    await this.#closed.promise
  }

  /** After the current turn, so that what one burst asks goes together; not later, so that nothing waits for a timer. */
  #schedule(): void {
    if (this.#scheduled || this.#atWork.length > 0) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#next()
    })
  }

  #next(): void {
    if (this.#atWork.length > 0 || this.#ended) return
    this.#atWork = this.#queue.splice(0, batchMax)
    if (this.#atWork.length === 0) {
      for (const resolve of this.#idle.splice(0)) resolve()
      return
    }
    const batch = packCalls(this.#atWork.map(({ call }) => call))
    this.#post({ kind: 'batch', batch }, [batch.deposits.buffer])
  }

  #received(message: FromWorker): void {
    switch (message.kind) {
      case 'committed':
        return this.#committed(message.outcomes, message.faults)
      case 'backed-up':
        return this.#backedUp?.(message.error)
      case 'closed':
        return this.#closed.resolve()
      case 'opened':
      case 'refused':
        throw new LocalError('the database thread began twice')
    }
  }

  #committed(outcomes: readonly PackedOutcome[], faults: readonly string[]): void {
    const answered = this.#atWork
    this.#atWork = []
    for (const [i, { call, answer }] of answered.entries()) answer(unpackOutcome(outcomes[i] ?? failed, call))
    for (const fault of faults) this.#init.faulted?.(fault)
    const damage = faults.find(isDamage)
    if (damage !== undefined) return this.#fail(new LocalError(`the database is damaged (${damage})`))
    this.#next()
  }

  #fail(error: Error): void {
    const expected = this.#ended
    this.#ended = true
    this.#closed.resolve()
    for (const { answer } of [...this.#atWork, ...this.#queue]) answer({ ok: false, reason: 'failed' })
    this.#atWork = []
    this.#queue = []
    for (const resolve of this.#idle.splice(0)) resolve()
    this.#backedUp?.(error.message)
    if (expected) return
    void this.#worker.terminate()
    this.#init.failed(error)
  }

  #post(message: ToWorker, handOver: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, handOver)
  }
}

const failed: StoreOutcome = { ok: false, reason: 'failed' }
