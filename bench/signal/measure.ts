/** Operations per second of CPU time, garbage collection included. */

export interface Timings {
  readonly [metric: string]: number
}

/** Runs `operation` as often again to warm up, then `count` times. */
export function rate(count: number, operation: (i: number) => void): number {
  const warm = warmUps(count)
  for (let i = 0; i < warm; i++) operation(i)
  const before = process.cpuUsage()
  for (let i = 0; i < count; i++) operation(warm + i)
  return count / cpuSeconds(before)
}

export async function rateAsync(count: number, operation: (i: number) => Promise<void>): Promise<number> {
  const warm = warmUps(count)
  for (let i = 0; i < warm; i++) await operation(i)
  const before = process.cpuUsage()
  for (let i = 0; i < count; i++) await operation(warm + i)
  return count / cpuSeconds(before)
}

/** As many again as are counted: the engine compiles the hot paths over the first two thousand messages or so. */
function warmUps(count: number): number {
  return count
}

/** How many operations `rate` runs in all. */
export function total(count: number): number {
  return count + warmUps(count)
}

/** Messages written before they are read: a sender does not hold ten thousand of its own ciphertexts. */
const batchMessages = 250

/** Rates of writing and of reading what was written, a batch of each in turn. */
export async function ratesInTurn(
  count: number,
  write: (i: number) => void | Promise<void>,
  read: (i: number) => void | Promise<void>,
): Promise<{ readonly write: number; readonly read: number }> {
  const seconds = { write: 0, read: 0 }
  for (let start = 0; start < total(count); start += batchMessages) {
    for (const [side, operation] of [
      ['write', write],
      ['read', read],
    ] as const) {
      const before = process.cpuUsage()
      for (let i = 0; i < batchMessages; i++) {
        const pending = operation(i)
        if (pending !== undefined) await pending
      }
      if (start >= warmUps(count)) seconds[side] += cpuSeconds(before)
    }
  }
  return { write: count / seconds.write, read: count / seconds.read }
}

function cpuSeconds(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e6
}

export const counts = { setup: 600, messages: 5000, pingPong: 2000, group: 2500 } as const

export const plaintextBytes = 100
