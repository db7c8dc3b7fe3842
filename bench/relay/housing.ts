/** A relay with residents, in a process of its own: their mailboxes are in its database before it starts. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { ed25519PublicKey, sha256, systemRandom } from '../../protocol/crypto/primitives.ts'
import { utf8Bytes } from '../../protocol/crypto/bytes.ts'
import { accountIdOf, deviceIdOf } from '../../protocol/ids.ts'
import { relayLimits, type AllLimits } from '../../relay/index.ts'
import { seedIn } from '../../relay/io/keyfile.ts'
import { sqliteStore } from '../../relay/io/store-sqlite.ts'
import { createPerson, publicationOf } from '../../test/relay/people.ts'

export interface Housing {
  readonly address: string
  /** Of the process that runs now. */
  readonly pid: number
  /** Processor time of all its threads, in microseconds, in the kernel's steps of ten thousand. */
  cpuUs(): number
  /** Resident memory, in bytes; all garbage is collected first. */
  memory(): Promise<number>
  /** SIGKILL. */
  kill(): Promise<void>
  /** The same relay again, on the same port. */
  restart(): Promise<void>
  /** Kills it, and throws away its files. */
  end(): Promise<void>
}

export interface HousingInit {
  /** Residents have numbers below this. */
  readonly residents: number
  readonly limits: Partial<AllLimits>
  /** For the relay's Node, such as those of a profiler. */
  readonly flags?: readonly string[]
}

const program = fileURLToPath(new URL('../../test/relay/relay-process.ts', import.meta.url))
/** Lets the relay be told to collect its garbage, which says how much of its memory is in use. */
const collects = ['--expose-gc', '--import', 'data:text/javascript,process.on("SIGUSR2", () => [gc(), gc(), gc()])']
const collectMs = 3_000

/** Of the resident of this number. */
export function seedOf(resident: number): Uint8Array {
  return sha256(utf8Bytes(`resident ${resident}`))
}

export async function openHousing(init: HousingInit): Promise<Housing> {
  const dataDir = mkdtempSync(join(tmpdir(), 'linnet-housing-'))
  seedIn(dataDir, systemRandom)
  await settle(join(dataDir, 'relay.db'), init.residents)
  let child = start(dataDir, init, '/ip4/127.0.0.1/tcp/0')
  const address = await addressOf(child)
  const listen = address.replace(/\/p2p\/.*/, '')
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  return {
    address,
    get pid() {
      return child.pid ?? 0
    },
    cpuUs: () => cpuUsOf(child.pid),
    memory: async () => {
      child.kill('SIGUSR2')
      await new Promise((resolve) => setTimeout(resolve, collectMs))
      return residentOf(child.pid)
    },
    kill,
    restart: async () => {
      await kill()
      child = start(dataDir, init, listen)
      await addressOf(child)
    },
    end: async () => {
      await kill()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** As if all had published: what they signed is the same for each, which a store does not look at. */
async function settle(path: string, residents: number): Promise<void> {
  const failed = (error: Error): void => {
    throw error
  }
  const store = await sqliteStore({ path, limits: { ...relayLimits, mailboxesMax: residents }, failed })
  const nowMs = Date.now()
  const { card, bundle } = publicationOf(createPerson(), nowMs, { preKeys: [] })
  const published = await Promise.all(
    Array.from({ length: residents }, (_, resident) =>
      store.ask({
        op: 'publish',
        device: deviceIdOf(ed25519PublicKey(seedOf(resident))),
        account: accountIdOf(systemRandom.bytes(32)),
        version: 1,
        revision: 1,
        card,
        bundle,
        preKeys: [],
        nowMs,
      }),
    ),
  )
  await store.close()
  if (!published.every((outcome) => outcome.ok)) throw new Error('not everybody found a place')
}

function start(dataDir: string, { limits, residents, flags = [] }: HousingInit, listen: string): ChildProcess {
  const all: Partial<AllLimits> = { mailboxesMax: Math.max(residents, 1), ...limits }
  return spawn(process.execPath, [...collects, ...flags, program, dataDir, JSON.stringify(all), listen], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

async function addressOf(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the relay says nothing')
  for await (const line of createInterface({ input: child.stdout })) if (line.startsWith('/')) return line
  throw new Error('the relay ended before it was ready')
}

function cpuUsOf(pid = 0): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

function residentOf(pid = 0): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1_024
}
