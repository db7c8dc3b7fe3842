/** `linnet add`: adds whoever made an invite link, and introduces oneself to them. */
import { setTimeout as delay } from 'node:timers/promises'
import { Option, type Command } from 'commander'
import type { Job, Tools } from '../job.ts'
import { withProfile } from '../profile.ts'
import { introduce, settleSecondsDefault } from '../settle.ts'
import { showContact } from '../show.ts'
import { examples } from './example.ts'
import { secondsFlag } from './flags.ts'

interface Flags {
  readonly as?: string
  readonly timeout: number
}

/** Our own card goes out behind theirs; nothing tells us when it has arrived, so it gets this long. */
const introductionMs = 1_000

export function addAdd(program: Command, tools: Tools): void {
  const command = program
    .command('add')
    .argument('<link>', 'the invite link you were given')
    .description('add a contact and introduce yourself')
    .option('--as <name>', 'what you call them, instead of their own name')
    .addOption(
      new Option('--timeout <seconds>', 'with no process running: how long to wait for their answer')
        .argParser(secondsFlag)
        .default(settleSecondsDefault),
    )
    .action((link: string, flags: Flags) => tools.act((job) => add(job, link, flags)))
  examples(command, ['linnet add linnet:CiC… --as bob', 'from now on: linnet send bob "hello"'])
}

async function add(job: Job, link: string, flags: Flags): Promise<void> {
  await withProfile(job, async (profile) => {
    let contact = await profile.call('add', { link, ...(flags.as === undefined ? {} : { as: flags.as }) })
    if (profile.here) {
      contact = (await introduce(profile, contact.account, Date.now() + flags.timeout * 1_000)) ?? contact
      if (contact.state === 'added') await job.ending.race(delay(introductionMs))
    }
    await job.output.print(contact, showContact(contact))
    if (contact.state === 'adding') {
      job.output.tell('They could not be reached yet. It goes on whenever linnet runs; linnet daemon keeps it running.')
    }
  })
}
