/**
 * What a million waiting messages change for those who come after them: the relay stores and hands out with an empty disk and
 * with a full one, is copied while it works, drained, and filled again. `node bench/relay/million.ts [MESSAGES]`; minutes.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { EnvelopeId } from '../../protocol/ids.ts'
import { messageLifeMs } from '../../protocol/limits.ts'
import type { StoreCall } from '../../relay/core/store-calls.ts'
import { backupTo, createRelay, relayLimits, restoreFrom, type Relay } from '../../relay/index.ts'
import { commitBatch } from '../../relay/io/group-commit.ts'
import { SqliteEngine } from '../../relay/io/sqlite-engine.ts'
import { openDatabase } from '../../relay/io/sqlite-open.ts'
import { relaySchema } from '../../relay/io/sqlite-schema.ts'
import { envelope } from '../../test/relay/people.ts'
import { bodyOf, elapsed, type Client } from './contender.ts'
import { percentile, shown } from './figures.ts'
import { connectUser, publish, residentOf } from './ours.ts'
import { unbounded } from './server.ts'

/** All load comes on one connection. */
const limits = { ...unbounded, pendingPerStreamMax: 2_000 }

const messages = Number(process.argv[2] ?? 1_000_000)
const bodyBytes = 200
const mailboxes = 500
/** Not answered yet at one time: what a few busy senders make. */
const window = 500
const loneCount = 500
const bulkCount = 20_000
const probes = 3
/** Messages put in at a time. */
const transaction = 20_000
const program = fileURLToPath(new URL('../../test/relay/relay-process.ts', import.meta.url))

/** One sender, who waits for answers. */
class Sender {
  readonly #client: Client
  #answered: (tag: number) => void = () => undefined

  private constructor(client: Client) {
    this.#client = client
  }

