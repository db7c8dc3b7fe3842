/** `linnet rename`: changes what you call someone; nobody else sees it. */
import type { Command } from 'commander'
import type { Job, Tools } from '../job.ts'
import { withProfile } from '../profile.ts'
import { showContact } from '../show.ts'
import { examples } from './example.ts'

export function addRename(program: Command, tools: Tools): void {
  const command = program
    .command('rename')
    .argument('<who>', 'a contact, by name or account')
    .argument('<name>', 'what you will call them')
    .description('change what you call someone')
    .action((who: string, name: string) => tools.act((job) => rename(job, who, name)))
  examples(command, ['linnet rename bob "Bob from work"', 'only you see this name'])
}

async function rename(job: Job, who: string, name: string): Promise<void> {
  await withProfile(job, async (profile) => {
    const contact = await profile.call('rename', { who, name })
    await job.output.print(contact, showContact(contact))
  })
}
