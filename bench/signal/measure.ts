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

function cpuSeconds(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e6
}

export const counts = { setup: 600, messages: 5000, pingPong: 2000, group: 2500 } as const

export const plaintextBytes = 100
