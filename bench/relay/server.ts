/** The relay being measured: a process of its own with its files on disk, and what it has cost so far. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { AllLimits } from '../../relay/index.ts'
import { ServerProcess } from './process.ts'

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

/** In an empty directory of its own, with these limits besides the relay's own ones. */
export async function startRelay(
  place: string,
  limits: Partial<AllLimits> = unbounded,
): Promise<{ readonly process: ServerProcess; readonly address: string }> {
  const server = new ServerProcess(place)
  const data = join(place, 'data')
  mkdirSync(data)
  const { stdout } = server.start({
    program: process.execPath,
    args: [program, data, JSON.stringify(limits)],
    stdout: 'pipe',
  })
  if (stdout === null) throw new Error('the relay says nothing')
  for await (const line of createInterface({ input: stdout })) {
    if (line.startsWith('/')) return { process: server, address: line }
  }
  throw new Error(`the relay ended before it was ready: ${server.lastWords()}`)
}

/** In a temporary directory, which goes with it. */
export async function startServer(): Promise<Server> {
  const place = mkdtempSync(join(tmpdir(), 'linnet-bench-'))
  chmodSync(place, 0o700)
  const { process: server, address } = await startRelay(place)
  return {
    address,
    cpuUs: () => server.cpuUs(),
    memory: () => server.memory(),
    stop: async () => {
      await server.kill()
      rmSync(place, { recursive: true, force: true })
    },
  }
}
