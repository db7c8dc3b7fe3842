/**
 * What a relay does for its processor time: `npm run bench:relay`. The relay is a process of its own with its files on disk and every
 * sync done; the load comes from this process, over libp2p and TCP on the loopback. Processor time of the relay is the figure
 * to trust, rates move with whatever else the machine does. Medians of three.
 */
import type { Libp2p } from '@libp2p/interface'
import { depositAll, drain, listen, senders, settle } from './relay/load.ts'
import { startServer, type Server } from './relay/server.ts'

const repetitions = 3
const bytes = 200

interface Figures {
  readonly [name: string]: number
}

async function storeAndDrain(server: Server): Promise<Figures> {
  const residents = await settle(server.address, 100)
  const all = await senders(server.address, 50)
  await depositAll(all, residents, 40, 10, bytes) // Until everything is compiled.
  const each = 400
  const [cpu, began] = [server.cpuUs(), performance.now()]
  const waits = await depositAll(all, residents, each, 10, bytes)
  const seconds = (performance.now() - began) / 1_000
  const stored = all.length * each
  const storeCpu = (server.cpuUs() - cpu) / stored
  for (const { node } of all) await node.stop()
  const [drainCpu, drainBegan] = [server.cpuUs(), performance.now()]
  let drained = 0
  for (let i = 0; i < residents.length; i += 10) {
    const counts = await Promise.all(residents.slice(i, i + 10).map((one) => drain(server.address, one)))
    drained += counts.reduce((sum, count) => sum + count, 0)
  }
  return {
    'store, messages/s': stored / seconds,
    'store, relay CPU µs/message': storeCpu,
    'store, receipt after ms, median': percentile(waits, 0.5),
    'store, receipt after ms, 99 %': percentile(waits, 0.99),
    'drain with connects, messages/s': drained / ((performance.now() - drainBegan) / 1_000),
    'drain, relay CPU µs/message': (server.cpuUs() - drainCpu) / drained,
  }
}

async function online(server: Server): Promise<Figures> {
  const residents = await settle(server.address, 50)
  let received = 0
  const listeners = await Promise.all(residents.map((one) => listen(server.address, one, () => (received += 1))))
  const all = await senders(server.address, 50)
  await depositAll(all, residents, 40, 4, bytes)
  const each = 200
  const [cpu, began] = [server.cpuUs(), performance.now()]
  received = 0
  await depositAll(all, residents, each, 4, bytes)
  while (received < all.length * each) await new Promise((resolve) => setTimeout(resolve, 5))
  const figures = {
    'online, messages/s': received / ((performance.now() - began) / 1_000),
    'online, relay CPU µs/message': (server.cpuUs() - cpu) / received,
  }
  for (const node of [...listeners, ...all.map((one) => one.node)]) await node.stop()
  return figures
}

async function idle(server: Server): Promise<Figures> {
  const count = 500
  const residents = await settle(server.address, count)
  await settledMemory()
  const [before, cpu] = [server.memory(), server.cpuUs()]
  const nodes: Libp2p[] = []
  for (let i = 0; i < count; i += 20) {
    nodes.push(
      ...(await Promise.all(residents.slice(i, i + 20).map((one) => listen(server.address, one, () => undefined)))),
    )
  }
  const connectCpu = (server.cpuUs() - cpu) / count / 1_000
  await settledMemory()
  const figures = {
    'idle, KiB a subscribed connection': (server.memory() - before) / count / 1_024,
    'connect and subscribe, relay CPU ms': connectCpu,
  }
  for (const node of nodes) await node.stop()
  return figures
}

function settledMemory(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5_000))
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

for (const measure of [storeAndDrain, online, idle]) {
  const runs: Figures[] = []
  for (let i = 0; i < repetitions; i++) {
    const server = await startServer()
    runs.push(await measure(server))
    await server.stop()
  }
  for (const name of Object.keys(runs[0] ?? {})) {
    const values = runs.map((run) => run[name] ?? 0).toSorted((a, b) => a - b)
    const shown = values.map((value) => value.toFixed(value < 10 ? 2 : 0)).join(' / ')
    console.log(`${name.padEnd(40)} ${shown}`)
  }
}
process.exit(0) // libp2p's timers would keep it here.
