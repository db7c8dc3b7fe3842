/** `linnet history`: what was said with someone, oldest first. */
import type { Command } from 'commander'
import { historyLimitDefault } from '../control/methods.ts'
import type { Job, Tools } from '../job.ts'
import { withProfile } from '../profile.ts'
import { showMessage } from '../show.ts'
import { examples } from './example.ts'
import { countFlag } from './flags.ts'

interface Flags {
  readonly limit: number
  readonly before?: string
}

export function addHistory(program: Command, tools: Tools): void {
  const command = program
    .command('history')
    .argument('<who>', 'a contact, by name or account')
    .description('what was said, oldest first')
    .option('--limit <count>', 'so many, the newest ones (1000 at most)', countFlag, historyLimitDefault)
    .option('--before <id>', 'only what came before this message')
    .action((who: string, flags: Flags) => tools.act((job) => history(job, who, flags)))
  examples(
    command,
    ['linnet history bob --limit 10', 'the last ten messages'],
    ['linnet history bob --json | jq -r .text', 'the texts alone'],
  )
}

async function history(job: Job, who: string, { limit, before }: Flags): Promise<void> {
  const page = { who, limit, ...(before === undefined ? {} : { before }) }
  const messages = await withProfile(job, (profile) => profile.call('history', page), 'reading')
  for (const one of messages) await job.output.print(one, showMessage(one))
}
