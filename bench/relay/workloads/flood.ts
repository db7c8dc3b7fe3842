/**
 * A flooded relay, with the limits it is shipped with: how late the messages of everybody else arrive, whether newcomers get
 * in, and what memory it takes; calm, under each attack, and under all of them together.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bodyOf, elapsed, inTurns, type Client } from '../contender.ts'
import { percentile, shown } from '../figures.ts'
import type { FloodOrder, FloodReport, Wickedness } from '../flooder.ts'
import { connectUser, publish, residentOf } from '../ours.ts'
import { startRelay } from '../server.ts'
import type { ServerProcess } from '../process.ts'

export interface FloodPlan {
  readonly seconds: number
  readonly halfOpen: number
  readonly slowReaders: number
}

/** Everybody else: pairs who write to each other all the time, and newcomers one after another. */
const pairs = 50
const messagesPerSecond = 500
const newcomersPerSecond = 5
const bytes = 100

/** Prints a table, row by row. */
export async function flood(plan: FloodPlan): Promise<void> {
  const place = mkdtempSync(join(tmpdir(), 'linnet-bench-'))
  const { process: server, address } = await startRelay(place, {})
  const port = Number(/\/tcp\/(\d+)/.exec(address)?.[1])
  const flooder = fork(fileURLToPath(new URL('../flooder.ts', import.meta.url)))
  await ask(flooder, { kind: 'prepare', port, slowReaders: plan.slowReaders })
  const bystanders = await Bystanders.begin(port)
  const none: Wickedness = { fullSpeed: false, halfOpen: 0, slowReaders: 0 }
  const all: Wickedness = { fullSpeed: true, halfOpen: plan.halfOpen, slowReaders: plan.slowReaders }
  const scenes: [name: string, wickedness: Wickedness][] = [
    ['calm', none],
    ['one peer at full speed', { ...none, fullSpeed: true }],
    [`${plan.halfOpen.toLocaleString('en')} half-open handshakes`, { ...none, halfOpen: all.halfOpen }],
    [`${plan.slowReaders.toLocaleString('en')} slow readers`, { ...none, slowReaders: all.slowReaders }],
    ['all at once', all],
    ['calm again', none],
  ]
  console.log(heading)
  for (const [name, wickedness] of scenes) {
    await ask(flooder, { kind: 'begin', ...wickedness })
    await elapsed(beginMs) // Until the attack is up.
    const seen = await bystanders.watch(plan.seconds, server)
    const report = await ask(flooder, { kind: 'end' })
    console.log(`| ${[name, ...seen, described(report)].join(' | ')} |`)
    await elapsed(recoverMs)
  }
  flooder.disconnect()
  await bystanders.leave()
  await server.kill()
  rmSync(place, { recursive: true, force: true })
}

const beginMs = 3_000
const recoverMs = 2_000

const heading = `### Flooded

${pairs} pairs send ${messagesPerSecond} messages/s, ${newcomersPerSecond} newcomers a second connect; the relay has the limits it is shipped with.

|  | arrives after, ms, median | 99 % | acknowledged after, ms, 99 % | late, % | newcomer served after, ms, median | 99 % | not served | relay memory, MiB | relay CPU, cores | the flood |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |`

async function ask(flooder: ChildProcess, order: FloodOrder): Promise<FloodReport> {
  const over = new AbortController()
  const answer = once(flooder, 'message', over) as Promise<[FloodReport]>
  const end = once(flooder, 'exit', over).then(() => Promise.reject(new Error('the flood ended by itself')))
  flooder.send(order)
  try {
    const [report] = await Promise.race([answer, end])
    return report
  } finally {
    end.catch(() => undefined)
    over.abort()
  }
}

function described(report: FloodReport): string {
  const counts: [count: number, what: string][] = [
    [report.deposits, 'deposits sent'],
    [report.refused, 'refused'],
    [report.cutOff, 'times cut off'],
    [report.halfOpenHeld, 'half-open'],
    [report.halfOpenTurnedAway, 'turned away or timed out'],
    [report.slowReadersHeld, 'readers'],
  ]
  return counts.flatMap(([count, what]) => (count === 0 ? [] : [`${count.toLocaleString('en')} ${what}`])).join(', ')
}

