/**
 * A store in PostgreSQL, shared by as many relays as there are. Changes gather while a transaction is under way and go into
 * the next one together; what only reads goes beside them. A server that is gone for a while answers `failed`, which
 * depositors hear as `busy`, and is used again when it is back.
 */
import type pg from 'pg'
import { LocalError, UsageError } from '../../protocol/errors.ts'
import type { DeviceId } from '../../protocol/ids.ts'
import type { Notice } from '../core/inputs.ts'
import type { StoreCall, StoreOutcome } from '../core/store-calls.ts'
import { PostgresEngine, isChange, type Change } from './postgres-batch.ts'
import { Notices } from './postgres-notices.ts'
import { faultOf, openPool } from './postgres-open.ts'
import { Wake } from './postgres-wake.ts'
import type { Store, StoreInit } from './store.ts'

export interface PostgresStoreInit extends StoreInit {
  readonly url: string
  /** Told what the server would not do, by its code. */
  readonly faulted?: (fault: string) => void
  /** Another relay put something into these mailboxes. */
  readonly arrived?: (mailboxes: readonly DeviceId[] | 'any') => void
  /** Another relay did what somebody connected here may have to be told. */
  readonly noticed?: (notices: readonly Notice[]) => void
}

/** Changes in one transaction, and transactions at a time: while one syncs, the next is made ready. */
const batchMax = 256
const lanesMax = 2
const readsMax = 5
/** Calls not answered yet, beyond which the answer is `busy`. */
const waitingMax = 50_000
/** Changes of totals gather for so long, and another relay's bytes are not seen. */
const addUpEveryMs = 10_000

interface Waiting<C extends StoreCall> {
  readonly call: C
  readonly answer: (outcome: StoreOutcome) => void
}

export async function postgresStore(init: PostgresStoreInit): Promise<Store> {
  const pool = await openPool(init.url, (error) => init.faulted?.(faultOf(error)))
  const engine = new PostgresEngine(init.limits)
  await engine.totals.addUp(pool)
  const notices = new Notices(init)
  const wake = new Wake({
    url: init.url,
    heard: (words) => notices.heard(words),
    missed: () => init.arrived?.('any'),
  })
  await wake.open()
  return new PostgresStore({ init, pool, engine, wake, notices })
}

interface Parts {
  readonly init: PostgresStoreInit
  readonly pool: pg.Pool
  readonly engine: PostgresEngine
  readonly wake: Wake
  readonly notices: Notices
}

class PostgresStore implements Store {
  readonly #init: PostgresStoreInit
  readonly #pool: pg.Pool
  readonly #engine: PostgresEngine
  readonly #wake: Wake
  readonly #notices: Notices
  readonly #adding: NodeJS.Timeout
  #changes: Waiting<Change>[] = []
  #reads: Waiting<Exclude<StoreCall, Change>>[] = []
  #lanes = 0
  #reading = 0
  #waiting = 0
  #scheduled = false
  #ended = false
  #idle: (() => void) | undefined

  constructor({ init, pool, engine, wake, notices }: Parts) {
    this.#init = init
    this.#pool = pool
    this.#engine = engine
    this.#wake = wake
    this.#notices = notices
    this.#adding = setInterval(() => void engine.totals.addUp(pool).catch(this.#faulted), addUpEveryMs)
    this.#adding.unref()
  }

  get waiting(): number {
    return this.#waiting
  }

