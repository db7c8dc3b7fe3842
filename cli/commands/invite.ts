/** `linnet invite`: prints a link that lets one person in, alone on stdout so that it can be piped. */
import type { Command } from 'commander'
import type { Job, Tools } from '../job.ts'
import { withProfile } from '../profile.ts'
import { reachRelays, tellRefusals } from '../settle.ts'
import { examples } from './example.ts'

export function addInvite(program: Command, tools: Tools): void {
  const command = program
    .command('invite')
    .description('print a link that lets one person in, once')
    .action(() => tools.act(invite))
  examples(command, ['linnet invite', 'send the line to whom you want to talk to; they say: linnet add LINK'])
}

async function invite(job: Job): Promise<void> {
  await withProfile(job, async (profile) => {
    // A link is of no use before the relay named in it holds our card.
    const published = !profile.here || (await reachRelays(profile))
    const { link } = await profile.call('invite', {})
    await job.output.print({ link }, link)
    const kept = await tellRefusals(job, profile)
    if (!published && kept)
      job.output.tell('No relay of yours was reached: the link works once you are online (linnet daemon).')
  })
}
