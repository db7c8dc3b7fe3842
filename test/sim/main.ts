/**
 * The simulator as a program.
 *
 *     npm run sim -- --seeds 200                       many drawn worlds, each run twice
 *     npm run sim -- --seed 1234 [--trace]             one of them, told in full
 *     npm run sim -- --nodes 1000 --relays 5 --hours 24 --seed 7 [--scenario FILE] [--json] [--svg FILE]
 *
 * Exit codes are those of `linnet`: 0 nothing wrong, 1 the command was not understood, 2 something was found.
 */
import { spawnSync } from 'node:child_process'
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
} as const

async function main(): Promise<number> {
  const values = flags()
  const whole = (name: 'seeds' | 'from' | 'seed' | 'nodes' | 'relays' | 'messages'): number | undefined =>
    numberOf(name, values[name], Number.isInteger)
  const json = values.json === true
  const seed = whole('seed')
  const size = { nodes: whole('nodes'), relays: whole('relays'), messagesPerNodePerDay: whole('messages') }
  const hours = numberOf('hours', values.hours, Number.isFinite)
  const { scenario, svg } = values
  if (scenario !== undefined || hours !== undefined || Object.values(size).some((given) => given !== undefined)) {
    if (!process.execArgv.includes(roomyHeap)) return againWithRoom()
    return runScale({ ...size, hours, seed: seed ?? 1, scenario, svg, json })
  }
  const variant = readVariant(values)
  if (seed !== undefined) return runOne(seed, { trace: values.trace === true, json, variant })
  return runSeeds({ count: whole('seeds') ?? 200, from: whole('from') ?? 1, json, variant })
}

function flags(): ReturnType<typeof parseArgs<{ options: typeof options }>>['values'] {
  try {
    return parseArgs({ options }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

/** A town makes much that is soon forgotten; with a larger nursery it is forgotten for nothing. A third of the time. */
const roomyHeap = '--max-semi-space-size=256'

function againWithRoom(): number {
  const { argv, execArgv, execPath } = process
  const roomy = [...execArgv, roomyHeap, '--min-semi-space-size=256']
  const { status } = spawnSync(execPath, [...roomy, ...argv.slice(1)], { stdio: 'inherit' })
  return status ?? 2
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof Error)) throw error
  const isUsage = error instanceof UsageError
  process.stderr.write(`${isUsage ? error.message : (error.stack ?? error.message)}\n`)
  process.exitCode = isUsage ? 1 : 2
}
