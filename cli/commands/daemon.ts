/**
 * `linnet daemon`: stays online without a screen. Its one line says that it is ready; events stay unacknowledged until some
 * `receive` or chat shows them.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import { CliError, exitCode, type ExitCode } from '../exit.ts'
import type { Job, Tools } from '../job.ts'
import { dirOf, socketOf } from '../owner.ts'
import { openProfile, type Profile } from '../profile.ts'
import { examples } from './example.ts'

/** Longer than a one-shot command stays unless it was told to wait. */
const passingMsMax = 15_000
const lookAgainMs = 100

export function addDaemon(program: Command, tools: Tools): void {
  const command = program
    .command('daemon')
    .description('stay online without a screen; the other commands find it and use it')
    .action(() => tools.act(daemon))
  examples(
    command,
    ['linnet daemon &', 'from now on linnet send and linnet receive answer at once'],
    ['linnet daemon -v --scrub-log 2>> linnet.log', 'with a log that names nobody'],
  )
}

async function daemon(job: Job): Promise<ExitCode> {
  const profile = await takeOver(job)
  try {
    const { account, peerId, addresses } = await profile.call('id', {})
    const ready = { type: 'ready', account, peerId, addresses, socket: socketOf(job), pid: process.pid }
    await job.output.print(ready, ['online', ...addresses].join(' '))
    await job.ending.asked()
    return job.ending.code
  } finally {
    await profile.close()
  }
}

/** A command that runs a node for a moment is waited out; a process that stays is not. */
async function takeOver(job: Job): Promise<Profile> {
  const giveUpAt = Date.now() + passingMsMax
  for (;;) {
    const profile = await openProfile(job, 'staying')
    const { pid, stays } = await profile.call('ping', {})
    if (profile.here) return profile // Perhaps only since the one that was asked has gone.
    await profile.close()
    if (stays === true || Date.now() > giveUpAt) {
      throw new CliError(exitCode.usage, 'in-use', `process ${pid} is online with the profile in ${dirOf(job)} already`)
    }
    await job.ending.race(delay(lookAgainMs))
  }
}
