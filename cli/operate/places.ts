/** Where a relay's things are, and what its operator has set: flags and environment before the configuration file. */
import { readFileSync } from 'node:fs'
import type { RelaySettings } from '../../relay/index.ts'
import { usageError } from '../exit.ts'
import type { Job } from '../job.ts'
import { configFile, relayDir, socketPath } from '../places.ts'
import { printable } from '../printable.ts'

/** Apart from a person's, so that one machine can have both. */
export const configName = 'relay.toml'

export function dirOf(job: Job): string {
  return relayDir(job.env, job.settings.get('data-dir'))
}

export function socketOf(job: Job): string {
  return socketPath(job.env, dirOf(job), 'relay.sock')
}

export interface Read {
  readonly settings: RelaySettings
  readonly warnings: readonly string[]
}

export async function settingsOf(job: Job): Promise<Read> {
  const { isRelayAddress, meansWarnings, readSettings } = await import('../../relay/index.ts')
  const read = readSettings({ text: configText(job), env: job.env })
  if (!read.ok) throw usageError(`${job.settings.configFile}:\n${read.complaints.map((one) => `  ${one}`).join('\n')}`)
  const [listen, announce] = [job.settings.get('listen'), job.settings.get('announce')]
  const verbose = (job.settings.get('verbose') ?? 0) > 0
  const settings: RelaySettings = {
    ...read.settings,
    ...(listen === undefined ? {} : { listen }),
    ...(announce === undefined ? {} : { announce }),
    ...(verbose ? { logLevel: 'info' } : {}),
  }
  for (const address of [...(settings.listen ?? []), ...(settings.announce ?? [])]) {
    if (isRelayAddress(address)) continue
    throw usageError(`“${printable(address)}” is no address a relay can have; one looks like /ip4/0.0.0.0/tcp/4001`)
  }
  return { settings, warnings: [...read.warnings, ...meansWarnings(settings.limits.connectionsMax)] }
}

/** A file that was named must be there; the usual one need not. */
function configText(job: Job): string | undefined {
  const path = job.settings.configFile
  const usual = configFile(job.env, job.settings.get('data-dir'), configName)
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (path === usual && (code === 'ENOENT' || code === 'ENOTDIR')) return undefined
    throw usageError(`cannot read the configuration file ${path} (${code ?? String(error)})`)
  }
}
