/** Starts a relay in a process of its own, and kills it without warning. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { atEnd } from './temporary.ts'

export interface RelayProcess {
  readonly address: string
  readonly pid: number
  /** SIGKILL; returns when the process is gone. */
  kill(): Promise<void>
}

const program = fileURLToPath(new URL('./relay-process.ts', import.meta.url))

export async function startRelayProcess(dataDir: string): Promise<RelayProcess> {
  const child = spawn(process.execPath, [program, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] })
  atEnd(() => killed(child))
  const lines = createInterface({ input: child.stdout })
  const [address] = (await once(lines, 'line', { signal: AbortSignal.timeout(20_000) })) as [string]
  return { address, pid: child.pid ?? 0, kill: () => killed(child) }
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
