/** The relay being measured: a process of its own with its files on disk, and what it has cost so far. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { AllLimits } from '../../relay/index.ts'
import { ServerProcess } from './process.ts'

const program = fileURLToPath(new URL('../../test/relay/relay-process.ts', import.meta.url))
const rate = { burst: 1e9, perSecond: 1e9 }

/** What protects a relay from one client would only measure the protection: every load here comes from one address. */
export const unbounded: Partial<AllLimits> = {
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

/** In a directory of its own, empty or as an earlier one left it, with these limits besides the relay's own ones. */
export async function startRelay(
  place: string,
  limits: Partial<AllLimits> = unbounded,
): Promise<{ readonly process: ServerProcess; readonly address: string }> {
  const server = new ServerProcess(place)
  const data = join(place, 'data')
  mkdirSync(data, { recursive: true })
  const { stdout } = server.start({
    program: process.execPath,
    args: [program, data, JSON.stringify(limits)],
    stdout: 'pipe',
  })
  if (stdout === null) throw new Error('the relay says nothing')
  const address = new Promise<string>((resolve, reject) => {
    createInterface({ input: stdout })
      .on('line', (line) => (line.startsWith('/') ? resolve(line) : server.note(line)))
      .once('close', () => reject(new Error(`the relay ended before it was ready: ${server.lastWords()}`)))
  })
  return { process: server, address: await address }
}
