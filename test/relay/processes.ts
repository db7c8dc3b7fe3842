/** Starts a relay in a process of its own, and kills it without warning. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { AllLimits, RelayLogEntry, StoreChoice } from '../../relay/index.ts'
import { atEnd } from './temporary.ts'

export interface RelayProcess {
  readonly address: string
  readonly pid: number
  readonly log: readonly RelayLogEntry[]
  /** SIGKILL; returns when the process is gone. */
  kill(): Promise<void>
}

export interface RelayProcessInit {
  readonly limits?: Partial<AllLimits>
  readonly store?: StoreChoice
  readonly env?: NodeJS.ProcessEnv
}

const program = fileURLToPath(new URL('./relay-process.ts', import.meta.url))

export async function startRelayProcess(dataDir: string, init: RelayProcessInit = {}): Promise<RelayProcess> {
  const args = [JSON.stringify(init.limits ?? {}), '/ip4/127.0.0.1/tcp/0', JSON.stringify(init.store ?? 'sqlite')]
  const child = spawn(process.execPath, [program, dataDir, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...init.env },
  })
  atEnd(() => killed(child))
  const log: RelayLogEntry[] = []
  const address = Promise.withResolvers<string>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith('{')) log.push(JSON.parse(line) as RelayLogEntry)
    else address.resolve(line)
  })
  child.once('exit', () => address.reject(new Error('the relay ended before it was ready')))
  const late = setTimeout(() => address.reject(new Error('the relay is not ready')), 20_000)
  const ready = await address.promise
  clearTimeout(late)
  return { address: ready, pid: child.pid ?? 0, log, kill: () => killed(child) }
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
