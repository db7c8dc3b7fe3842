/**
 * What a seed is worth: run twice, compared, and, when it failed, the line that replays it and the smallest world that still
 * fails in the same way.
 */
import { isDeepStrictEqual } from 'node:util'
import { minute } from '../world/story.ts'
import { fairWeather } from '../world/network.ts'
import type { Draw } from './draw.ts'
import { runSeed, type Outcome, type RunOptions } from './run.ts'

export interface Verdict {
  readonly seed: number
  readonly failed: boolean
  readonly property?: string
  readonly detail?: string
  readonly hash: string
  readonly marks: readonly (readonly [name: string, count: number])[]
  readonly happened: number
  readonly said: number
  readonly virtualMs: number
}

/** Runs a seed twice; a run that cannot be repeated exactly has failed, whatever else it did. */
export function judge(seed: number, options: RunOptions = {}): Verdict {
  const outcome = runSeed(seed, options)
  const { hash, happened, said, virtualMs } = outcome
  const facts = { seed, hash, happened, said, virtualMs, marks: [...outcome.marks] }
  const [first] = outcome.complaints
  if (first !== undefined) return { ...facts, failed: true, property: first.property, detail: first.detail }
  const again = runSeed(seed, options)
  if (again.hash === hash) return { ...facts, failed: false }
  return { ...facts, failed: true, property: 'a seed decides everything', detail: `${hash} and then ${again.hash}` }
}

/** Leaves out what is not needed for the same property to fail. */
export function shrink(outcome: Outcome, options: RunOptions = {}, triesMax = 60): Draw {
  const property = outcome.complaints[0]?.property
  let smallest = outcome.drawn
  let tries = 0
  for (let progress = true; progress;) {
    progress = false
    for (const smaller of smallerThan(smallest)) {
      if (tries++ >= triesMax) return smallest
      const result = runSeed(outcome.seed, { ...options, keepTrace: false, narrow: () => smaller })
      if (result.complaints[0]?.property !== property) continue
      smallest = smaller
      progress = true
      break
    }
  }
  return smallest
}

function* smallerThan(drawn: Draw): Iterable<Draw> {
  for (const fault of drawn.faults) yield { ...drawn, faults: drawn.faults.filter((other) => other !== fault) }
  if (drawn.people > 2) yield { ...drawn, people: drawn.people - 1 }
  if (drawn.relays > 1) yield { ...drawn, relays: drawn.relays - 1 }
  if (!isDeepStrictEqual(drawn.weather, fairWeather)) yield { ...drawn, weather: fairWeather }
  if (drawn.clockOffsetMsMax > 0) yield { ...drawn, clockOffsetMsMax: 0 }
  if (drawn.strangersRate > 0) yield { ...drawn, strangersRate: 0 }
  if (drawn.safetyMs > 10 * minute) yield { ...drawn, safetyMs: drawn.safetyMs / 2 }
}
