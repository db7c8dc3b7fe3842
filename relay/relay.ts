/** Wires a relay: its files, its store, its rules and its libp2p node, in the order in which each needs the one before. */
import { EventEmitter } from 'node:events'
import { chmodSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import type { Libp2p } from '@libp2p/interface'
import { ed25519PublicKey, identityKeyOf, systemRandom } from '../protocol/crypto/primitives.ts'
import { LocalError, UsageError } from '../protocol/errors.ts'
import { deviceIdOf, type DeviceId } from '../protocol/ids.ts'
import { strangerIdleMs } from '../protocol/limits.ts'
import { signalSessions } from '../protocol/session/signal.ts'
import { signCustody } from '../protocol/wire/custody.ts'
import { makeDirectory } from '../protocol/shell/directory.ts'
import { relayLimits, type RelayLimits } from './core/limits.ts'
import { Reached } from './core/reached.ts'
import { RelayCore } from './core/relay-core.ts'
import { accessOf, type Access, type AccessOptions } from './io/access.ts'
import { Door } from './io/door.ts'
import { createHost, hostLimits, type HostLimits, type HostServices } from './io/host.ts'
import { seedIn } from './io/keyfile.ts'
import { lockDirectory } from './io/lock.ts'
import { isTurnedAway, type Observer, type TurnedAway } from './io/observer.ts'
import { curePretenuring } from './io/pretenuring-cure.ts'
import { memoryStore } from './io/store-memory.ts'
import { postgresStore } from './io/store-postgres.ts'
import { sqliteStore } from './io/store-sqlite.ts'
import { StoreFaults, type StoreFault } from './io/store-faults.ts'
import type { Store } from './io/store.ts'
import { Switchboard } from './io/switchboard.ts'

export interface RelayOptions {
  /** Where the key and the database are; made, for this user alone, if it does not exist. */
  readonly dataDir: string
  /** Multiaddrs to listen on; by default port 4001 on every address. */
  readonly listen?: readonly string[]
  /** Multiaddrs to tell others instead, where a router or a name stands in front. */
  readonly announce?: readonly string[]
  readonly store?: StoreChoice
  /** Any of the bounds in `core/limits.ts` and `io/host.ts`. */
  readonly limits?: Partial<AllLimits>
  /** Who may have a mailbox, and whose connections are refused; by default everyone may and nobody's are. */
  readonly access?: AccessOptions
  /** Full multiaddrs of relays that people are told of when this one ends; for them to judge. */
  readonly elsewhere?: readonly string[]
  /** Counts what passes, for metrics. */
  readonly observer?: Observer
  /** Told what an operator should know. Never carries a name, a key or an address. */
  readonly log?: (entry: RelayLogEntry) => void
  /** Wall-clock time in milliseconds since the epoch; for tests. */
  readonly nowMs?: () => number
}

/** `memory` forgets everything when the process ends, except the relay's key; a database can be shared by several relays. */
export type StoreChoice = 'sqlite' | 'memory' | { readonly postgres: string }

/** `strangerIdleMs`: a stream that sends no whole frame for so long is closed, until it is about a mailbox that exists. */
export type AllLimits = RelayLimits & HostLimits & { readonly strangerIdleMs: number }

/** `error` is our fault or this machine's; `warn` the world's. */
export interface RelayLogEntry {
  readonly level: 'info' | 'warn' | 'error'
  readonly event: 'started' | 'draining' | 'stopped' | 'store-faulted' | 'failed' | 'limit-reached' | 'setting'
  /** SQLite's name for what the disk would not do, the name of an error or of a limit, or a remark on a setting. */
  readonly detail?: string
  /** So often, since it was last said. */
  readonly times?: number
}

export interface RelayEvents {
  /** The relay cannot go on and has stopped serving; start another in its place. */
  fatal: [error: Error]
}

export interface RelayStatus {
  /** Devices with a mailbox here, and messages waiting in all of them. */
  readonly mailboxes: number
  readonly messages: number
  readonly messageBytes: number
  /** Messages of each urgency, the most urgent first. */
  readonly byUrgency: readonly number[]
  /** When the message that waits longest was stored. */
  readonly oldestMs: number | undefined
  readonly tombstones: number
  readonly cards: number
  readonly preKeys: number
  /** Devices that have published within a day, a week and thirty days; each does when it connects. */
  readonly active: readonly number[]
  readonly diskBytes: number
  readonly connections: number
  readonly streams: number
  /** Devices online and listening to their mailbox. */
  readonly subscriptions: number
  /** Peers that can be reached through this relay. */
  readonly reservations: number
  /** Questions the store has not answered yet. */
  readonly pending: number
  /** How often each bound was reached since the relay began, by its name in the limits. */
  readonly reached: Readonly<Record<string, number>>
  /** What the store's disk or server would not do since the relay began, by its name for it. */
  readonly faults: Readonly<Record<string, StoreFault>>
}

export interface Relay {
  start(): Promise<void>
  /** Answers what it has taken, then lets go of the network and the files. */
  stop(): Promise<void>
  /** Full multiaddrs to be dialled at; empty before `start`. */
  readonly addresses: string[]
  /** The relay's own key, which its custody receipts are signed with. */
  readonly device: DeviceId
  status(): Promise<RelayStatus>
  /** How often each bound was reached since the relay began, by its name in the limits. */
  readonly reached: ReadonlyMap<string, number>
  /** Copies the database, while it is in use, to a file that must not exist yet. */
  backup(path: string): Promise<void>
  on<E extends keyof RelayEvents>(event: E, listener: (...args: RelayEvents[E]) => void): void
}

const everywhere4 = '/ip4/0.0.0.0/tcp/4001'
const everywhere6 = '/ip6/::/tcp/4001'

/** A machine without IPv6 has no such address anywhere, not even for itself, and listening on it would fail. */
function defaultListen(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return all.some(({ family }) => family === 'IPv6') ? [everywhere4, everywhere6] : [everywhere4]
}

/** Opens the directory and makes the relay ready; throws UsageError when another relay has it. */
export async function createRelay(options: RelayOptions): Promise<Relay> {
  const { dataDir } = options
  curePretenuring()
  makeDirectory(dataDir)
  chmodSync(dataDir, 0o700)
  const unlock = lockDirectory(join(dataDir, 'relay.lock'))
  try {
    const seed = seedIn(dataDir, systemRandom)
    const relay = new RunningRelay(options, seed, unlock)
    await relay.open()
    return relay
  } catch (error) {
    unlock()
    throw error
  }
}

class RunningRelay implements Relay {
  readonly device: DeviceId
  readonly #options: RelayOptions
  readonly #seed: Uint8Array
  readonly #limits: AllLimits
  readonly #unlock: () => void
  readonly #access: Access
  readonly #door: Door
  readonly #events = new EventEmitter<RelayEvents>()
  readonly #faults: StoreFaults
  /** The limits that are kept outside of the rules. */
  readonly #reached = new Reached<keyof AllLimits>()
  #store: Store | undefined
  #switchboard: Switchboard | undefined
  #host: Libp2p<HostServices> | undefined
  #stopped: Promise<void> | undefined

  constructor(options: RelayOptions, seed: Uint8Array, unlock: () => void) {
    this.#options = options
    this.#seed = seed
    this.#unlock = unlock
    this.#limits = { ...relayLimits, ...hostLimits, strangerIdleMs, ...options.limits }
    this.#faults = new StoreFaults(
      (detail, times) => this.#log({ level: 'error', event: 'store-faulted', detail, times }),
      options.nowMs ?? Date.now,
    )
    this.#access = accessOf(options.access ?? {})
    this.#door = new Door({ access: this.#access, turnedAway: this.#turnedAway })
    this.device = deviceIdOf(ed25519PublicKey(seed))
  }

  /** All of it, or nothing stays open but the lock. */
  async open(): Promise<void> {
    const store = (this.#store = await this.#openStore())
    try {
      await this.#build(store)
    } catch (error) {
      await store.close()
      throw error
    }
  }

  async #build(store: Store): Promise<void> {
    const core = new RelayCore({
      limits: this.#limits,
      signCustody: (taken) => signCustody(taken, this.#seed),
      verifyBundle: (bundle) => signalSessions.verifyBundle(bundle),
      identityKeyOf,
      admission: this.#access.admission,
    })
    this.#switchboard = new Switchboard({
      core,
      store,
      nowMs: this.#options.nowMs ?? Date.now,
      failed: (error) => this.#fail(error),
      strangerIdleMs: this.#limits.strangerIdleMs,
      idled: () => this.#reached.count('strangerIdleMs'),
      observer: this.#options.observer,
    })
    this.#host = await createHost({
      seed: this.#seed,
      listen: this.#options.listen ?? defaultListen(),
      announce: this.#options.announce ?? [],
      limits: this.#limits,
      switchboard: this.#switchboard,
      door: this.#door,
      turnedAway: this.#turnedAway,
      reached: (limit) => (isTurnedAway(limit) ? this.#turnedAway(limit) : this.#reached.count(limit)),
    })
  }

  async start(): Promise<void> {
    if (this.#stopped !== undefined) throw new UsageError('A relay that was stopped cannot be started; create another.')
    this.#switchboard?.start()
    await this.#host?.start()
    this.#log({ level: 'info', event: 'started' })
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  get addresses(): string[] {
    return this.#host?.getMultiaddrs().map(String) ?? []
  }

  async status(): Promise<RelayStatus> {
    const outcome = await this.#store?.ask({ op: 'census', nowMs: Date.now() })
    if (outcome?.ok !== true || outcome.op !== 'census') throw new LocalError('the store did not answer')
    const { services } = this.#host ?? {}
    const live = this.#switchboard?.live ?? { streams: 0, subscriptions: 0, pending: 0 }
    return {
      ...outcome.answer,
      ...live,
      reached: Object.fromEntries(this.reached),
      faults: this.#faults.all,
      connections: services?.connections.count ?? 0,
      reservations: services?.circuit.reservations.size ?? 0,
    }
  }

  get reached(): ReadonlyMap<string, number> {
    return new Map<string, number>([...(this.#switchboard?.reached ?? []), ...this.#reached.times])
  }

  async backup(path: string): Promise<void> {
    await this.#store?.backup(path)
  }

  on<E extends keyof RelayEvents>(event: E, listener: (...args: RelayEvents[E]) => void): void {
    this.#events.on(event, listener as never)
  }

  readonly #turnedAway = (why: TurnedAway): void => {
    if (why !== 'denied') this.#reached.count(why)
    this.#options.observer?.turnedAway(why)
  }

  #openStore(): Promise<Store> {
    const limits = this.#limits
    const failed = (error: Error): void => this.#fail(error)
    const faulted = (detail: string): void => this.#faults.count(detail)
    const { store = 'sqlite', dataDir } = this.#options
    if (store === 'memory') return Promise.resolve(memoryStore({ limits, failed }))
    if (store === 'sqlite') return sqliteStore({ path: join(dataDir, 'relay.db'), limits, failed, faulted })
    const arrived: Switchboard['mailArrived'] = (mailboxes) => this.#switchboard?.mailArrived(mailboxes)
    const noticed: Switchboard['noticed'] = (notices) => this.#switchboard?.noticed(notices)
    return postgresStore({ url: store.postgres, limits, failed, faulted, arrived, noticed })
  }

  async #stop(): Promise<void> {
    this.#door.shut()
    try {
      this.#log({ level: 'info', event: 'draining' })
      await this.#switchboard?.stop(this.#options.elsewhere)
      await this.#host?.stop()
    } finally {
      await this.#store?.close().finally(this.#unlock)
    }
    this.#log({ level: 'info', event: 'stopped' })
  }

  /** Memory may be ahead of disk, or the disk is gone: nothing more is promised to anybody. */
  #fail(cause: unknown): void {
    if (this.#stopped !== undefined) return
    const error = cause instanceof Error ? cause : new LocalError('the relay failed')
    this.#log({ level: 'error', event: 'failed', detail: error.name })
    const over = (): boolean => this.#events.emit('fatal', error)
    this.stop().then(over, over) // However it ended: whoever waits for this is to start another.
  }

  #log(entry: RelayLogEntry): void {
    this.#options.log?.(entry)
  }
}
