/**
 * Our session layer against libsignal-client 0.103.0, the implementation everybody's phone runs:
 *
 *     node test/interop/run.ts [--seed <text>] [--messages <a conversation>] [--record <folder>]
 *
 * The seed decides the schedule; keys are drawn afresh. Installs the oracle into its own folder when it is missing.
 * Ends with «N passed, M failed», and non-zero when anything failed.
 */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Peer } from './child.ts'
import { conversations } from './conversation.ts'
import { safetyNumbers, senderKeys, signatures } from './others.ts'
import { recordTranscripts } from './record.ts'
import { refusals } from './refusals.ts'
import { seededDice } from './seeded-random.ts'
import type { Dice } from './seeded-random.ts'
import { check, say, tally } from './tally.ts'

const folder = fileURLToPath(new URL('.', import.meta.url))

const argument = (name: string): string | undefined => {
  const at = process.argv.indexOf(name)
  return at < 0 ? undefined : process.argv[at + 1]
}

const seed = argument('--seed') ?? 'linnet'
const messages = Number(argument('--messages') ?? 1500)
const recordFolder = argument('--record')
const diceOf = (name: string): Dice => seededDice(`${seed}/${name}`)

if (!existsSync(new URL('node_modules/@signalapp/libsignal-client', import.meta.url))) {
  say('installing libsignal-client beside the tests')
  execFileSync('npm', ['ci', '--prefix', folder, '--no-audit', '--no-fund'], { stdio: 'inherit', cwd: folder })
}

const ours = new Peer('ours', 'peer.ts')
const oracle = new Peer('libsignal', 'oracle.ts')
say(`seed: ${seed}`)
try {
  if (recordFolder === undefined) {
    await signatures(ours, oracle, diceOf('signatures'))
    await safetyNumbers(ours, oracle, diceOf('safety numbers'))
    await conversations(ours, oracle, messages, diceOf)
    await senderKeys(ours, oracle, diceOf('sender keys'))
    await refusals(ours, oracle)
  } else {
    await recordTranscripts(oracle, recordFolder, diceOf('record'))
  }
} catch (error) {
  check(false, error instanceof Error ? error.message : String(error))
}
ours.close()
oracle.close()
say(`${tally.passed} passed, ${tally.failed} failed`)
process.exitCode = tally.failed === 0 ? 0 : 1
