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
import { reachRelays, settleSecondsDefault } from '../settle.ts'
import { isKnownEvent, showEvent } from '../show.ts'
import { examples } from './example.ts'
import { countFlag, secondsFlag } from './flags.ts'

interface Flags {
  readonly follow?: true
  readonly timeout?: number
  readonly max?: number
}

/** A relay sends its pages one after the other: with nothing new for so long, it has no more. */
const quietMs = 700
/** With another process online for us, everything has been collected already; this is for what is just arriving. */
const quietMsAttached = 100
/** The receipts for what was printed go out within a moment; without it their senders learn of it only the next time. */
const receiptMs = 300

export function addReceive(program: Command, tools: Tools): void {
  const command = program
    .command('receive')
    .description('print new messages and events, and acknowledge them')
    .option('--follow', 'stay, and print what comes')
    .option(
      '--timeout <seconds>',
      `end after so long at the latest (default ${settleSecondsDefault}; with --follow, never)`,
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
  return withProfile(job, async (profile) => {
    const done = new AbortController()
    const until = AbortSignal.any([done.signal, job.ending.signal])
    const seconds = flags.timeout ?? (flags.follow ? undefined : settleSecondsDefault)
    const deadlineMs = seconds === undefined ? Number.POSITIVE_INFINITY : Date.now() + seconds * 1_000
    const timer = seconds === undefined ? undefined : setTimeout(() => done.abort(), seconds * 1_000)
    const pulse = { lastMs: Date.now(), acknowledged: false }
    try {
      const ended = flags.follow ? undefined : endWhenQuiet(profile, pulse, deadlineMs, done)
      await printEvents(job, profile, { until, pulse, max: flags.max ?? Number.POSITIVE_INFINITY })
      done.abort()
      await ended
      if (profile.here && pulse.acknowledged) await job.ending.race(delay(receiptMs))
    } finally {
      clearTimeout(timer)
      done.abort()
    }
    return job.ending.signal.aborted ? job.ending.code : exitCode.done
  })
}

interface Printing {
  readonly until: AbortSignal
  readonly pulse: { lastMs: number; acknowledged: boolean }
  readonly max: number
}

async function printEvents(job: Job, profile: Profile, printing: Printing): Promise<void> {
  let printed = 0
  for await (const stored of profile.events(0, printing.until)) {
    printing.pulse.lastMs = Date.now()
    await printEvent(job, stored)
    await profile.call('acknowledge', { upTo: stored.seq })
    printing.pulse.lastMs = Date.now()
    printing.pulse.acknowledged = true
    printed += 1
    if (printed >= printing.max) return
  }
}

/** The event is the line: readers ignore what they do not know, so one of a newer version is passed on as it is. */
export async function printEvent(job: Job, { event }: StoredEvent): Promise<void> {
  if (job.output.json || isKnownEvent(event)) await job.output.print(event, showEvent(event))
}

async function endWhenQuiet(
  profile: Profile,
  pulse: { readonly lastMs: number },
  deadlineMs: number,
  done: AbortController,
): Promise<void> {
  try {
    if (profile.here) await reachRelays(profile, deadlineMs)
    const quiet = profile.here ? quietMs : quietMsAttached
    const fromMs = Date.now()
    while (!done.signal.aborted && Date.now() - Math.max(pulse.lastMs, fromMs) < quiet) await delay(50)
  } finally {
    done.abort()
  }
}
