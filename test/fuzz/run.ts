/**
 * Fuzzes the session layer for as long as one likes: `node test/fuzz/run.ts [--cases 100000] [--seed <text>]`. Prints
 * the bytes of the first case that breaks an invariant, ready for `session-corpus.txt`, and exits non-zero.
 */
import { seededDice } from '../interop/seeded-random.ts'
import { decodeEverything } from './session-decoders.ts'
import { runCase } from './session-machine.ts'

const argument = (name: string): string | undefined => {
  const at = process.argv.indexOf(name)
  return at < 0 ? undefined : process.argv[at + 1]
}

const cases = Number(argument('--cases') ?? 100_000)
if (!(cases > 0)) throw new Error('--cases is a number, and not 0: nothing would be tried') // NaN, too.
const seed = argument('--seed') ?? String(Date.now())
const dice = seededDice(seed)
const totals = { sent: 0, read: 0, refused: 0, restored: 0 }
const say = (line: string): void => void process.stdout.write(`${line}\n`)

say(`seed: ${seed}`)
for (let i = 1; i <= cases; i++) {
  const actions = dice.bytes(dice.below(32))
  try {
    const outcome = runCase(actions)
    for (const key of ['sent', 'read', 'refused', 'restored'] as const) totals[key] += outcome[key]
    decodeEverything(dice.bytes(dice.below(200)))
  } catch (error) {
    say(`case ${i}: ${Buffer.from(actions).toString('hex')}`)
    throw error
  }
  if (i % 10_000 === 0) say(`${i} cases`)
}
const { sent, read, refused, restored } = totals
say(`${cases} cases, ${sent} sent, ${read} read, ${refused} refused, ${restored} restored, no broken invariant`)
