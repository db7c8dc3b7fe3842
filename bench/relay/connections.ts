/**
 * What connections cost a relay: memory and processor time for each that is served, how many it holds, and how long a crowd waits
 * that comes back all at once. `node bench/relay/connections.ts [cost | hold | return]…`, all three when nothing is said.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { FromCrowd, ToCrowd } from './crowd.ts'
import { openHousing, type Housing } from './housing.ts'

export interface Cost {
  readonly connections: number
  /** Resident memory beyond that of the relay after its first connections, for each further one. */
  readonly memoryBytes: number
  /** Processor time for each to connect, be told who is who, and subscribe, those since the last count. */
  readonly connectUs: number
  /** The crowd's own processor time for each. */
  readonly crowdUs: number
}

/** Those after which the relay's code is compiled and its memory has its shape. */
const warmUp = 200
const atOnce = 20

/** Each count is reached from the one before. */
export async function costs(
  counts: readonly number[],
  flags: readonly string[] = [],
  idle?: (housing: Housing) => Promise<void>,
): Promise<Cost[]> {
  const most = Math.max(...counts)
  const housing = await openHousing({ residents: most, limits: { connectionsMax: most }, flags })
  const crowd = new Crowd(housing.address)
  try {
    await crowd.ask({ kind: 'join', first: 0, count: warmUp, atOnce })
    const base = await housing.memory()
    let joined = warmUp
    const found: Cost[] = []
    for (const connections of counts) {
      const count = connections - joined
      const [cpuUs, crowdUs] = [housing.cpuUs(), (await crowd.ask({ kind: 'count' })).cpuUs]
      const answer = await crowd.ask({ kind: 'join', first: joined, count, atOnce })
      joined = connections
      expectAll(answer, joined)
      const connectUs = (housing.cpuUs() - cpuUs) / count
      found.push({
        connections,
        memoryBytes: ((await housing.memory()) - base) / (connections - warmUp),
        connectUs,
        crowdUs: (answer.cpuUs - crowdUs) / count,
      })
    }
    await idle?.(housing)
    return found
  } finally {
    crowd.end()
    await housing.end()
  }
}

export interface Held {
  readonly connections: number
  readonly seconds: number
  readonly failures: number
  /** Share of one core that the relays together took while nothing was said. */
  readonly idleShare: number
  readonly memoryBytes: number
}

/** So many connections in each of some relay processes, left alone for a while. */
export async function hold(processes: number, each: number, seconds: number): Promise<Held> {
  const pairs: { housing: Housing; crowd: Crowd }[] = []
  try {
    for (let i = 0; i < processes; i++) {
      const housing = await openHousing({ residents: each, limits: { connectionsMax: each } })
      pairs.push({ housing, crowd: new Crowd(housing.address) })
    }
    await Promise.all(pairs.map(({ crowd }) => crowd.ask({ kind: 'join', first: 0, count: each, atOnce })))
    const cpuUs = pairs.reduce((sum, { housing }) => sum + housing.cpuUs(), 0)
    await elapsed(seconds * 1_000)
    const spentUs = pairs.reduce((sum, { housing }) => sum + housing.cpuUs(), 0) - cpuUs
    const answers = await Promise.all(pairs.map(({ crowd }) => crowd.ask({ kind: 'count' })))
    const memory = await Promise.all(pairs.map(({ housing }) => housing.memory()))
    return {
      connections: answers.reduce((sum, { served }) => sum + served, 0),
      seconds,
      failures: answers.reduce((sum, answer) => sum + failuresOf(answer) + answer.waitsMs.length, 0),
      idleShare: spentUs / (seconds * 1_000_000),
      memoryBytes: memory.reduce((sum, bytes) => sum + bytes, 0) / (processes * each),
    }
  } finally {
    for (const { housing, crowd } of pairs) {
      crowd.end()
      await housing.end()
    }
  }
}

export interface Returned {
  readonly connections: number
  /** From when the relay was gone to when it was up again. */
  readonly downMs: number
  /** From when a resident was dropped to when it was served again. */
  readonly medianMs: number
  readonly mostMs: number
  /** From when the relay was up again to when the last was served. */
  readonly allMs: number
  readonly refused: number
  /** Processor time of the relay's and of the crowd's process, from when the relay began anew. */
  readonly relayUs: number
  readonly crowdUs: number
}

