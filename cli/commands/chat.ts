/**
 * `linnet` without a command: a conversation in lines, with a person at a terminal or a program at both ends of a pipe.
 * What a line means is `chat/words.ts`.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import type { NodeEvent } from '../../node/index.ts'
import { openOrMake, welcome } from '../chat/first-run.ts'
import { openScreen } from '../chat/screen.ts'
import { keepStatusLine } from '../chat/status-line.ts'
import { chooseCurrent, remember, understand, type Chat } from '../chat/words.ts'
import { endOf, exitCode, usageError, type ExitCode } from '../exit.ts'
import type { Job, Tools } from '../job.ts'
import { ReaderGone } from '../output.ts'
import { settleSecondsDefault } from '../settle.ts'
import { isKnownEvent, showEvent } from '../show.ts'
import { examples } from './example.ts'

export function addChat(program: Command, tools: Tools): void {
  // A program that does something itself has no `help` unless asked for.
  program.helpCommand('help [command]', 'say what a command does')
  program.allowExcessArguments().action(() => {
    const [unknown] = program.args
    if (unknown !== undefined) throw usageError(`there is no command “${unknown}”; linnet --help lists what there is`)
    return tools.act(chat)
  })
  examples(
    program,
    ['linnet', 'chat; the first time it asks your name and prints a link to give away'],
    ['linnet send bob "hello"', 'the same from the shell; linnet send --help says more'],
    ["printf '/to bob\\nhello\\n' | linnet", 'line by line from a program, no terminal needed'],
  )
}

async function chat(job: Job): Promise<ExitCode> {
  const { profile, fresh } = await openOrMake(job)
  try {
    if (fresh) await welcome(job, profile)
    const screen = openScreen(job.output)
    const it: Chat = { profile, screen, current: undefined, asking: undefined, pending: new Set(), ids: [] }
    const stop = new AbortController()
    const until = AbortSignal.any([stop.signal, job.ending.signal])
    until.addEventListener('abort', () => screen.close())
    const showing = showEvents(it, until)
    keepStatusLine(it, until)
    try {
      await chooseCurrent(it)
      if (it.current === undefined) screen.prompt(undefined)
      return await job.ending.race(Promise.race([converse(job, it), showing.then(() => exitCode.done)]))
    } finally {
      stop.abort()
      await showing.catch(() => undefined) // Its failure has won the race above, or came of our leaving.
    }
  } finally {
    await profile.close()
  }
}

async function converse(job: Job, it: Chat): Promise<ExitCode> {
  const interactive = process.stdin.isTTY && job.output.terminal
  let failed: ExitCode = exitCode.done
  for await (const line of it.screen.lines()) {
    try {
      if ((await understand(it, line)) === 'quit') break
    } catch (error) {
      const end = endOf(error)
      if (error instanceof ReaderGone || end.reason === 'interrupted') throw error
      it.screen.tell(`${line.startsWith('/') ? (line.split(/\s/u, 1)[0] ?? '') : 'not sent'}: ${end.message}`)
      if (!interactive && failed === exitCode.done) failed = end.code
    }
  }
  await job.ending.race(letOut(it))
  return failed
}

/** What was said last would otherwise wait until the program runs again. */
async function letOut(it: Chat): Promise<void> {
  const untilMs = Date.now() + settleSecondsDefault * 1_000
  while (it.profile.here && it.pending.size > 0 && Date.now() < untilMs) await delay(50)
}

async function showEvents(it: Chat, until: AbortSignal): Promise<void> {
  for await (const { seq, event } of it.profile.events(0, until)) {
    if (isKnownEvent(event)) {
      note(it, event)
      await it.screen.show(event, showEvent(event))
    }
    await it.profile.call('acknowledge', { upTo: seq })
  }
}

function note(it: Chat, event: NodeEvent): void {
  if (event.type === 'message') remember(it, event.id)
  if (event.type === 'status' && event.state !== 'queued') it.pending.delete(event.id)
  if (event.type === 'contact' && event.state === 'requested') it.asking = event.account
}
