/** `linnet init`: makes a profile without asking anything that was not asked for. */
import type { Command } from 'commander'
import type { NodeIdentity } from '../../node/index.ts'
import { CliError, exitCode, isNodeError } from '../exit.ts'
import type { Job, Tools } from '../job.ts'
import { dirOf, openNode } from '../owner.ts'
import { askNewPassphrase, canAsk } from '../passphrase.ts'
import { showIdentity } from '../show.ts'
import { examples } from './example.ts'

interface Flags {
  readonly name: string
  readonly askPassphrase?: true
}

export function addInit(program: Command, tools: Tools): void {
  const command = program
    .command('init')
    .description('make a profile: your keys, your name, your relays')
    .requiredOption('--name <name>', 'what others see you as')
    .option('--ask-passphrase', 'ask for a passphrase that locks the profile')
    .action((flags: Flags) => tools.act((job) => init(job, flags)))
  examples(
    command,
    [
      'linnet init --name Alice --relay /ip4/192.0.2.7/tcp/4001/p2p/12D3KooW…',
      'a profile whose messages that relay keeps',
    ],
    ['linnet init --name Bot --passphrase-file ~/.bot-pass', 'a profile locked with what the file says'],
  )
}

async function init(job: Job, flags: Flags): Promise<void> {
  await refuseSecond(job)
  const passphrase = flags.askPassphrase ? await newPassphrase(job) : undefined
  const node = await openNode(job, { name: flags.name, ...(passphrase === undefined ? {} : { passphrase }) })
  const identity = withRelays(node.identity())
  await node.stop()
  await job.output.print(identity, showIdentity(identity))
}

/** A node that was never started has not tried its relays; the user wants to see them taken all the same. */
function withRelays(identity: NodeIdentity): NodeIdentity {
  return { ...identity, relays: identity.relays.map((one) => ({ ...one, reason: 'not online yet' })) }
}

/** The name is ignored for a profile that exists, so making a second one would look as if it had worked. */
async function refuseSecond(job: Job): Promise<void> {
  try {
    await (await openNode(job, { asItIs: true })).stop()
  } catch (error) {
    if (!isNodeError(error)) throw error
    if (error.reason === 'no-profile' || error.reason === 'lost-store') return // The second also when a first try was cut short.
    const exists = ['in-use', 'passphrase-needed', 'wrong-passphrase', 'newer-store'].includes(error.reason)
    if (!exists) throw error
  }
  const message = `there is a profile in ${dirOf(job)} already: choose another --profile or --data-dir`
  throw new CliError(exitCode.usage, 'profile-exists', message)
}

function newPassphrase(job: Job): Promise<string> {
  if (!canAsk()) throw new CliError(exitCode.usage, 'usage', '--ask-passphrase needs a terminal: use --passphrase-file')
  return askNewPassphrase(job.ending.signal)
}
