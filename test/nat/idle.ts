/** What a node costs while nothing happens: CPU, memory, and bytes on the wire. Takes as long as it is told to. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Person } from '../e2e/processes.ts'
import { meet, openLab, say, until, linkTo } from './lab.ts'
import type { Tally } from './tally.ts'
import type { Machine } from './world.ts'

const ticksPerSecond = 100
/** Of a core. */
const percentMax = 1
/** Flat, as far as a garbage collector ever is. */
const grownMibMax = 10

interface Sample {
  readonly atMs: number
  readonly cpuSeconds: number
  readonly residentMib: number
  readonly bytes: number
}

export async function idle(tally: Tally, minutes: number): Promise<void> {
  const lab = openLab({ delayMs: 25, lossPercent: 0 })
  try {
    const relay = await lab.relay(lab.world.addServer())
    const [here, there] = [await lab.world.addHouse('port-restricted'), await lab.world.addHouse('port-restricted')]
    const alice = lab.person(here, { name: 'alice', relays: [relay.address] })
    const bob = lab.person(there, { name: 'bob', relays: [relay.address] })
    await Promise.all([alice.start(), bob.start()])
    await meet(alice, 'alice', bob, 'bob')
    await say(alice, bob, 'bob', 'before the silence')
    await until(async () => ((await linkTo(alice, 'bob')) === 'direct' ? true : undefined), 15_000)
    await new Promise((resolve) => setTimeout(resolve, 60_000)) // What the start left behind settles.
    const before = sample(alice, here)
    await new Promise((resolve) => setTimeout(resolve, minutes * 60_000)) // The silence.
    const after = sample(alice, here)
    const seconds = (after.atMs - before.atMs) / 1_000
    const percent = ((after.cpuSeconds - before.cpuSeconds) / seconds) * 100
    const perHour = Math.round((after.bytes - before.bytes) * (3_600 / seconds))
    const grownMib = after.residentMib - before.residentMib
    const cells = [
      `${percent.toFixed(2)} % of a core`,
      `${after.residentMib} MiB (${grownMib >= 0 ? '+' : ''}${grownMib})`,
    ]
    tally.row(`idle for ${minutes} minutes`, [
      ...cells,
      `${Math.round(perHour / 1_024)} KiB an hour on the wire, both ways`,
    ])
    const costs = `idle for ${minutes} minutes: ${cells.join(', ')}, ${Math.round(perHour / 1_024)} KiB an hour`
    tally.check(costs, percent < percentMax && grownMib < grownMibMax)
  } finally {
    await lab.end()
  }
}

function sample(person: Person, machine: Machine): Sample {
  const { pid } = person
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1])
  const [command = 'ip', ...rest]: readonly string[] = [...machine.prefix, 'cat', '/proc/net/dev']
  const counters = /eth0:\s*(.*)/.exec(execFileSync(command, rest, { encoding: 'utf8' }))?.[1]?.split(/\s+/) ?? []
  return {
    atMs: performance.now(),
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    residentMib: Math.round((pages * 4_096) / 1_048_576),
    bytes: Number(counters[0]) + Number(counters[8]),
  }
}
