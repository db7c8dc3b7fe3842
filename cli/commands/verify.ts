/** `linnet verify`: shows the safety number to compare with someone, and marks it as compared. */
import type { Command } from 'commander'
import type { Job, Tools } from '../job.ts'
import { withProfile } from '../profile.ts'
import { showContact, showSafetyNumber } from '../show.ts'
import { examples } from './example.ts'

export function addVerify(program: Command, tools: Tools): void {
  const command = program
    .command('verify')
    .argument('<who>', 'a contact, by name or account')
    .option('--same', 'you compared the digits with them, and they are the same')
    .description('show the safety number to compare with someone')
    .action((who: string, options: { readonly same?: boolean }) => tools.act((job) => verify(job, who, options.same)))
  examples(
    command,
    ['linnet verify bob', 'read the digits to each other over the phone'],
    ['linnet verify bob --same', 'and say that they were the same'],
  )
}

async function verify(job: Job, who: string, same = false): Promise<void> {
  if (same) {
    const contact = await withProfile(job, (profile) => profile.call('verify', { who }))
    return job.output.print(contact, showContact(contact))
  }
  const numbers = await withProfile(job, (profile) => profile.call('safety-numbers', { who }), 'reading')
  for (const number of numbers) await job.output.print(number, showSafetyNumber(number))
  if (numbers.length === 0) job.output.tell('Nothing to compare yet: their card has not been found.')
}
