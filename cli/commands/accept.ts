/** `linnet accept`: lets in someone who wrote first. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import type { Job, Tools } from '../job.ts'
import { withProfile } from '../profile.ts'
import { reachRelays } from '../settle.ts'
import { showContact } from '../show.ts'
import { examples } from './example.ts'

/** Our card goes out to them; with no process running it gets this long after the relays were reached. */
const introductionMs = 1_000

export function addAccept(program: Command, tools: Tools): void {
  const command = program
    .command('accept')
    .argument('<who>', 'a contact that is “requested”')
    .description('let in someone who wrote to you first')
    .action((who: string) => tools.act((job) => accept(job, who)))
  examples(command, ['linnet accept carol', 'what she wrote is shown by linnet receive'])
}

async function accept(job: Job, who: string): Promise<void> {
  await withProfile(job, async (profile) => {
    const contact = await profile.call('accept', { who })
    await job.output.print(contact, showContact(contact))
    if (!profile.here) return
    await reachRelays(profile)
    await job.ending.race(delay(introductionMs))
  })
}
