/**
 * `linnet receive`: prints what has happened and not been shown yet, each event once it can be relied on to have been
 * printed: acknowledged after the write, so a crash shows one twice rather than never.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import type { StoredEvent } from '../../node/index.ts'
import { exitCode, type ExitCode } from '../exit.ts'
import type { Job, Tools } from '../job.ts'
import { withProfile, type Profile } from '../profile.ts'
import { relaysAnswered, settleSecondsDefault } from '../settle.ts'
import { isKnownEvent, showEvent } from '../show.ts'
import { examples } from './example.ts'
import { countFlag, secondsFlag } from './flags.ts'

interface Flags {
  readonly follow?: true
  readonly timeout?: number
  readonly max?: number
}

/** With nothing new for so long after the relays were reached, they have no more; longer where reaching them took longer. */
const quietMsMin = 600
const quietMsMax = 2_500
/** With another process online for us, everything has been collected already; this is for what is just arriving. */
const quietMsAttached = 100
const lookAgainMs = 50
/** The receipts for what was printed go out within a moment; without it their senders learn of it only the next time. */
const receiptMs = 300

export function addReceive(program: Command, tools: Tools): void {
  const command = program
    .command('receive')
    .description('print new messages and events, and acknowledge them')
    .option('--follow', 'stay, and print what comes')
    .option(
      '--timeout <seconds>',
      `end after so long (default ${settleSecondsDefault} without anything new; with --follow, never)`,
      secondsFlag,
    )
    .option('--max <count>', 'end after so many events', countFlag)
    .action((flags: Flags) => tools.act((job) => receive(job, flags)))
  examples(
    command,
    ['linnet receive --json', 'collects what the relays hold, prints it and ends'],
    ['linnet receive --follow --json | ./bot', 'for a bot: one event a line, for as long as both run'],
    ['linnet receive --follow --max 1 --timeout 60', 'waits up to a minute for one event'],
  )
}

async function receive(job: Job, flags: Flags): Promise<ExitCode> {
  const work = async (profile: Profile): Promise<ExitCode> => {
    const deadline = flags.timeout === undefined ? undefined : AbortSignal.timeout(flags.timeout * 1_000)
    const until = deadline === undefined ? job.ending.signal : AbortSignal.any([deadline, job.ending.signal])
    const source = flags.follow ? profile.events(0, until) : collect(profile, until)
    let printed = 0
    for await (const stored of source) {
      await printEvent(job, stored)
      await profile.call('acknowledge', { upTo: stored.seq })
      printed += 1
      if (printed === flags.max) break
    }
    if (profile.here && printed > 0 && !job.ending.signal.aborted) await job.ending.race(delay(receiptMs))
    if (!flags.follow) job.ending.signal.throwIfAborted()
    return job.ending.signal.aborted ? job.ending.code : exitCode.done
  }
  return withProfile(job, work, flags.follow && flags.timeout === undefined ? 'staying' : 'online')
}

/** The event is the line: readers ignore what they do not know, so one of a newer version is passed on as it is. */
async function printEvent(job: Job, { event }: StoredEvent): Promise<void> {
  if (job.output.json || isKnownEvent(event)) await job.output.print(event, showEvent(event))
}

/** What is kept, then what the relays hold, until there is nothing more. */
async function* collect(profile: Profile, until: AbortSignal): AsyncGenerator<StoredEvent> {
  const startMs = Date.now()
  let last = 0
  let quietFromMs = startMs
  let quietMs = profile.here ? undefined : quietMsAttached
  while (!until.aborted) {
    const page = await profile.call('receive', { after: last })
    for (const one of page) {
      if (until.aborted) return
      last = one.seq
      yield one
      quietFromMs = Date.now()
    }
    if (page.length > 0) continue
    const idleMs = Date.now() - quietFromMs
    if (quietMs === undefined && (await relaysAnswered(profile))) {
      quietMs = Math.min(Math.max(Date.now() - startMs, quietMsMin), quietMsMax)
      quietFromMs = Date.now()
    } else if (idleMs >= (quietMs ?? settleSecondsDefault * 1_000)) return
    await delay(lookAgainMs)
  }
}
