/**
 * What a million waiting messages change for those who come after them: the relay stores and hands out with an empty disk and
 * with a full one, is copied while it works, drained, and filled again. `node bench/relay/million.ts [MESSAGES]`; minutes.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { backupTo, createRelay, restoreFrom } from '../../relay/index.ts'
import { bodyOf, elapsed, type Client } from './contender.ts'
import { percentile } from './figures.ts'
import { connectUser, publish, residentOf } from './ours.ts'
import { startRelay, unbounded } from './server.ts'

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
    const took = new Float64Array(count)
    for (let tag = 0; tag < count; tag++) {
      const startMs = performance.now()
      const answered = new Promise<void>((resolve) => (this.#answered = () => resolve()))
      this.#client.send(to, tag, bodyOf(tag, bodyBytes))
      await answered
      took[tag] = performance.now() - startMs
    }
    return took.toSorted()
  }

  /** As many as may be unanswered; messages a second. */
  bulk(
    count: number,
    to: (tag: number) => number,
    tenth: (perSecond: number) => void = () => undefined,
  ): Promise<number> {
    const startMs = performance.now()
    let [sent, answered, lastMs] = [0, 0, startMs]
    const send = (): void => this.#client.send(to(sent), sent, bodyOf(sent++, bodyBytes))
    return new Promise((resolve) => {
      this.#answered = () => {
        answered += 1
        if (answered % Math.floor(count / 10) === 0) {
          tenth(count / 10 / ((performance.now() - lastMs) / 1_000))
          lastMs = performance.now()
        }
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

async function probe(port: number, what: string): Promise<void> {
  const sender = await Sender.at(port)
  const [p50, p99, stored, fetched]: [number[], number[], number[], number[]] = [[], [], [], []]
  for (let i = 0; i < probes; i++) {
    const lone = await sender.lone(probed, loneCount)
    p50.push(percentile(lone, 0.5) ?? NaN)
    p99.push(percentile(lone, 0.99) ?? NaN)
    stored.push(await sender.bulk(bulkCount, () => probed))
    fetched.push(await drain(port, probed, loneCount + bulkCount))
  }
  await sender.close()
  const [storedMid, fetchedMid] = [median(stored), median(fetched)].map(Math.round)
  console.log(
    `${what}: a lone message ${median(p50).toFixed(2)} ms, p99 ${median(p99).toFixed(2)} ms; ${storedMid}/s stored, ${fetchedMid}/s fetched`,
  )
}

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

const place = mkdtempSync(join(tmpdir(), 'linnet-million-'))
const data = join(place, 'data')
try {
  const { process: server, address } = await startRelay(place, limits)
  const port = Number(/\/tcp\/(\d+)/.exec(address)?.[1])
  for (let user = 0; user <= mailboxes; user++) await publish(port, residentOf(user))
  await probe(port, 'empty')
  const loader = await Sender.at(port)
  const tenths: string[] = []
  const perSecond = await loader.bulk(
    messages,
    (tag) => tag % mailboxes,
    (rate) => tenths.push(String(Math.round(rate))),
  )
  console.log(`${messages} messages of ${bodyBytes} bytes: ${Math.round(perSecond)}/s, by tenths ${tenths.join(' ')}`)
  console.log(`then ${sizeOf(data)} on disk, ${mib(server.memory())} of memory`)
  await loader.close()
  await probe(port, `with ${messages} waiting`)
  await server.kill()

  await copied()
  await drained()
} finally {
  rmSync(place, { recursive: true, force: true })
}

/** Copied while messages come in, and put back. */
async function copied(): Promise<void> {
  const startMs = performance.now()
  const relay = await createRelay({ dataDir: data, listen: ['/ip4/127.0.0.1/tcp/0'], limits })
  await relay.start()
  console.log(`started after ${Math.round(performance.now() - startMs)} ms`)
  const port = Number(/\/tcp\/(\d+)/.exec(relay.addresses[0] ?? '')?.[1])
  const sender = await Sender.at(port)
  const backupMs = performance.now()
  let over = false
  const backup = backupTo(data, join(place, 'copy'), (path) => relay.backup(path)).finally(() => (over = true))
  const took: number[] = []
  while (!over) took.push(...(await sender.lone(probed, 20)))
  await backup
  const meanwhile = Float64Array.from(took).toSorted()
  console.log(
    `copied in ${((performance.now() - backupMs) / 1_000).toFixed(1)} s; meanwhile a lone message ${percentile(meanwhile, 0.5)?.toFixed(2)} ms, p99 ${percentile(meanwhile, 0.99)?.toFixed(2)} ms`,
  )
  await drain(port, probed, took.length)
  await sender.close()
  await relay.stop()
}

/** Everybody fetches; then as many again find the room that became free. */
async function drained(): Promise<void> {
  const relay = await createRelay({ dataDir: data, listen: ['/ip4/127.0.0.1/tcp/0'], limits })
  await relay.start()
  const port = Number(/\/tcp\/(\d+)/.exec(relay.addresses[0] ?? '')?.[1])
  const each = messages / mailboxes
  const startMs = performance.now()
  for (let user = 0; user < mailboxes; user += 10) {
    await Promise.all(Array.from({ length: 10 }, (_, i) => drain(port, user + i, each)))
  }
  console.log(
    `drained at ${Math.round(messages / ((performance.now() - startMs) / 1_000))}/s, with connects, ten at a time`,
  )
  const before = sizeOf(data)
  const sender = await Sender.at(port)
  await sender.bulk(messages / 5, (tag) => tag % mailboxes)
  await sender.close()
  console.log(`${before} on disk, and ${sizeOf(data)} with ${messages / 5} messages more`)
  await backupTo(data, join(place, 'second'), (path) => relay.backup(path))
  await relay.stop()
  const restoreMs = performance.now()
  restoreFrom(join(place, 'second'), data, Date.now())
  console.log(`put back in ${((performance.now() - restoreMs) / 1_000).toFixed(1)} s: ${sizeOf(data)}`)
}
