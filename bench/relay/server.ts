/** The relay being measured: a process of its own, and what it has cost so far as Linux counts it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { AllLimits } from '../../relay/index.ts'

export interface Server {
  readonly address: string
  /** Processor time of all its threads, in microseconds. */
  cpuUs(): number
  /** Resident memory, in bytes. */
  memory(): number
  stop(): Promise<void>
}

const program = fileURLToPath(new URL('../../test/relay/relay-process.ts', import.meta.url))
const rate = { burst: 1e9, perSecond: 1e9 }

/** What protects a relay from one client would only measure the protection: every load here comes from one address. */
const unbounded: Partial<AllLimits> = {
  mailboxMessagesMax: 1_000_000,
  mailboxesMax: 1_000_000,
  connectionsMax: 19_000,
  connectionsPerAddressMax: 19_000,
  connectionsPerAddressPerSecond: 10_000,
  deposits: rate,
  depositBytes: rate,
  acknowledgements: rate,
  publications: rate,
  subscriptions: rate,
}

export async function startServer(): Promise<Server> {
  const dataDir = mkdtempSync(join(tmpdir(), 'linnet-bench-'))
  const child = spawn(process.execPath, [program, dataDir, JSON.stringify(unbounded)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const address = await firstAddress(child)
  const pid = child.pid ?? 0
  return {
    address,
    cpuUs: () => cpuUsOf(pid),
    memory: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1_024,
    stop: async () => {
      child.kill('SIGKILL')
      await once(child, 'exit')
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

async function firstAddress(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the relay says nothing')
  for await (const line of createInterface({ input: child.stdout })) if (line.startsWith('/')) return line
  throw new Error('the relay ended before it was ready')
}

/** Linux counts in hundredths of a second. */
function cpuUsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}
