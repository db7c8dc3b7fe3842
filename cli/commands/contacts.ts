/** `linnet contacts`: the people known, one a line. */
import type { Command } from 'commander'
import type { Job, Tools } from '../job.ts'
import { withProfile } from '../profile.ts'
import { showContact } from '../show.ts'
import { examples } from './example.ts'

export function addContacts(program: Command, tools: Tools): void {
  const command = program
    .command('contacts')
    .description('the people you know, and those who want to talk to you')
    .action(() => tools.act(contacts))
  examples(command, ['linnet contacts --json', 'one object a line: name, account, state and more'])
}

async function contacts(job: Job): Promise<void> {
  const all = await withProfile(job, (profile) => profile.call('contacts', {}), 'reading')
  for (const one of all) await job.output.print(one, showContact(one))
  if (all.length === 0)
    job.output.tell('Nobody yet. Give someone the link of linnet invite, or add theirs: linnet add LINK')
}