  static async at(port: number): Promise<Sender> {
    const sender: Sender = new Sender(
      await connectUser(port, { user: 0, receives: false, acknowledged: (tag) => sender.#answered(tag) }),
    )
    return sender
  }

  /** One after another; milliseconds each, in order of size. */
  async lone(to: number, count: number): Promise<Float64Array> {
    const tookMs = new Float64Array(count)
    for (let tag = 0; tag < count; tag++) {
      const startMs = performance.now()
      const answered = new Promise<void>((resolve) => (this.#answered = () => resolve()))
      this.#client.send(to, tag, bodyOf(tag, bodyBytes))
      await answered
      tookMs[tag] = performance.now() - startMs
    }
    return tookMs.toSorted()
  }

  /** As many as may be unanswered; messages a second. */
  bulk(count: number, to: (tag: number) => number): Promise<number> {
    const startMs = performance.now()
    let [sent, answered] = [0, 0]
    const send = (): void => this.#client.send(to(sent), sent, bodyOf(sent++, bodyBytes))
    return new Promise((resolve) => {
      this.#answered = () => {
        answered += 1
        if (sent < count) send()
        else if (answered === count) resolve(count / ((performance.now() - startMs) / 1_000))
      }
      for (let i = 0; i < window; i++) send()
    })
  }

  close(): Promise<void> {
    return this.#client.close()
  }
}

/** Messages a second that one mailbox is emptied with. */
async function drain(port: number, user: number, count: number): Promise<number> {
  const startMs = performance.now()
  let [left, client] = [count, undefined as Client | undefined]
  await new Promise<void>((resolve) => {
    void connectUser(port, { user, receives: true, received: () => --left === 0 && resolve() }).then(
      (one) => (client = one),
    )
  })
  const perSecond = count / ((performance.now() - startMs) / 1_000)
  await elapsed(50) // The last acknowledgement is on its way.
  await client?.close()
  return perSecond
}

/** Nobody else's mailbox, and empty again afterwards. */
const probed = mailboxes

/** The cells of a row. */
async function probe(port: number): Promise<string[]> {
  const sender = await Sender.at(port)
  const [p50, p99]: [number[], number[]] = [[], []]
  const [stored, spread, fetched]: [number[], number[], number[]] = [[], [], []]
  for (let i = 0; i < probes; i++) {
    const lone = await sender.lone(probed, loneCount)
    p50.push(percentile(lone, 0.5) ?? NaN)
    p99.push(percentile(lone, 0.99) ?? NaN)
    stored.push(await sender.bulk(bulkCount, () => probed))
    spread.push(await sender.bulk(bulkCount, (tag) => tag % mailboxes))
    fetched.push(await drain(port, probed, loneCount + bulkCount))
  }
  await sender.close()
  const rates = [stored, spread, fetched].map((values) => shown(Math.round(median(values))))
  return [median(p50).toFixed(2), median(p99).toFixed(2), ...rates]
}

const heading = `| ${['', 'up after, s', 'a lone message stored after, ms, median', '99 %', 'to one mailbox, a second', `to ${mailboxes} mailboxes, a second`, 'fetched, a second', 'memory, MiB'].join(' | ')} |
${'| --- '.repeat(8)}|`

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
}

function mib(bytes: number): string {
  return `${Math.round(bytes / 1_048_576)} MiB`
}

function sizeOf(dir: string): string {
  const files = readdirSync(dir).filter((name) => name.startsWith('relay.db'))
  return mib(files.reduce((sum, name) => sum + statSync(join(dir, name)).size, 0))
}

/** As the relay's own thread would, without the network in front: only what comes after it is measured. */
function onDisk(act: (commit: (calls: readonly StoreCall[]) => void) => void): void {
  const db = openDatabase(join(data, 'relay.db'), relaySchema)
  const engine = new SqliteEngine(db, { ...relayLimits, ...limits })
  act((calls) => {
    const { faults } = commitBatch(db, engine, calls)
    if (faults.length > 0) throw new Error(`the store refused: ${faults.join()}`)
  })
  db.close()
}

const rows: string[][] = []
const kept: EnvelopeId[][] = Array.from({ length: mailboxes }, () => [])

function fill(count: number): void {
  const startMs = performance.now()
  onDisk((commit) => {
    for (let first = 0; first < count; first += transaction) {
      commit(Array.from({ length: Math.min(transaction, count - first) }, (_, i) => waiting(first + i)))
    }
  })
  console.log(`${count} messages of ${bodyBytes} bytes put in, ${took(startMs)}: ${sizeOf(data)} on disk`)
}

function waiting(tag: number): StoreCall {
  const nowMs = Date.now()
  const one = envelope(nowMs, { sealed: bodyOf(tag, bodyBytes), expiresMs: nowMs + messageLifeMs })
  kept[tag % mailboxes]?.push(one.id)
  return { op: 'enqueue', mailbox: residentOf(tag % mailboxes).device, envelope: one, nowMs }
}

function empty(): void {
  const startMs = performance.now()
  onDisk((commit) => {
    for (const [user, ids] of kept.entries()) {
      commit([{ op: 'ack', mailbox: residentOf(user).device, ids }])
      ids.length = 0
    }
  })
  console.log(`all of them acknowledged, ${took(startMs)}: ${sizeOf(data)} on disk`)
}

function took(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1_000).toFixed(1)} s`
}

/** The relay in this process, on what is there. */
async function here(act: (relay: Relay, port: number) => Promise<void>): Promise<void> {
  const relay = await createRelay({ dataDir: data, listen: ['/ip4/127.0.0.1/tcp/0'], limits })
  await relay.start()
  await act(relay, Number(/\/tcp\/(\d+)/.exec(relay.addresses[0] ?? '')?.[1]))
  await relay.stop()
}

/** Copied while messages come in, one after another. */
async function copied(relay: Relay, port: number): Promise<void> {
  const sender = await Sender.at(port)
  const startMs = performance.now()
  let over = false
  const backup = backupTo(data, join(place, 'copy'), (path) => relay.backup(path)).finally(() => (over = true))
  const lone: number[] = []
  while (!over) lone.push(...(await sender.lone(probed, 20)))
  await backup
  const times = Float64Array.from(lone).toSorted()
  console.log(`copied in ${took(startMs)}; meanwhile a lone message ${ms(times, 0.5)}, p99 ${ms(times, 0.99)}`)
  await sender.close()
}

function ms(sorted: Float64Array, share: number): string {
  return `${percentile(sorted, share)?.toFixed(2)} ms`
}

const place = mkdtempSync(join(tmpdir(), 'linnet-million-'))
const data = join(place, 'data')
try {
  mkdirSync(data)
  await here(async (_relay, port) => {
    for (let user = 0; user <= mailboxes; user++) await publish(port, residentOf(user))
  })
  await probedApart('empty')
  fill(messages)
  await probedApart(`with ${messages} waiting`)
  await here(async (relay, port) => {
    const startMs = performance.now()
    await relay.status()
    console.log(`asked how it stands, ${took(startMs)}`)
    await copied(relay, port)
  })
  empty()
  fill(messages / 2)
  const startMs = performance.now()
  restoreFrom(join(place, 'copy'), data, Date.now())
  console.log(`the copy put back, ${took(startMs)}: ${sizeOf(data)} on disk\n`)
  console.log(heading)
  for (const cells of rows) console.log(`| ${cells.join(' | ')} |`)
} finally {
  rmSync(place, { recursive: true, force: true })
}

/** By a relay in a process of its own, whose memory is its own as well. */
async function probedApart(what: string): Promise<void> {
  const server = spawn(process.execPath, [program, data, JSON.stringify(limits)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const startMs = performance.now()
  const lines = createInterface({ input: server.stdout })
  for await (const line of lines) {
    if (!line.startsWith('/')) continue
    const upS = ((performance.now() - startMs) / 1_000).toFixed(1)
    const cells = await probe(Number(/\/tcp\/(\d+)/.exec(line)?.[1]))
    const memory = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]
    rows.push([what, upS, ...cells, shown(Number(memory) / 1_024)])
    break
  }
  const ended = once(server, 'exit')
  server.kill('SIGKILL')
  await ended
}
