/**
 * Every server in its turn, one running at a time on an empty disk, and the round as often as the plan says: whatever else the
 * machine does meanwhile, it does to all of them.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { within, type Contender, type Server } from './contender.ts'
import { medians, type Figures } from './figures.ts'
import type { Plan } from './plans.ts'
import { online } from './workloads/online.ts'
import { storeAndDrain } from './workloads/store.ts'
import { wire } from './workloads/wire.ts'

export const workloads = ['store', 'online', 'wire'] as const
export type Workload = (typeof workloads)[number]

export interface Result {
  readonly contender: Contender
  readonly figures: Figures
  /** Rounds in which something went wrong: what it did not come to measure is of the others alone. */
  readonly failed: number
}

const startMsMax = 90_000
const turnMsMax = 300_000

export async function takeTurns(
  contenders: readonly Contender[],
  chosen: readonly Workload[],
  plan: Plan,
): Promise<Result[]> {
  const place = mkdtempSync(join(tmpdir(), 'linnet-bench-'))
  chmodSync(place, 0o755) // Some servers do not run as the user who measures them.
  const runs = new Map(contenders.map((contender) => [contender, [] as Turn[]]))
  for (let round = 0; round < plan.repetitions; round++) {
    for (const [contender, turns] of runs) {
      const own = join(place, `${round}-${contender.name.replaceAll(' ', '-')}`)
      mkdirSync(own)
      // Bytes are the same every time.
      const due = chosen.filter((workload) => workload !== 'wire' || round === 0)
      if (due.length > 0) turns.push(await turn(contender, due, plan, own))
      rmSync(own, { recursive: true, force: true })
    }
  }
  rmSync(place, { recursive: true, force: true })
  return [...runs].map(([contender, turns]) => ({
    contender,
    figures: medians(turns.map(({ figures }) => figures)),
    failed: turns.filter(({ failed }) => failed).length,
  }))
}

interface Turn {
  readonly figures: Figures
  readonly failed: boolean
}

/** Says what it found, for who wants to see how far the rounds lie apart; what went wrong leaves a gap in the tables. */
async function turn(contender: Contender, due: readonly Workload[], plan: Plan, place: string): Promise<Turn> {
  const figures: Record<string, number | undefined> = {}
  let server: Server | undefined
  let failed = false
  const beganMs = performance.now()
  try {
    server = await within(startMsMax, 'starting', contender.start(place))
    for (const workload of due) {
      Object.assign(figures, await within(turnMsMax, workload, perform(workload, server, plan)))
    }
  } catch (error) {
    failed = true
    const words = server === undefined ? '' : ` Its last words: ${server.process.lastWords()}`
    console.error(`${contender.name}: ${error instanceof Error ? error.message : String(error)}.${words}`)
  }
  await server?.stop()
  const rounded = Object.entries(figures).map(([name, value]) => [name, Number(value?.toPrecision(4))])
  const seconds = Math.round((performance.now() - beganMs) / 1_000)
  console.error(`${contender.name}, ${seconds} s: ${JSON.stringify(Object.fromEntries(rounded))}`)
  return { figures, failed }
}

function perform(workload: Workload, server: Server, plan: Plan): Promise<Figures> {
  switch (workload) {
    case 'store':
      return storeAndDrain(server, plan.store)
    case 'online':
      return online(server, plan.online)
    case 'wire':
      return wire(server, plan.wire)
  }
}
