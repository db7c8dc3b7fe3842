/** `linnet relay status`: asks the running relay how it stands. */
import { findOwner } from '../control/client.ts'
import { CliError, exitCode } from '../exit.ts'
import type { Job } from '../job.ts'
import { dirOf, socketOf } from './places.ts'
import type { Status } from './run.ts'

export async function showStatus(job: Job): Promise<void> {
  const relay = await findOwner(socketOf(job))
  if (relay === undefined) throw new CliError(exitCode.notFound, 'not-found', `no relay is running in ${dirOf(job)}`)
  const status = (await job.ending.race(relay.call('status', {}))) as Status
  relay.close()
  await job.output.print(status, wordsOf(status))
}

function wordsOf(status: Status): string {
  const mib = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MiB`
  const reached = Object.entries(status.reached).map(([limit, times]) => `${limit} ${times}`)
  const faults = Object.entries(status.faults).map(
    ([name, { times, lastMs }]) => `${name} ${times} times, last ${new Date(lastMs).toISOString()}`,
  )
  const lines: readonly (readonly [string, string | number])[] = [
    ['messages', `${status.messages} waiting (${mib(status.messageBytes)}) in ${status.mailboxes} mailboxes`],
    ['active', `${status.active.join(', ')} mailboxes within a day, a week, 30 days`],
    ['oldest', status.oldest ?? 'none waits'],
    ['tombstones', status.tombstones],
    ['connections', `${status.connections}, ${status.streams} streams, ${status.subscriptions} mailboxes listened to`],
    ['reservations', status.reservations],
    ['prekeys', status.preKeys],
    ['cards', status.cards],
    ['store', faults.length === 0 ? 'no write was refused' : faults.join('; ')],
    ['limits', reached.length === 0 ? 'none was reached' : `reached: ${reached.join(', ')}`],
    ['disk', mib(status.diskBytes)],
    ['monitor', status.monitor ?? 'off'],
    ['process', status.pid],
  ]
  return lines.map(([name, value]) => `${name.padEnd(12)} ${value}`).join('\n')
}
