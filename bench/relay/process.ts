/** A server's processes: started with their syncs counted, and what they have cost so far as Linux counts it. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { elapsed } from './contender.ts'

export interface Command {
  readonly program: string
  readonly args: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** A user of the machine to run as. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined
  /** Given to the caller instead of being written to the log. */
  readonly stdout?: 'pipe'
  /** What ends it at once together with its own processes; by default all of them are killed. */
  readonly endsBy?: NodeJS.Signals
}

/** Servers that run; none of them outlives this process. */
const running = new Set<ServerProcess>()
process.once('exit', () => {
  for (const server of running) server.abandon()
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

export class ServerProcess {
  readonly #place: string
  readonly #counter: string
  readonly #children: ChildProcess[] = []
  readonly #endings: (() => Promise<void>)[] = []

  constructor(place: string) {
    running.add(this)
    this.#place = place
    this.#counter = join(place, 'syncs')
    writeFileSync(this.#counter, new Uint8Array(8))
    chmodSync(place, 0o755)
    chmodSync(this.#counter, 0o666) // For whoever the server runs as.
  }

  start({ program, args, env, user, stdout, endsBy }: Command): ChildProcess {
    const log = openSync(join(this.#place, 'log'), 'a')
    const preload = syncCounter === undefined ? {} : { LD_PRELOAD: syncCounter, SYNC_COUNT: this.#counter }
    const child = spawn(program, args, {
      cwd: this.#place,
      env: { PATH: process.env['PATH'], HOME: this.#place, ...env, ...preload },
      stdio: ['ignore', stdout ?? log, log],
      ...user,
    })
    this.#children.push(child)
    this.#endings.push(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exit = once(child, 'exit')
      if (endsBy !== undefined) child.kill(endsBy)
      else for (const pid of familyOf([child.pid ?? 0]).toReversed()) kill(pid)
      await exit
    })
    return child
  }

  /** Processor time of all its processes and threads so far, in microseconds. */
  cpuUs(): number {
    return this.#pids().reduce((sum, pid) => sum + cpuUsOf(pid), 0)
  }

  /** Resident memory, in bytes. What processes share counts once for each. */
  memory(): number {
    return this.#pids().reduce((sum, pid) => sum + residentOf(pid), 0)
  }

  /** fsync and fdatasync calls so far; undefined where they cannot be counted. */
  syncs(): number | undefined {
    return syncCounter === undefined ? undefined : Number(readFileSync(this.#counter).readBigUInt64LE())
  }

  /** Until something listens on this port. */
  async listening(port: number): Promise<void> {
    for (let waitedMs = 0; waitedMs < startMsMax; waitedMs += pollMs) {
      if (await answers(port)) return
      if (this.#children.some(({ exitCode }) => exitCode !== null)) throw new Error(`it ended: ${this.lastWords()}`)
      await elapsed(pollMs)
    }
    throw new Error(`nothing listens after ${startMsMax / 1_000} s: ${this.lastWords()}`)
  }

  /** Adds a line to its log. */
  note(line: string): void {
    appendFileSync(join(this.#place, 'log'), `${line}\n`)
  }

  lastWords(): string {
    return readFileSync(join(this.#place, 'log'), 'utf8').trim().split('\n').slice(-3).join(' / ')
  }

  /** What it has stored is thrown away afterwards, so that nothing is gained by asking nicely. */
  async kill(): Promise<void> {
    for (const end of this.#endings.toReversed()) await end()
    running.delete(this)
  }

  /** At once and without waiting. */
  abandon(): void {
    for (const pid of this.#pids().toReversed()) kill(pid)
  }

  #pids(): number[] {
    return familyOf(this.#children.flatMap(({ pid }) => pid ?? []))
  }
}

const startMsMax = 60_000
const pollMs = 100
const syncCounter = compileSyncCounter()

/** Undefined without a C compiler, and syncs are not counted then. */
function compileSyncCounter(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'linnet-syncs-'))
  chmodSync(folder, 0o755)
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const library = join(folder, 'sync-count.so')
  const source = fileURLToPath(new URL('./sync-count.c', import.meta.url))
  return spawnSync('cc', ['-O2', '-shared', '-fPIC', '-o', library, source, '-ldl']).status === 0 ? library : undefined
}

/** These processes and all that descend from them, parents first. */
function familyOf(roots: readonly number[]): number[] {
  const children = Map.groupBy(
    readdirSync('/proc').flatMap((name) => {
      const parent = /^\d+$/.test(name) ? Number(statOf(Number(name))?.[1]) : 0
      return parent > 0 ? [{ pid: Number(name), parent }] : []
    }),
    ({ parent }) => parent,
  )
  const family = [...roots]
  for (const pid of family) family.push(...(children.get(pid) ?? []).map((child) => child.pid))
  return family
}

/** The fields after the name: state, parent and so on; undefined when it is gone. */
function statOf(pid: number): string[] | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return line.slice(line.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

/** Its own and that of children which have ended, in the kernel's hundredths of a second. */
function cpuUsOf(pid: number): number {
  const ticks = statOf(pid)?.slice(11, 15) ?? []
  return ticks.reduce((sum, value) => sum + Number(value), 0) * 10_000
}

function residentOf(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1_024
  } catch {
    return 0
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself meanwhile.
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => (socket.destroy(), resolve(true)))
    socket.once('error', () => resolve(false))
  })
}

/** A port that nobody had a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
