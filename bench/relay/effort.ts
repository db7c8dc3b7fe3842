/** Processor time while something was measured: the server's own, the load's, and everybody else's on the same machine. */
import { readFileSync } from 'node:fs'
import type { ServerProcess } from './process.ts'

export class Effort {
  readonly #server: ServerProcess
  readonly #cpuUs: number
  readonly #syncs: number | undefined
  readonly #load = process.cpuUsage()
  readonly #machine = machineTicks()
  readonly #beganMs = performance.now()

  /** Counts from here on. */
  constructor(server: ServerProcess) {
    this.#server = server
    this.#cpuUs = server.cpuUs()
    this.#syncs = server.syncs()
  }

  get seconds(): number {
    return (performance.now() - this.#beganMs) / 1_000
  }

  serverUs(): number {
    return this.#server.cpuUs() - this.#cpuUs
  }

  loadUs(): number {
    const { user, system } = process.cpuUsage(this.#load)
    return user + system
  }

  syncs(): number | undefined {
    const now = this.#server.syncs()
    return now === undefined || this.#syncs === undefined ? undefined : now - this.#syncs
  }

  /** Share of the machine that neither the server nor the load used and that was not idle either. */
  othersShare(): number {
    const now = machineTicks()
    const busyUs = (now.busy - this.#machine.busy) * 10_000
    const all = (now.all - this.#machine.all) * 10_000
    return Math.max(0, busyUs - this.serverUs() - this.loadUs()) / Math.max(1, all)
  }
}

function machineTicks(): { readonly busy: number; readonly all: number } {
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? ''
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number)
  const all = ticks.reduce((sum, value) => sum + value, 0)
  const idle = (ticks[3] ?? 0) + (ticks[4] ?? 0)
  return { busy: all - idle, all }
}
