/** Operations per second of CPU time, garbage collection included. */

export interface Timings {
  readonly [metric: string]: number
}

/**
 * Runs `operation` `count` times after a quarter as many to warm up; `count` operations a run of `operation` when it
 * says so.
 */
export function rate(count: number, operation: (i: number) => void): number {
  const warm = Math.ceil(count / 4)
  for (let i = 0; i < warm; i++) operation(i)
  const before = process.cpuUsage()
  for (let i = 0; i < count; i++) operation(warm + i)
  return count / cpuSeconds(before)
}

export async function rateAsync(count: number, operation: (i: number) => Promise<void>): Promise<number> {
  const warm = Math.ceil(count / 4)
  for (let i = 0; i < warm; i++) await operation(i)
  const before = process.cpuUsage()
  for (let i = 0; i < count; i++) await operation(warm + i)
  return count / cpuSeconds(before)
}

/** How many operations `rate` runs in all. */
export function total(count: number): number {
  return count + Math.ceil(count / 4)
}

function cpuSeconds(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e6
}

export const counts = { setup: 800, messages: 6000, pingPong: 2500, group: 2500 } as const

export const plaintextBytes = 100