/** The relay is killed and started again; everybody comes back as nodes do. */
export async function returnAtOnce(connections: number, handshakesMax?: number): Promise<Returned> {
  const limits = { connectionsMax: connections, ...(handshakesMax === undefined ? {} : { handshakesMax }) }
  const housing = await openHousing({ residents: connections, limits })
  const crowd = new Crowd(housing.address)
  try {
    await crowd.ask({ kind: 'join', first: 0, count: connections, atOnce })
    const { cpuUs } = await crowd.ask({ kind: 'count' })
    const killedMs = performance.now()
    await housing.restart()
    const upMs = performance.now()
    const answer = await crowd.ask({ kind: 'await-return' })
    expectAll(answer, connections)
    const waits = answer.waitsMs.toSorted((a, b) => a - b)
    return {
      connections,
      downMs: upMs - killedMs,
      medianMs: waits[Math.floor(waits.length / 2)] ?? 0,
      mostMs: waits.at(-1) ?? 0,
      allMs: performance.now() - upMs,
      refused: failuresOf(answer),
      relayUs: housing.cpuUs(),
      crowdUs: answer.cpuUs - cpuUs,
    }
  } finally {
    crowd.end()
    await housing.end()
  }
}

const program = fileURLToPath(new URL('./crowd.ts', import.meta.url))
/** Beyond it something is wrong, and a bench must not hang. */
const answerMsMax = 280_000

class Crowd {
  readonly #child: ChildProcess

  constructor(address: string) {
    this.#child = fork(program, [address], { serialization: 'advanced' })
  }

  async ask(order: ToCrowd): Promise<FromCrowd> {
    this.#child.send(order)
    const [answer] = (await once(this.#child, 'message', { signal: AbortSignal.timeout(answerMsMax) })) as [FromCrowd]
    return answer
  }

  end(): void {
    this.#child.kill('SIGKILL')
  }
}

function failuresOf({ failures }: FromCrowd): number {
  return Object.values(failures).reduce((sum, times) => sum + times, 0)
}

function expectAll({ served, failures }: FromCrowd, connections: number): void {
  if (served !== connections) throw new Error(`${served} of ${connections} are served: ${JSON.stringify(failures)}`)
}

function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

async function main(wanted: readonly string[]): Promise<void> {
  const all = wanted.length === 0
  const say = (line: string): boolean => process.stdout.write(`${line}\n`)
  if (all || wanted.includes('cost')) {
    for (const { connections, memoryBytes, connectUs, crowdUs } of await costs([5_000, 10_000])) {
      const memory = (memoryBytes / 1_024).toFixed(1)
      const crowd = (crowdUs / 1_000).toFixed(2)
      say(
        `${connections} connections: ${memory} KiB each, ${(connectUs / 1_000).toFixed(2)} ms to connect (crowd ${crowd})`,
      )
    }
  }
  if (all || wanted.includes('hold')) {
    for (const processes of [1, 2]) {
      const { connections, seconds, failures, idleShare, memoryBytes } = await hold(processes, 19_000, 60)
      const share = `${(idleShare * 100).toFixed(1)} % of a core`
      const memory = `${(memoryBytes / 1_024).toFixed(1)} KiB each, all memory counted`
      say(`${connections} in ${processes}: held ${seconds} s, ${failures} failures, ${share}, ${memory}`)
    }
  }
  if (all || wanted.includes('return')) {
    const { connections, downMs, medianMs, mostMs, allMs, refused, relayUs, crowdUs } = await returnAtOnce(10_000)
    const waits = `median ${spoken(medianMs)}, most ${spoken(mostMs)}`
    const effort = `the relay took ${spoken(relayUs / 1_000)} of processor time, the crowd ${spoken(crowdUs / 1_000)}`
    say(
      `${connections} return after ${spoken(downMs)}: ${waits}, all within ${spoken(allMs)} of its start, ${refused} refusals; ${effort}`,
    )
  }
}

function spoken(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}

if (import.meta.main) await main(process.argv.slice(2))