class Bystanders {
  readonly #port: number
  readonly #senders: Client[] = []
  readonly #recipients: Client[] = []
  #arrivals = new Map<number, number>()
  #acknowledgements = new Map<number, number>()
  #nextTag = 0

  private constructor(port: number) {
    this.#port = port
  }

  static async begin(port: number): Promise<Bystanders> {
    const all = new Bystanders(port)
    const numbers = [...Array(pairs).keys()]
    await inTurns(numbers, 10, (i) => publish(port, residentOf(recipientOf(i)), homeOf(i)))
    all.#recipients.push(
      ...(await inTurns(numbers, 10, (i) => {
        const received = (tag: number): void => void all.#arrivals.set(tag, performance.now())
        return connectUser(port, { user: recipientOf(i), receives: true, received, localAddress: homeOf(i) })
      })),
    )
    all.#senders.push(
      ...(await inTurns(numbers, 10, (i) => {
        const acknowledged = (tag: number): void => void all.#acknowledgements.set(tag, performance.now())
        return connectUser(port, { user: i, receives: false, acknowledged, localAddress: homeOf(i) })
      })),
    )
    return all
  }

  async leave(): Promise<void> {
    await Promise.all([...this.#senders, ...this.#recipients].map((client) => client.close()))
  }

  /** What they see of the relay for so long, as the cells of a row. */
  async watch(seconds: number, server: ServerProcess): Promise<string[]> {
    const left = new Map<number, number>()
    this.#arrivals = new Map()
    this.#acknowledgements = new Map()
    const [beganMs, cpuUs] = [performance.now(), server.cpuUs()]
    const newcomers = this.#admit(seconds)
    for (let sent = 0; sent < messagesPerSecond * seconds;) {
      const due = Math.min(messagesPerSecond * seconds, ((performance.now() - beganMs) / 1_000) * messagesPerSecond)
      for (; sent < due; sent++) {
        const tag = this.#nextTag++
        left.set(tag, performance.now())
        this.#senders[sent % pairs]?.send(recipientOf(sent % pairs), tag, bodyOf(tag, bytes))
      }
      await elapsed(1)
    }
    const cores = (server.cpuUs() - cpuUs) / 1_000 / (performance.now() - beganMs)
    const memory = server.memory()
    const waits = await newcomers
    await elapsed(500)
    const arrived = this.#delays(left, this.#arrivals)
    const served = waits.filter((ms) => ms !== undefined).toSorted((a, b) => a - b)
    return [
      percentile(arrived, 0.5),
      percentile(arrived, 0.99),
      percentile(this.#delays(left, this.#acknowledgements), 0.99),
      (100 * (left.size - arrived.length)) / left.size,
      percentile(served, 0.5),
      percentile(served, 0.99),
      waits.length - served.length,
      memory / 1_048_576,
      cores,
    ].map(shown)
  }

  #delays(left: ReadonlyMap<number, number>, came: ReadonlyMap<number, number>): number[] {
    const delays = [...left].flatMap(([tag, ms]) => {
      const cameMs = came.get(tag)
      return cameMs === undefined ? [] : [cameMs - ms]
    })
    return delays.toSorted((a, b) => a - b)
  }

  /** From addresses nobody else has: the milliseconds until each had a mailbox, undefined for who got none. */
  async #admit(seconds: number): Promise<(number | undefined)[]> {
    const waits: Promise<number | undefined>[] = []
    for (let i = 0; i < seconds * newcomersPerSecond; i++) {
      const beganMs = performance.now()
      const served = publish(this.#port, residentOf(9_000 + i), `127.0.30.${1 + (i % 200)}`).then(
        () => performance.now() - beganMs,
        () => undefined,
      )
      waits.push(Promise.race([served, elapsed(newcomerMsMax).then(() => undefined)]))
      await elapsed(1_000 / newcomersPerSecond)
    }
    return Promise.all(waits)
  }
}

const newcomerMsMax = 10_000

function recipientOf(pair: number): number {
  return 5_000 + pair
}

/** A few share an address, as households do. */
function homeOf(pair: number): string {
  return `127.0.20.${1 + (pair % 20)}`
}
