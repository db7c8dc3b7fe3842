/** `linnet doctor`: what is well between this device and everybody else, what is not, and what to do about it. */
import type { Command } from 'commander'
import { exitCode, type ExitCode } from '../exit.ts'
import type { Job, Tools } from '../job.ts'
import { withProfile } from '../profile.ts'
import { reachRelays } from '../settle.ts'
import { showDiagnosis } from '../show.ts'
import { examples } from './example.ts'

export function addDoctor(program: Command, tools: Tools): void {
  const command = program
    .command('doctor')
    .description('relays, router, addresses, clock, prekeys, disk, outbox: what is well, and what to do about the rest')
    .action(() => tools.act(doctor))
  examples(command, ['linnet doctor', 'ends 3 when something keeps messages from coming or going'])
}

async function doctor(job: Job): Promise<ExitCode> {
  const found = await withProfile(job, async (profile) => {
    if (profile.here) await reachRelays(profile) // A device that has just begun has heard of nobody yet.
    return profile.call('doctor', {})
  })
  await job.output.print(found, showDiagnosis(found))
  return found.well ? exitCode.done : exitCode.network
}
