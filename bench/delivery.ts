/**
 * How long a text takes from `send` to the recipient's event, between two processes on this machine, both disks committed
 * to on the way; and how many bytes of it the sockets saw. `npm run bench:delivery`.
 *
 * Prints p50 and p99 of 1,000 messages of 100 bytes sent one after the other, then the rate of as many sent at once.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { channel } from 'node:diagnostics_channel'
import { mkdtempSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNode, type LinnetNode } from '../node/index.ts'

const count = 1_000
const text = 'x'.repeat(100)

type Order =
  | { readonly op: 'invite' }
  | { readonly op: 'add'; readonly link: string }
  | { readonly op: 'one-by-one' }
  | { readonly op: 'at-once' }
  | { readonly op: 'bytes' }

/** A person's process: does what it is ordered, reports the time each message arrived. */
async function personMain(name: string, dataDir: string): Promise<void> {
  const sockets = new Set<Socket>()
  for (const source of ['net.client.socket', 'net.server.socket']) {
    channel(source).subscribe((message) => sockets.add((message as { socket: Socket }).socket))
  }
  const node = await createNode({ dataDir, name, listen: ['/ip4/127.0.0.1/tcp/0'] })
  node.on('message', ({ id }) => report({ arrived: id, atMs: performance.timeOrigin + performance.now() }))
  await node.start()
  process.on('message', (order: Order) => {
    void obey(node, order, sockets).then((done) => report({ done }))
  })
  report({ done: 'started' })
}

async function obey(node: LinnetNode, order: Order, sockets: ReadonlySet<Socket>): Promise<unknown> {
  switch (order.op) {
    case 'invite':
      return node.invite()
    case 'add':
      return node.add(order.link)
    case 'one-by-one':
      return sendAll(node, true)
    case 'at-once':
      return sendAll(node, false)
    case 'bytes': {
      const all = [...sockets]
      return all.reduce((sum, socket) => sum + socket.bytesRead + socket.bytesWritten, 0)
    }
  }
}

async function sendAll(node: LinnetNode, wait: boolean): Promise<[string, number][]> {
  const [contact] = node.contacts()
  if (contact === undefined) throw new Error('nobody to write to')
  const sent: [string, number][] = []
  const delivered: Promise<unknown>[] = []
  for (let n = 0; n < count; n++) {
    const atMs = performance.timeOrigin + performance.now()
    const accepting = node.send(contact.account, text).then(({ id }) => {
      sent.push([id, atMs])
      return node.waitFor(id, 'delivered', 60_000)
    })
    delivered.push(
      accepting.then((state) => {
        if (state === undefined || state === 'expired') throw new Error('a message was not delivered within a minute')
      }),
    )
    if (wait) await accepting
  }
  await Promise.all(delivered)
  return sent
}

function report(line: unknown): void {
  process.send?.(line)
}

class Remote {
  readonly arrivals = new Map<string, number>()
  readonly #child: ChildProcess
  #done: PromiseWithResolvers<unknown> = Promise.withResolvers()

  constructor(name: string, dataDir: string) {
    this.#child = fork(new URL(import.meta.url).pathname, [name, dataDir], { serialization: 'advanced' })
    this.#child.on('message', (line: { arrived?: string; atMs?: number; done?: unknown }) => {
      if (line.arrived !== undefined) this.arrivals.set(line.arrived, line.atMs ?? 0)
      else this.#done.resolve(line.done)
    })
    this.#child.once('exit', () => this.#done.reject(new Error(`${name} ended before it was done`)))
  }

  async started(): Promise<void> {
    await this.#done.promise
  }

  async order<T>(order: Order): Promise<T> {
    this.#done = Promise.withResolvers()
    this.#child.send(order)
    return (await this.#done.promise) as T
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}

async function benchMain(): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'linnet-bench-'))
  const [alice, bob] = [new Remote('alice', join(root, 'alice')), new Remote('bob', join(root, 'bob'))]
  try {
    await Promise.all([alice.started(), bob.started()])
    await bob.order({ op: 'add', link: await alice.order<string>({ op: 'invite' }) })
    await bob.order({ op: 'one-by-one' }) // Once to warm both up.

    const arrival = (id: string): number => {
      const atMs = alice.arrivals.get(id)
      if (atMs === undefined) throw new Error('confirmed, and its arrival was not reported')
      return atMs
    }
    const before = await bob.order<number>({ op: 'bytes' })
    const sent = await bob.order<[string, number][]>({ op: 'one-by-one' })
    const after = await bob.order<number>({ op: 'bytes' })
    const took = sent.map(([id, atMs]) => arrival(id) - atMs).toSorted((a, b) => a - b)
    console.log(`${count} texts of 100 bytes, one after the other, two processes on loopback, commits on both sides:`)
    console.log(`  send to event  p50 ${at(took, 0.5)} ms   p99 ${at(took, 0.99)} ms   max ${at(took, 1)} ms`)
    console.log(
      `  on the wire    ${Math.round((after - before) / count)} bytes a message, both directions, acknowledgement included`,
    )

    const burst = await bob.order<[string, number][]>({ op: 'at-once' })
    const first = Math.min(...burst.map(([, atMs]) => atMs))
    const last = Math.max(...burst.map(([id]) => arrival(id)))
    console.log(`${count} at once: ${Math.round(count / ((last - first) / 1_000))} messages a second, sent to shown`)
  } finally {
    alice.kill()
    bob.kill()
    rmSync(root, { recursive: true, force: true })
  }
}

function at(sorted: readonly number[], share: number): string {
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
  return value === undefined ? 'none' : value.toFixed(2)
}

const [name, dataDir] = process.argv.slice(2)
await (name === undefined || dataDir === undefined ? benchMain() : personMain(name, dataDir))