  ask(call: StoreCall): Promise<StoreOutcome> {
    if (this.#ended) return Promise.resolve({ ok: false, reason: 'failed' })
    if (this.#waiting >= waitingMax) return Promise.resolve({ ok: false, reason: 'busy' })
    this.#waiting += 1
    return new Promise((resolve) => {
      const answer = (outcome: StoreOutcome): void => {
        this.#waiting -= 1
        resolve(outcome)
        if (this.#waiting === 0) this.#idle?.()
      }
      if (isChange(call)) this.#changes.push({ call, answer })
      else this.#reads.push({ call, answer })
      this.#schedule()
    })
  }

  backup(): Promise<void> {
    return Promise.reject(new UsageError('PostgreSQL is copied by its own tools: pg_dump, or pg_basebackup.'))
  }

  async close(): Promise<void> {
    if (this.#waiting > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
    this.#ended = true
    clearInterval(this.#adding)
    await this.#wake.close()
    await this.#pool.end()
  }

  /** After the current turn, so that what one burst asks goes together; not later, so that nothing waits for a timer. */
  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      while (this.#lanes < lanesMax && this.#changes.length > 0) void this.#change(this.#changes.splice(0, batchMax))
      while (this.#reading < readsMax) {
        const next = this.#reads.shift()
        if (next === undefined) break
        void this.#read(next)
      }
    })
  }

  async #change(batch: readonly Waiting<Change>[]): Promise<void> {
    this.#lanes += 1
    const together = await this.#attempt(batch.map(({ call }) => call))
    for (const [i, { call, answer }] of batch.entries()) {
      if (together.ok) answer(together.outcomes[i] ?? failed)
      else if (batch.length === 1 || !isPoison(together.fault)) answer(failed)
      else {
        const alone = await this.#attempt([call]) // One of them is at fault: it fails alone.
        answer((alone.ok ? alone.outcomes[0] : undefined) ?? failed)
      }
    }
    this.#lanes -= 1
    this.#schedule()
  }

  async #attempt(calls: readonly Change[]): Promise<Attempt> {
    for (let attempt = 1; ; attempt++) {
      try {
        const outcomes = await this.#withClient((client) => this.#engine.change(client, calls))
        this.#tell(calls, outcomes)
        return { ok: true, outcomes }
      } catch (error) {
        if (attempt < attemptsMax && clashes.has(faultOf(error))) continue
        this.#faulted(error)
        return { ok: false, fault: faultOf(error) }
      }
    }
  }

  async #read({ call, answer }: Waiting<Exclude<StoreCall, Change>>): Promise<void> {
    this.#reading += 1
    try {
      const outcome = await this.#withClient((client) => this.#engine.read(client, call))
      this.#tell([call], [outcome])
      answer(outcome)
    } catch (error) {
      this.#faulted(error)
      answer(failed)
    }
    this.#reading -= 1
    this.#schedule()
  }

  async #withClient<T>(act: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect()
    const lost = (): void => undefined // What is under way on it fails by itself.
    client.on('error', lost)
    let broken = true
    try {
      const result = await act(client)
      broken = false
      return result
    } finally {
      if (!broken) client.off('error', lost)
      client.release(broken) // After a fault nobody knows what state the connection is in.
    }
  }

  #tell(calls: readonly StoreCall[], outcomes: readonly StoreOutcome[]): void {
    const news = calls.flatMap((call, i) => this.#notices.of(call, outcomes[i] ?? failed))
    if (news.length > 0) this.#wake.tell(news)
  }

  readonly #faulted = (error: unknown): void => {
    const fault = faultOf(error)
    this.#init.faulted?.(fault)
    if (damage.has(fault)) this.#init.failed(new LocalError(`the database is damaged (${fault})`))
  }
}

type Attempt =
  { readonly ok: true; readonly outcomes: readonly StoreOutcome[] } | { readonly ok: false; readonly fault: string }

/** What a single call can be at fault for: its values and what they break. A server that is gone is gone for all of them. */
function isPoison(fault: string): boolean {
  return /^(21|22|23)[0-9A-Z]{3}$/.test(fault) || fault === 'Error'
}

const failed: StoreOutcome = { ok: false, reason: 'failed' }

/** Two transactions were in each other's way; tried again they may not be. */
const clashes: ReadonlySet<string> = new Set(['40001', '40P01'])
const attemptsMax = 3
/** PostgreSQL's codes for damage: nothing read from such a database can be believed. */
const damage: ReadonlySet<string> = new Set(['XX001', 'XX002'])
