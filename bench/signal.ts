/**
 * Our sessions beside libsignal-client 0.103.0 through its Node binding: `npm run bench:signal [-- --rounds 5]`. Each
 * round runs both, one after the other, in fresh processes on the same single core; figures are operations per second
 * of CPU time, medians over the rounds. Plaintexts are 100 bytes; records are kept after every operation the way each
 * library is meant to be used. Needs the oracle's package: run `npm run test:interop` once.
 */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Timings } from './signal/measure.ts'

interface Row {
  readonly metric: string
  readonly label: string
  /** How many times libsignal's rate we mean to reach. */
  readonly goal?: number
}

const rows: readonly Row[] = [
  { metric: 'setup', label: 'session setup, both sides', goal: 1 },
  { metric: 'initiator', label: '  initiator: bundle to session' },
  { metric: 'firstEncrypt', label: '  initiator: first message' },
  { metric: 'responder', label: '  responder: first message' },
  { metric: 'oneWayEncrypt', label: 'one-way encrypt', goal: 4 },
  { metric: 'oneWayDecrypt', label: 'one-way decrypt', goal: 4 },
  { metric: 'pingPong', label: 'ping-pong, messages', goal: 1.5 },
  { metric: 'groupEncrypt', label: 'sender-key encrypt', goal: 1.5 },
  { metric: 'groupDecrypt', label: 'sender-key decrypt' },
]

const oraclePackage = ['@signalapp', 'libsignal-client'].join('/')
const at = process.argv.indexOf('--rounds')
const rounds = at < 0 ? 5 : Number(process.argv[at + 1])
const say = (line: string): void => void process.stdout.write(`${line}\n`)

if (!existsSync(new URL(`../test/interop/node_modules/${oraclePackage}`, import.meta.url))) {
  say('libsignal-client is not installed: run `npm run test:interop` once')
  process.exit(1)
}

const ours: Timings[] = []
const theirs: Timings[] = []
const bounds: Timings[] = []
for (let round = 1; round <= rounds; round++) {
  say(`round ${round} of ${rounds}`)
  ours.push(run('ours'))
  theirs.push(run('libsignal'))
  bounds.push(run('bounds'))
}

say('')
say(
  `${'ops per CPU-second'.padEnd(32)}${'ours'.padStart(9)}${'libsignal'.padStart(11)}${'ratio'.padStart(8)}  goal    bound`,
)
let missed = 0
for (const { metric, label, goal } of rows) {
  const [our, their, bound] = [ours, theirs, bounds].map((all) => median(all.map((one) => one[metric] ?? 0)))
  if (our === undefined || their === undefined) continue
  const ratio = our / their
  if (goal !== undefined && ratio < goal) missed++
  const wanted = goal === undefined ? '' : `${goal}x ${ratio >= goal ? 'met' : 'no'}`
  const share =
    bound === undefined || bound === 0 ? '' : `${Math.round(bound)} (at ${Math.round((100 * our) / bound)} %)`
  say(
    `${label.padEnd(32)}${String(Math.round(our)).padStart(9)}${String(Math.round(their)).padStart(11)}${`${ratio.toFixed(2)}x`.padStart(8)}  ${wanted.padEnd(8)}${share}`,
  )
}
say('')
say('The bound is the sum of the primitives each operation cannot do without, measured in the same rounds:')
for (const [name, value] of Object.entries(bounds[0] ?? {}).filter((entry) => entry[0].startsWith('us '))) {
  const values = bounds.map((one) => one[name] ?? value)
  say(`  ${name.slice(3).padEnd(58)}${(median(values) ?? 0).toFixed(1).padStart(8)} us`)
}
say(missed === 0 ? 'every goal met' : `${missed} goals missed`)

function run(side: 'ours' | 'libsignal' | 'bounds'): Timings {
  const script = fileURLToPath(new URL('signal/run.ts', import.meta.url))
  const pinned = process.platform === 'linux' && existsSync('/usr/bin/taskset')
  const command = pinned ? '/usr/bin/taskset' : process.execPath
  const args = pinned ? ['-c', '0', process.execPath, script, side] : [script, side]
  return JSON.parse(execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })) as Timings
}

function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]
}
