/**
 * `linnet send`: says something to someone. It is safe in the outbox when this ends; with no process running, it also stays
 * a moment to get the message out, because nobody else would.
 */
import { isUtf8 } from 'node:buffer'
import type { Command } from 'commander'
import { waitSecondsDefault, type Sent, type Wait } from '../control/methods.ts'
import { CliError, exitCode, usageError, type ExitCode } from '../exit.ts'
import type { Job, Tools } from '../job.ts'
import { withProfile, type Profile } from '../profile.ts'
import { settleSecondsDefault } from '../settle.ts'
import { examples } from './example.ts'
import { secondsFlag, waitFlag } from './flags.ts'

interface Flags {
  readonly stdin?: true
  readonly wait?: Wait
  readonly timeout?: number
}

/** More than the node takes, so that it can say how much too long a text is. */
const stdinBytesMax = 1 << 18

export function addSend(program: Command, tools: Tools): void {
  const command = program
    .command('send')
    .argument('<who>', 'a contact, by name or account')
    .argument('[text]', 'what to say, as one argument')
    .description('say something to someone')
    .option('--stdin', 'read the text from standard input')
    .option('--wait <state>', 'until it is stored (a relay keeps it), delivered or read', waitFlag)
    .option(
      '--timeout <seconds>',
      `how long to wait: ${waitSecondsDefault} with --wait; without, and with no process running, ${settleSecondsDefault} to get it out`,
      secondsFlag,
    )
    .allowExcessArguments()
    .action((who: string, text: string | undefined, flags: Flags, { args }: Command) => {
      if (args.length > 2) throw usageError('too many words: a text with spaces goes in quotes')
      return tools.act((job) => send(job, who, text, flags))
    })
  examples(
    command,
    ['linnet send bob "see you at eight"', 'ends when the message is safe; it goes out now or when bob can be reached'],
    [
      'linnet send bob --wait delivered --timeout 10 hello',
      'ends 0 when bob has it, 6 when that takes longer than 10 s',
    ],
    ['uptime | linnet send bob --stdin', 'the text comes from another program'],
  )
}

async function send(job: Job, who: string, argument: string | undefined, flags: Flags): Promise<ExitCode> {
  if ((argument === undefined) === (flags.stdin === undefined)) {
    throw usageError('say what to send: either TEXT, in quotes if it has spaces, or --stdin')
  }
  const text = argument ?? (await job.ending.race(readStdin()))
  return withProfile(job, async (profile) => {
    const sent = await sendAndWait(profile, who, text, flags)
    const { id, state } = sent
    await job.output.print({ id, state }, `${id} ${state}`)
    if (state === 'expired') {
      throw new CliError(exitCode.network, 'expired', 'the message was given up: nobody could take it for 30 days')
    }
    if (flags.wait === undefined) {
      const stays = profile.here && state === 'queued'
      if (stays) job.output.tell('It is safe here and goes out when linnet runs again; linnet daemon keeps it running.')
      return exitCode.done
    }
    if (sent.timedOut === undefined) return exitCode.done
    job.output.tell(`Not ${flags.wait} yet. It is safe and goes on by itself: linnet why ${id}`)
    return exitCode.timedOut
  })
}

async function sendAndWait(profile: Profile, who: string, text: string, flags: Flags): Promise<Sent> {
  const timeout = flags.timeout === undefined ? {} : { timeout: flags.timeout }
  if (flags.wait !== undefined) return profile.call('send', { who, text, wait: flags.wait, ...timeout })
  if (!profile.here) {
    const sent = await profile.call('send', { who, text })
    // Whoever had the profile has ended meanwhile, and it fell to this process: nobody else will get this out.
    return profile.here && sent.state === 'queued' ? untilItIsOut(profile, sent) : sent
  }
  return profile.call('send', { who, text, wait: 'stored', timeout: flags.timeout ?? settleSecondsDefault })
}

async function untilItIsOut(profile: Profile, sent: Sent): Promise<Sent> {
  for (const untilMs = performance.now() + settleSecondsDefault * 1_000; performance.now() < untilMs;) {
    const { state } = (await profile.call('why', { id: sent.id })).message
    if (state !== 'queued') return { ...sent, state }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return sent
}

/** One line end at the end belongs to the program that wrote it, not to what was said. */
async function readStdin(): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > stdinBytesMax) throw usageError('that is too long for one message')
    chunks.push(chunk)
  }
  const text = Buffer.concat(chunks)
  if (!isUtf8(text)) throw usageError('standard input is not UTF-8: convert it first, as iconv -f latin1 -t utf8 does')
  return text.toString('utf8').replace(/\r?\n$/u, '')
}
