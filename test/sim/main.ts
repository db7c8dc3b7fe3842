/**
 * The simulator as a program.
 *
 *     npm run sim -- --seeds 200                       many drawn worlds, each run twice
 *     npm run sim -- --seed 1234 [--trace]             one of them, told in full
 *     npm run sim -- --nodes 1000 --relays 5 --hours 24 --seed 7 [--scenario FILE] [--json] [--svg FILE]
 *
 * Exit codes are those of `linnet`: 0 nothing wrong, 1 the command was not understood, 2 something was found.
 */
import { spawn } from 'node:child_process'
import { parseArgs } from 'node:util'
import { runScale } from './scale/command.ts'
import { runOne, runSeeds } from './swarm/command.ts'
import { readVariant } from './swarm/variant.ts'
import { numberOf, UsageError } from './usage.ts'

const options = {
  seeds: { type: 'string' },
  from: { type: 'string' },
  seed: { type: 'string' },
  trace: { type: 'boolean' },
  plant: { type: 'string' },
  world: { type: 'string' },
  nodes: { type: 'string' },
  relays: { type: 'string' },
  hours: { type: 'string' },
  messages: { type: 'string' },
  scenario: { type: 'string' },
  json: { type: 'boolean' },
  svg: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

const help = `A whole network in this process, decided by one seed.

Many small drawn worlds in which everything goes wrong, each run twice:
  --seeds N          how many; 200 unless said
  --from N           the first of them; 1 unless said
One of them, told in full:
  --seed N           which
  --trace            line by line
Of either:
  --plant NAME       with a bug planted, which must be found; a name that is none lists them
  --world JSON       what is to be otherwise than the seed draws it
A town, measured:
  --nodes N --relays N --hours H --messages N    people, relays, how long, messages a person a day
  --scenario FILE    one that somebody wrote down; flags win over it
  --seed N           1 unless said
  --svg FILE         draws latency and queues
Of all:
  --json             a report for programs

Ends 0 when nothing is wrong, 1 when the command is not understood, 2 when something was found.
docs/simulation.md tells the rest.
`

/** Which flags mean which kind of run. */
const ofTown = ['nodes', 'relays', 'hours', 'messages', 'scenario', 'svg'] as const
const ofSeeds = ['seeds', 'from', 'trace', 'plant', 'world'] as const
const seedsMax = 1_000_000

async function main(): Promise<number> {
  const values = flags()
  if (values.help === true) {
    process.stdout.write(help)
    return 0
  }
  const whole = (name: 'seeds' | 'from' | 'seed' | 'nodes' | 'relays' | 'messages'): number | undefined =>
    numberOf(name, values[name], Number.isSafeInteger)
  const json = values.json === true
  const seed = whole('seed')
  const town = ofTown.find((name) => values[name] !== undefined)
  const swarm = ofSeeds.find((name) => values[name] !== undefined)
  if (town !== undefined) {
    if (swarm !== undefined)
      throw new UsageError(`--${town} is of a town, --${swarm} of drawn worlds: one or the other`)
    const { scenario, svg } = values
    const size = { nodes: whole('nodes'), relays: whole('relays'), messagesPerNodePerDay: whole('messages') }
    const hours = numberOf('hours', values.hours, Number.isFinite)
    if (!process.execArgv.includes(roomyHeap)) return againWithRoom()
    return runScale({ ...size, hours, seed: seed ?? 1, scenario, svg, json })
  }
  const variant = readVariant(values)
  const [count, from] = [whole('seeds'), whole('from')]
  if (seed !== undefined) {
    if (count !== undefined || from !== undefined) throw new UsageError('--seed is one, --seeds and --from are many')
    return runOne(seed, { trace: values.trace === true, json, variant })
  }
  if (values.trace === true) throw new UsageError('--trace is of one seed: say which with --seed')
  if (count === 0 || (count ?? 1) > seedsMax) throw new UsageError(`--seeds is 1 to ${seedsMax}`)
  return runSeeds({ count: count ?? 200, from: from ?? 1, json, variant })
}

function flags(): ReturnType<typeof parseArgs<{ options: typeof options }>>['values'] {
  try {
    return parseArgs({ options }).values
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\nWhat there is: --help`)
  }
}

/** A town makes much that is soon forgotten; with a larger nursery it is forgotten for nothing. A third of the time. */
const roomyHeap = '--max-semi-space-size=256'

function againWithRoom(): Promise<number> {
  const { argv, execArgv, execPath } = process
  const roomy = [...execArgv, roomyHeap, '--min-semi-space-size=256']
  const child = spawn(execPath, [...roomy, ...argv.slice(1)], { stdio: 'inherit' })
  process.once('SIGTERM', () => child.kill()) // Whoever ends this process alone means both.
  process.once('SIGINT', () => undefined) // A terminal tells both, and the child ends the better for it.
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(signal === 'SIGINT' ? interruptedCode : (code ?? 2)))
  })
}

/** As a shell gives to whoever is interrupted. */
const interruptedCode = 130

/** Whoever reads has had enough. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof Error)) throw error
  const isUsage = error instanceof UsageError
  process.stderr.write(`${isUsage ? error.message : (error.stack ?? error.message)}\n`)
  process.exitCode = isUsage ? 1 : 2
}
