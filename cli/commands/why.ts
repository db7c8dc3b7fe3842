/** `linnet why`: every route tried for a message, when, and who holds it now. */
import type { Command } from 'commander'
import type { Job, Tools } from '../job.ts'
import { withProfile } from '../profile.ts'
import { showWhy } from '../show.ts'
import { examples } from './example.ts'

export function addWhy(program: Command, tools: Tools): void {
  const command = program
    .command('why')
    .argument('<id>', 'a message, as send and history --json name it')
    .description('every route tried for a message, when, and who holds it now')
    .action((id: string) => tools.act((job) => why(job, id)))
  examples(command, ['linnet why 3f2a9c0d…', 'what became of that message'])
}

async function why(job: Job, id: string): Promise<void> {
  const found = await withProfile(job, (profile) => profile.call('why', { id }), 'reading')
  await job.output.print(found, showWhy(found))
}
