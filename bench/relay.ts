/**
 * What a relay does for its processor time, and what others do for theirs: `npm run bench:relay`. Each server is a process of its
 * own with its files on a disk and every sync done; the load comes from this process over TCP on the loopback, encrypted.
 * Processor time of the server is the figure to trust; rates and delays move with whatever else the machine does.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { statfsSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { curePretenuring } from '../relay/io/pretenuring-cure.ts'
import type { Contender } from './relay/contender.ts'
import { ours } from './relay/ours.ts'
import { ejabberd } from './relay/peers/ejabberd.ts'
import { mosquitto } from './relay/peers/mosquitto.ts'
import { rabbitmq } from './relay/peers/rabbitmq.ts'
import { quickPlan, wholePlan } from './relay/plans.ts'
import { report } from './relay/report.ts'
import { takeTurns, workloads } from './relay/turns.ts'
import { flood } from './relay/workloads/flood.ts'

const usage = `npm run bench:relay -- [options]
  --quick             a few seconds of everything, for a look
  --alone             no other servers beside ours
  --undisturbed       with real-time priority for whoever is measured, so that neither the machine's other programs nor the kernel's
                      own threads come between (needs root)
  --connections       and after them thousands of connections, for some minutes more
  --only LIST         of store, online, wire and flood; by default all of them
`

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    undisturbed: { type: 'boolean', default: false },
    connections: { type: 'boolean', default: false },
    alone: { type: 'boolean', default: false },
    only: { type: 'string', default: [...workloads, 'flood'].join(',') },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(usage)
  process.exit(0)
}

curePretenuring() // The load is a process of the same kind: what it does for its own sake, it does not send.
if (values.undisturbed) prevail()

const plan = values.quick ? quickPlan : wholePlan
const only = values.only.split(',')
const unknown = only.filter((name) => ![...workloads, 'flood'].includes(name))
if (unknown.length > 0) {
  console.error(`--only is of ${workloads.join(', ')} and flood; there is no ${unknown.join(', ')}`)
  process.exit(1)
}
const contenders = [ours, ...(values.alone ? [] : [rabbitmq, ejabberd, mosquitto].filter(isInstalled))]

console.log(`${cpus().length} cores, ${diskOf(tmpdir())}, medians of ${plan.repetitions}\n`)
for (const { name, version, promise } of contenders) console.log(`${name} ${version()}: acknowledged means ${promise}`)
console.log()

const chosen = workloads.filter((workload) => only.includes(workload))
const results = chosen.length > 0 ? await takeTurns(contenders, chosen, plan) : []
if (results.length > 0) console.log(report(results, plan))
const failures = results.filter(({ failed }) => failed > 0)
for (const { contender, failed } of failures) {
  console.log(
    `${contender.name} failed in ${failed} of ${plan.repetitions} rounds: what is missing there is not in its figures.`,
  )
}
if (only.includes('flood')) await flood(plan.flood)
if (values.connections) {
  console.log('\n### Connections\n')
  execFileSync(process.execPath, [fileURLToPath(new URL('./relay/connections.ts', import.meta.url))], {
    stdio: 'inherit',
  })
}
process.exit(failures.length > 0 ? 1 : 0)

function isInstalled(contender: Contender): boolean {
  const missing = contender.missing()
  if (missing !== undefined) console.log(`${contender.name} is left out: it needs ${missing}, which is not installed.`)
  return missing === undefined
}

/** All threads of this process, and the servers that it starts from now on. */
function prevail(): void {
  const { status, error, stderr } = spawnSync('chrt', ['--all-tasks', '--rr', '--pid', '1', String(process.pid)])
  if (status === 0) return
  console.error(`--undisturbed needs root and the program chrt: ${error?.message ?? String(stderr).trim()}`)
  process.exit(1)
}

/** A file system in memory syncs in no time, and would flatter whoever syncs. */
function diskOf(path: string): string {
  const inMemory = [0x01021994, 0x858458f6]
  return inMemory.includes(statfsSync(path).type)
    ? `${path} IS IN MEMORY: no figure of storing counts`
    : `disk at ${path}`
}
