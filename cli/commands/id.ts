/** `linnet id`: who this is, where it listens, how it stands with its relays. */
import type { Command } from 'commander'
import type { Job, Tools } from '../job.ts'
import { withProfile } from '../profile.ts'
import { reachRelays } from '../settle.ts'
import { showIdentity } from '../show.ts'
import { examples } from './example.ts'

/** Without a running process, the relays are asked for so long how they stand. */
const standingMsMax = 2_000

export function addId(program: Command, tools: Tools): void {
  const command = program
    .command('id')
    .description('account, device, addresses, relays, prekeys left')
    .action(() => tools.act(id))
  examples(command, ['linnet id --json', 'the same for a program, on one line'])
}

async function id(job: Job): Promise<void> {
  await withProfile(job, async (profile) => {
    if (profile.here) await reachRelays(profile, standingMsMax)
    const identity = await profile.call('id', {})
    await job.output.print(identity, showIdentity(identity))
  })
}
