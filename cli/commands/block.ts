/** `linnet block`: refuses what someone sends from now on. */
import type { Command } from 'commander'
import type { Job, Tools } from '../job.ts'
import { withProfile } from '../profile.ts'
import { showContact } from '../show.ts'
import { examples } from './example.ts'

export function addBlock(program: Command, tools: Tools): void {
  const command = program
    .command('block')
    .argument('<who>', 'a contact, by name or account')
    .description('refuse what someone sends from now on')
    .action((who: string) => tools.act((job) => block(job, who)))
  examples(command, ['linnet block mallory', 'linnet accept mallory takes it back'])
}

async function block(job: Job, who: string): Promise<void> {
  await withProfile(job, async (profile) => {
    const contact = await profile.call('block', { who })
    await job.output.print(contact, showContact(contact))
  })
}
