/**
 * The words of the command line: every command and every global flag, and how a parse becomes a job. What a command does
 * is in `commands/`, one a file.
 */
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { addAccept } from './commands/accept.ts'
import { addAdd } from './commands/add.ts'
import { addBlock } from './commands/block.ts'
import { addChat } from './commands/chat.ts'
import { addConfig } from './commands/config.ts'
import { addContacts } from './commands/contacts.ts'
import { addDaemon } from './commands/daemon.ts'
import { addDemo } from './commands/demo.ts'
import { addDoctor } from './commands/doctor.ts'
import { addHistory } from './commands/history.ts'
import { addId } from './commands/id.ts'
import { addInit } from './commands/init.ts'
import { addInvite } from './commands/invite.ts'
import { addReceive } from './commands/receive.ts'
import { addRelay } from './commands/relay.ts'
import { addRename } from './commands/rename.ts'
import { addSend } from './commands/send.ts'
import { addSim } from './commands/sim.ts'
import { addVerify } from './commands/verify.ts'
import { addWhy } from './commands/why.ts'
import { watchForEnd, type Ending } from './ending.ts'
import { endOf, exitCode, isAbort, usageError, type CliError, type ExitCode } from './exit.ts'
import type { Job, Programs, Tools } from './job.ts'
import { openOutput, ReaderGone, survivePipes } from './output.ts'
import { printableText } from './printable.ts'
import { resolveSettings } from './settings.ts'
import { version } from './version.ts'

/** Parses, runs, and answers with the exit code; what goes wrong has been said on stderr by then. */
export async function run(argv: readonly string[], programs: Programs): Promise<ExitCode> {
  survivePipes(processStreams)
  let code: ExitCode = exitCode.done
  let ending: Ending | undefined
  const program = new Command('linnet')
  const flags = (): Record<string, unknown> => kebab(given(program))
  const tools: Tools = {
    programs,
    env: process.env,
    act: async (work, fileName) => {
      const settings = resolveSettings({
        flags: flags(),
        env: process.env,
        ...(fileName === undefined ? {} : { fileName }),
      })
      ending = watchForEnd()
      const output = openOutput(processStreams, settings.get('json') === true)
      const job: Job = { settings, output, ending, programs, env: process.env }
      code = (await work(job)) ?? exitCode.done
    },
  }
  const json = argv.includes('--json')
  program.configureOutput({
    outputError: (words, write) => (json ? complain(usageError(words.trim()), undefined, json) : write(words)),
  })
  buildProgram(program, tools)
  try {
    await program.parseAsync(argv, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.done : exitCode.usage
    if (error instanceof ReaderGone) return exitCode.done
    const verbose = Number(flags()['verbose'] ?? 0) > 0
    const asked: unknown = ending?.signal.aborted === true ? ending.signal.reason : undefined
    const end = endOf(asked !== undefined && isAbort(error) ? asked : error)
    complain(end, verbose ? error : undefined, flags()['json'] === true)
    return end.code
  }
}

export function buildProgram(program: Command, tools: Tools): void {
  globalFlags(program)
  addCommands(program, tools)
}

const processStreams = { stdout: process.stdout, stderr: process.stderr, env: process.env }

function complain(end: CliError, trace: unknown, json: boolean): void {
  if (json) {
    const { reason, message, code } = end
    process.stderr.write(`${JSON.stringify({ type: 'error', reason, message, exit: code })}\n`)
    return
  }
  if (end.reason === 'interrupted') return
  process.stderr.write(`linnet: ${printableText(end.message)}\n`)
  if (end.reason !== 'unexpected') return
  if (trace instanceof Error) process.stderr.write(`${trace.stack ?? ''}\n`)
  else process.stderr.write('This should not happen; with -v it says where.\n')
}

function globalFlags(program: Command): Command {
  const list = (value: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), value]
  const address = (value: string, before: readonly string[] | undefined): readonly string[] => {
    if (!value.startsWith('/')) throw new InvalidArgumentError('An address looks like /ip4/192.0.2.7/tcp/4001.')
    return list(value, before)
  }
  return program
    .description('A peer-to-peer messenger: direct when it can be, kept for you by a relay when it cannot.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'say what a command does')
    .option('--profile <name>', 'which of your profiles')
    .option('--data-dir <dir>', 'where everything is kept')
    .option('--config <file>', 'the configuration file')
    .option(
      '--relay <multiaddr>',
      'a relay that keeps your messages (repeatable); a private one with ?token=…',
      address,
    )
    .option('--listen <multiaddr>', 'where to listen (repeatable)', address)
    .option('--announce <multiaddr>', 'the address to tell others, if another one (repeatable)', address)
    .option('--no-circuits', 'no circuits through relays, which tell them who calls whom')
    .option('--no-lan', 'say nothing on the local network, and look for nobody there')
    .option('--no-upnp', 'do not ask the router to let others in')
    .option('--no-presence', 'do not tell contacts when you are here or type')
    .option('--json', 'one JSON object a line on stdout')
    .option('-v, --verbose', 'say more on stderr; twice for everything', (_, before: number | undefined) =>
      Math.min(2, (before ?? 0) + 1),
    )
    .option('--scrub-log', 'keep addresses and ids out of what is logged')
    .option('--passphrase-file <file>', 'a file that holds the passphrase')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true, helpWidth: 100 })
    .showSuggestionAfterError()
}

/**
 * Sub-commands take over the exits and the help made above when they are created, so this comes second; and the chat comes
 * last, because what it allows the program itself is not for them.
 */
function addCommands(program: Command, tools: Tools): void {
  addInit(program, tools)
  addId(program, tools)
  addInvite(program, tools)
  addAdd(program, tools)
  addContacts(program, tools)
  addAccept(program, tools)
  addBlock(program, tools)
  addRename(program, tools)
  addSend(program, tools)
  addSim(program, tools)
  addReceive(program, tools)
  addHistory(program, tools)
  addVerify(program, tools)
  addWhy(program, tools)
  addDoctor(program, tools)
  addDaemon(program, tools)
  addRelay(program, tools)
  addConfig(program, tools)
  addDemo(program, tools)
  addChat(program, tools)
}

/** What was written; `--no-…` makes commander add a yes where nothing was. */
function given(program: Command): Record<string, unknown> {
  const said = Object.entries(program.opts()).filter(([name]) => program.getOptionValueSource(name) !== 'default')
  return Object.fromEntries(said)
}

/** `dataDir` to `data-dir`: settings go by the name of the flag. */
function kebab(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [
      name.replace(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`),
      value,
    ]),
  )
}
