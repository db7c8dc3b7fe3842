/**
 * A flooded relay, with the limits it is shipped with: how late the messages of everybody else arrive, whether newcomers get
 * in, and what memory it takes; calm, under each attack, and under all of them together.
 */
import { fork, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bodyOf, elapsed, inTurns, type Client } from '../contender.ts'
import { medians, percentile, shown, type Figures } from '../figures.ts'
import type { FloodOrder, FloodReport, Wickedness } from '../flooder.ts'
import { connectUser, publish, residentOf } from '../ours.ts'
import { startRelay } from '../server.ts'
import type { ServerProcess } from '../process.ts'

export interface FloodPlan {
  readonly rounds: number
  /** That everybody else is watched for, in each scene. */
  readonly seconds: number
  readonly halfOpen: number
  readonly slowReaders: number
}

/** Everybody else: pairs who write to each other all the time, and newcomers one after another. */
const pairs = 50
const messagesPerSecond = 500
const newcomersPerSecond = 5
const bytes = 100
/** As fine as a timer gets. */
const tickMs = 1
const never = Number.POSITIVE_INFINITY

/**
 * Prints a table. Each attack stands between two calm scenes, and is set against those two, since the machine itself is now
 * faster and now slower.
 */
export async function flood(plan: FloodPlan): Promise<void> {
  const place = mkdtempSync(join(tmpdir(), 'linnet-bench-'))
  const flooder = fork(fileURLToPath(new URL('../flooder.ts', import.meta.url)))
  const prepared = await startRelay(place, {})
  await ask(flooder, { kind: 'prepare', port: portOf(prepared.address), slowReaders: plan.slowReaders })
  yieldProcessor(flooder)
  await prepared.process.kill() // What it took to receive half a GiB is not memory that an attack took.
  const { process: server, address } = await startRelay(place, {})
  const port = portOf(address)
  const bystanders = await Bystanders.begin(port)
  const rows = new Map<string, { readonly seen: Figures[]; report: FloodReport }>()
  const watch = async (name: string, wickedness: Wickedness): Promise<Figures> => {
    const [began, spentUs] = [performance.now(), await ask(flooder, { kind: 'begin', port, ...wickedness })]
    if (name !== calm) await elapsed(beginMs) // Until the attack is up.
    const seen = await bystanders.watch(plan.seconds, server)
    const report = await ask(flooder, { kind: 'end' })
    const floodCores = (report.cpuUs - spentUs.cpuUs) / 1_000 / (performance.now() - began)
    if (name !== calm) await elapsed(recoverMs)
    console.error(`${name}: arrives after ${shown(seen['p50'])} ms, 99 % ${shown(seen['p99'])} ms`)
    const row = rows.get(name) ?? { seen: [], report }
    row.seen.push({ ...seen, floodCores })
    row.report = report
    rows.set(name, row)
    return seen
  }
  for (let round = 0; round < plan.rounds; round++) {
    let before = await watch(calm, none)
    for (const [name, wickedness] of attacks(plan)) {
      const during = await watch(name, wickedness)
      const after = await watch(calm, none)
      const row = rows.get(name)?.seen
      row?.push({
        ...row.pop(),
        timesCalm: (2 * (during['p99'] ?? NaN)) / ((before['p99'] ?? NaN) + (after['p99'] ?? NaN)),
      })
      before = after
    }
  }
  print(rows)
  flooder.disconnect()
  await bystanders.leave()
  await server.kill()
  rmSync(place, { recursive: true, force: true })
}

const calm = 'calm'
const none: Wickedness = { fullSpeed: false, halfOpen: 0, slowReaders: 0 }

function attacks({ halfOpen, slowReaders }: FloodPlan): [name: string, wickedness: Wickedness][] {
  return [
    ['one peer at full speed', { ...none, fullSpeed: true }],
    [`${halfOpen.toLocaleString('en')} half-open handshakes`, { ...none, halfOpen }],
    [`${slowReaders.toLocaleString('en')} slow readers`, { ...none, slowReaders }],
    ['all at once', { fullSpeed: true, halfOpen, slowReaders }],
  ]
}

const beginMs = 2_000
const recoverMs = 2_000

