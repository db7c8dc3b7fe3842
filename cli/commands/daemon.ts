/**
 * `linnet daemon`: stays online without a screen. Its one line says that it is ready; events stay unacknowledged until some
 * `receive` or chat shows them.
 */
import type { Command } from 'commander'
import { CliError, exitCode, type ExitCode } from '../exit.ts'
import type { Job, Tools } from '../job.ts'
import { dirOf, socketOf } from '../owner.ts'
import { withProfile } from '../profile.ts'
import { examples } from './example.ts'

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
  return withProfile(job, async (profile) => {
    if (!profile.here) {
      const { pid } = await profile.call('ping', {})
      throw new CliError(exitCode.usage, 'in-use', `process ${pid} is online with the profile in ${dirOf(job)} already`)
    }
    const { account, peerId, addresses } = await profile.call('id', {})
    const ready = { type: 'ready', account, peerId, addresses, socket: socketOf(job), pid: process.pid }
    await job.output.print(ready, ['online', ...addresses].join(' '))
    await job.ending.asked()
    return job.ending.code
  })
}
