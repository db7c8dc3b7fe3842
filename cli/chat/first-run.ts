/** The first run at a terminal: asks a name, and says in three lines what to do next. Nothing else is asked of anyone. */
import { createInterface } from 'node:readline/promises'
import { endOf } from '../exit.ts'
import type { Job } from '../job.ts'
import { openNode } from '../owner.ts'
import { openProfile, type Profile } from '../profile.ts'
import { reachRelays, tellRefusals } from '../settle.ts'

export async function openOrMake(job: Job): Promise<{ readonly profile: Profile; readonly fresh: boolean }> {
  try {
    return { profile: await openProfile(job, 'staying'), fresh: false }
  } catch (error) {
    if (endOf(error).reason !== 'no-profile' || !process.stdin.isTTY || !job.output.terminal) throw error
  }
  const name = await askName(job)
  await (await openNode(job, { name })).stop()
  return { profile: await openProfile(job, 'staying'), fresh: true }
}

export async function welcome(job: Job, profile: Profile): Promise<void> {
  const { relays } = await profile.call('id', {})
  await reachRelays(profile)
  const kept = await tellRefusals(job, profile)
  try {
    const { link } = await profile.call('invite', {})
    await job.output.print({ link }, `\n${link}\n`)
  } catch (error) {
    job.output.tell(endOf(error).message)
  }
  job.output.tell('1. Send this link to someone; they give it to their linnet with: linnet add LINK')
  job.output.tell('2. Or take theirs: /add LINK. Then just type; /help lists what else there is.')
  const relayLine = 'Your relay keeps messages for you while you are away; linnet daemon keeps you online.'
  const bareLine =
    'Messages reach you only while you are online: --relay ADDRESS names a relay that keeps them for you.'
  job.output.tell(`3. ${relays.length > 0 && kept ? relayLine : bareLine}\n`)
}

async function askName(job: Job): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stdout })
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  lines.on('error', () => undefined) // The terminal was closed; the question is given up with it.
  try {
    for (;;) {
      const name = (await lines.question('Your name, as others will see it: ', { signal: job.ending.signal })).trim()
      if (name !== '') return name
    }
  } finally {
    lines.close()
  }
}
