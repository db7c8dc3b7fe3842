/** Drawn worlds from the command line: many, in a line each that failed, or one, told in full. */
import { progress } from '../progress.ts'
import { clock } from '../world/trace.ts'
import { runSeed } from './run.ts'
import { sweep } from './sweep.ts'
import { differenceOf, optionsOf, replayLine, type Variant } from './variant.ts'
import { judge, shrink } from './verdict.ts'

export interface SeedsOptions {
  readonly count: number
  readonly from: number
  readonly json: boolean
  readonly variant: Variant
}

export async function runSeeds({ count, from, json, variant }: SeedsOptions): Promise<number> {
  const seeds = Array.from({ length: count }, (_, i) => from + i)
  const bar = progress()
  const startedMs = performance.now()
  const found = await sweep(seeds, variant, (verdict, done) => {
    if (verdict.failed && !json) {
      bar.clear()
      process.stdout.write(
        `seed ${verdict.seed}: ${verdict.property}: ${verdict.detail}\n  ${replayLine(verdict.seed, variant)}\n`,
      )
    }
    bar.show(done / count, `${done} of ${count} seeds`)
  })
  bar.clear()
  const wallMs = Math.round(performance.now() - startedMs)
  const { failures, missed, marks } = found
  if (json) {
    const [times, inSeeds] = [Object.fromEntries(marks), Object.fromEntries(found.seedsWith)]
    process.stdout.write(`${JSON.stringify({ ...found, marks: times, seedsWith: inSeeds, wallMs })}\n`)
    return failures.length + missed.length > 0 ? 2 : 0
  }
  const [first] = failures
  if (first !== undefined) process.stdout.write(`${smallestOf(first.seed, variant)}\n`)
  for (const name of missed)
    process.stdout.write(`no seed took the path ${name}: what was meant to test it no longer does\n`)
  const days = (found.virtualMs / 86_400_000).toFixed(0)
  process.stdout.write(
    `${found.seeds} seeds, each twice: ${failures.length} failed; ${found.said} messages in ${days} virtual days, ` +
      `${found.happened} events, ${(wallMs / 1_000).toFixed(1)} s\n`,
  )
  return failures.length + missed.length > 0 ? 2 : 0
}

export interface OneOptions {
  readonly trace: boolean
  readonly json: boolean
  readonly variant: Variant
}

export function runOne(seed: number, { trace, json, variant }: OneOptions): number {
  const verdict = judge(seed, optionsOf(variant))
  const outcome = runSeed(seed, { ...optionsOf(variant), keepTrace: trace })
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ ...verdict, marks: Object.fromEntries(verdict.marks), drawn: outcome.drawn })}\n`,
    )
    return verdict.failed ? 2 : 0
  }
  if (trace) process.stdout.write(`${outcome.trace.join('\n')}\n`)
  process.stdout.write(`${JSON.stringify(outcome.drawn, null, 2)}\n`)
  process.stdout.write(
    `${outcome.said} messages in ${clock(outcome.virtualMs)}, ${outcome.happened} events, trace ${outcome.hash}\n`,
  )
  for (const { atMs, property, detail } of outcome.complaints) {
    process.stdout.write(`${clock(atMs)} ${property}: ${detail}\n`)
  }
  if (!verdict.failed) process.stdout.write('nothing wrong\n')
  else if (outcome.complaints.length === 0) process.stdout.write(`${verdict.property}: ${verdict.detail}\n`)
  else process.stdout.write(`${smallestOf(seed, variant)}\n`)
  return verdict.failed ? 2 : 0
}

/** The smallest world in which a seed fails alike, as the line that replays it. */
function smallestOf(seed: number, variant: Variant): string {
  const options = optionsOf(variant)
  const smallest = shrink(runSeed(seed, options), options)
  const line = replayLine(seed, { ...variant, world: differenceOf(seed, smallest) })
  return `the smallest world in which it fails alike:\n  ${line}`
}