/**
 * In earnest the flood has other machines' processors. Where Linux lets it, it runs only while nobody else here wants to, and
 * elsewhere it takes their time.
 */
function yieldProcessor({ pid }: ChildProcess): void {
  const { status } = spawnSync('chrt', ['--all-tasks', '--idle', '--pid', '0', String(pid)], { stdio: 'ignore' })
  if (status !== 0)
    console.log('There is no chrt here: the flood takes processor time from those it is measured against.\n')
}

function portOf(address: string): number {
  return Number(/\/tcp\/(\d+)/.exec(address)?.[1])
}

const columns: readonly [heading: string, figure: string][] = [
  ['arrives after, ms, median', 'p50'],
  ['99 %', 'p99'],
  ['99 %, times the calm around it', 'timesCalm'],
  ['acknowledged after, ms, 99 %', 'acknowledged'],
  ['late, %', 'late'],
  ['newcomer served after, ms, median', 'newcomer'],
  ['99 %', 'newcomer99'],
  ['not served', 'shutOut'],
  ['relay memory, MiB', 'memory'],
  ['relay CPU, cores', 'cores'],
  ["the flood's own", 'floodCores'],
]

function print(rows: ReadonlyMap<string, { readonly seen: readonly Figures[]; readonly report: FloodReport }>): void {
  const lines = [...rows].map(([name, { seen, report }]) => {
    const figures = medians(seen)
    const [least, most] = [Math.min, Math.max].map((end) => shown(end(...seen.map(({ p99 }) => p99 ?? NaN))))
    const cells = columns.map(([, figure]) => {
      return figure === 'p99' ? `${shown(figures[figure])} (${least} to ${most})` : shown(figures[figure])
    })
    return [name, ...cells, described(report)]
  })
  console.log(`### Flooded

${pairs} pairs send ${messagesPerSecond} messages/s, ${newcomersPerSecond} newcomers a second connect; the relay has the limits it is shipped with.
`)
  const heading = ['', ...columns.map(([words]) => words), 'the flood, in the last round']
  for (const cells of [heading, heading.map(() => '---'), ...lines]) console.log(`| ${cells.join(' | ')} |`)
}

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

  /** What they see of the relay for so long. */
  async watch(seconds: number, server: ServerProcess): Promise<Figures> {
    const left = new Map<number, number>()
    this.#arrivals = new Map()
    this.#acknowledgements = new Map()
    const [beganMs, cpuUs] = [performance.now(), server.cpuUs()]
    const dueMs = (n: number): number => beganMs + (n * 1_000) / messagesPerSecond
    const newcomers = this.#admit(seconds)
    for (let sent = 0; sent < messagesPerSecond * seconds;) {
      for (; sent < messagesPerSecond * seconds && dueMs(sent) <= performance.now(); sent++) {
        const tag = this.#nextTag++
        left.set(tag, Math.min(performance.now(), dueMs(sent) + tickMs)) // That the load itself is late is a delay as well.
        this.#senders[sent % pairs]?.send(recipientOf(sent % pairs), tag, bodyOf(tag, bytes))
      }
      await elapsed(tickMs)
    }
    const cores = (server.cpuUs() - cpuUs) / 1_000 / (performance.now() - beganMs)
    const memory = server.memory()
    const waits = await newcomers
    await elapsed(500)
    const arrived = this.#delays(left, this.#arrivals)
    const served = waits.filter((ms) => ms !== undefined).toSorted((a, b) => a - b)
    return {
      p50: percentile(arrived, 0.5),
      p99: percentile(arrived, 0.99),
      acknowledged: percentile(this.#delays(left, this.#acknowledgements), 0.99),
      late: (100 * arrived.filter((ms) => ms === never).length) / arrived.length,
      newcomer: percentile(served, 0.5),
      newcomer99: percentile(served, 0.99),
      shutOut: waits.length - served.length,
      memory: memory / 1_048_576,
      cores,
    }
  }

  /** What has not come by now is among the slowest, and not left out. */
  #delays(left: ReadonlyMap<number, number>, came: ReadonlyMap<number, number>): number[] {
    const delays = [...left].map(([tag, ms]) => (came.get(tag) ?? never) - ms)
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
