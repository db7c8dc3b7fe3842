/** Judges the seeds it is handed, one after the other, on a thread of its own. */
import { parentPort } from 'node:worker_threads'
import type { Errand } from './sweep.ts'
import { optionsOf } from './variant.ts'
import { judge } from './verdict.ts'

parentPort?.on('message', ({ seed, variant }: Errand) => {
  parentPort?.postMessage(judge(seed, optionsOf(variant)))
})
