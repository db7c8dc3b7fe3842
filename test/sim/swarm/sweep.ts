/** Many seeds on as many threads as the machine has cores, and what they found together. */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { requiredMarks } from '../check/marks.ts'
import type { Variant } from './variant.ts'
import type { Verdict } from './verdict.ts'

export interface Sweep {
  readonly seeds: number
  readonly failures: readonly Verdict[]
  /** Required paths that no seed took. */
  readonly missed: readonly string[]
  /** How often each path was taken, and by how many of the seeds. */
  readonly marks: ReadonlyMap<string, number>
  readonly seedsWith: ReadonlyMap<string, number>
  readonly happened: number
  readonly said: number
  readonly virtualMs: number
}

/** What a thread is told to judge. */
export interface Errand {
  readonly seed: number
  readonly variant: Variant
}

/** Fewer seeds than this need not take every path. */
const seedsForMarks = 200

export async function sweep(
  seeds: readonly number[],
  variant: Variant,
  onVerdict: (verdict: Verdict, done: number) => void,
): Promise<Sweep> {
  const marks = new Map<string, number>()
  const seedsWith = new Map<string, number>()
  const failures: Verdict[] = []
  let [happened, said, virtualMs, done] = [0, 0, 0, 0]
  const waiting = [...seeds]
  const take = (verdict: Verdict): void => {
    done++
    happened += verdict.happened
    said += verdict.said
    virtualMs += verdict.virtualMs
    for (const [name, count] of verdict.marks) {
      marks.set(name, (marks.get(name) ?? 0) + count)
      seedsWith.set(name, (seedsWith.get(name) ?? 0) + 1)
    }
    if (verdict.failed) failures.push(verdict)
    onVerdict(verdict, done)
  }
  const threads = Math.min(availableParallelism(), seeds.length)
  await Promise.all(Array.from({ length: threads }, () => thread(waiting, variant, take)))
  const missed = seeds.length < seedsForMarks ? [] : requiredMarks.filter((name) => !marks.has(name))
  failures.sort((a, b) => a.seed - b.seed)
  return { seeds: seeds.length, failures, missed, marks, seedsWith, happened, said, virtualMs }
}

function thread(waiting: number[], variant: Variant, take: (verdict: Verdict) => void): Promise<void> {
  const worker = new Worker(workerFile)
  return new Promise((resolve, reject) => {
    const next = (): void => {
      const seed = waiting.shift()
      if (seed !== undefined) return worker.postMessage({ seed, variant } satisfies Errand)
      void worker.terminate().then(() => resolve())
    }
    worker.on('message', (verdict: Verdict) => {
      take(verdict)
      next()
    })
    worker.on('error', reject)
    next()
  })
}

/** Beside this file, in whichever form this file is. */
const workerFile = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url)
