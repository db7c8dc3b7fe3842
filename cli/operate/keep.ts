/**
 * What an operator does around a running relay: makes its directory, checks its settings, copies it and puts a copy back. A
 * relay that runs is asked for the copy, because only it knows its database at one moment; one that does not is read.
 */
import { resolve } from 'node:path'
import { findOwner } from '../control/client.ts'
import { CliError, exitCode } from '../exit.ts'
import type { Job } from '../job.ts'
import { dirOf, settingsOf, socketOf } from './places.ts'

export async function initiate(job: Job): Promise<void> {
  const { initRelay } = await import('../../relay/index.ts')
  const { peerId, keyFile, configFile, configWritten } = initRelay(dirOf(job), job.settings.configFile)
  const words = [
    `relay   ${peerId}`,
    `key     ${keyFile}: copy it to a safe place; whoever has it is this relay`,
    `config  ${configFile}${configWritten ? '' : ' (was there already, left as it is)'}`,
  ]
  await job.output.print({ peerId, keyFile, configFile, configWritten }, words.join('\n'))
}

export async function checkConfig(job: Job): Promise<void> {
  const { settings, warnings } = await settingsOf(job)
  const { configFile } = job.settings
  const { store, listen, monitor, access, elsewhere } = settings
  const shown = {
    configFile,
    store: typeof store === 'string' ? store : 'postgres',
    listen: listen ?? null,
    monitor: monitor === undefined ? null : `${monitor.host}:${monitor.port}`,
    private: access.token !== undefined || access.allow !== undefined,
    newMailboxes: settings.limits.mailboxesMax > 0,
    elsewhere,
    warnings,
  }
  const words = [
    `${configFile} is in order.`,
    `store     ${shown.store}`,
    `listen    ${listen?.join(' ') ?? 'port 4001 everywhere'}`,
    `monitor   ${shown.monitor ?? 'off'}`,
    `mailboxes ${shown.newMailboxes ? (shown.private ? 'for those you let in' : 'for everyone') : 'no new ones'}`,
    `ending    ${elsewhere.length === 0 ? 'no other relay is named' : elsewhere.join(' ')}`,
    ...warnings.map((warning) => `warning: ${warning}`),
  ]
  await job.output.print(shown, words.join('\n'))
}

export async function backUp(job: Job, directory: string): Promise<void> {
  const path = resolve(directory)
  const running = await findOwner(socketOf(job))
  if (running === undefined) {
    const { backupTo, copyIdleDatabase } = await import('../../relay/index.ts')
    await backupTo(dirOf(job), path, (file) => copyIdleDatabase(dirOf(job), file))
  } else {
    await job.ending.race(running.call('backup', { directory: path }))
    running.close()
  }
  await job.output.print({ directory: path }, path)
}

export async function restore(job: Job, directory: string): Promise<void> {
  const running = await findOwner(socketOf(job))
  if (running !== undefined) {
    running.close()
    throw new CliError(exitCode.usage, 'in-use', `a relay is running in ${dirOf(job)}: stop it first`)
  }
  const { restoreFrom } = await import('../../relay/index.ts')
  const { before } = restoreFrom(resolve(directory), dirOf(job), Date.now())
  const kept = before === undefined ? [] : [`what was there is in ${before}`]
  const words = [`restored to ${dirOf(job)}`, ...kept].join('\n')
  await job.output.print({ directory: dirOf(job), before: before ?? null }, words)
}
