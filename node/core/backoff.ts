/** How long to wait before the next attempt. Pure: chance is an argument. */
import type { Random } from '../../protocol/crypto/random.ts'

export interface Bounds {
  readonly minMs: number
  readonly maxMs: number
}

/**
 * Doubles from `minMs` to `maxMs` with each failure, then between half and all of that by chance, so that many who failed
 * together do not come back together.
 */
export function backoffMs(failures: number, bounds: Bounds, random: Random): number {
  const ceilingMs = Math.min(bounds.maxMs, bounds.minMs * 2 ** Math.min(Math.max(failures - 1, 0), 30))
  const [high = 0, low = 0] = random.bytes(2)
  return Math.round(ceilingMs * (0.5 + (high * 256 + low) / 131_072))
}

/** Soon again `triesMax` times, and then with pauses that grow further. */
export function backoffInStagesMs(
  failures: number,
  soon: Bounds & { readonly triesMax: number },
  later: Bounds,
  random: Random,
): number {
  const beyond = failures - soon.triesMax
  return beyond <= 0 ? backoffMs(failures, soon, random) : backoffMs(beyond, later, random)
}
