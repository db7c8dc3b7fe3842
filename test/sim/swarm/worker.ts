/** Judges the seeds it is handed, one after the other, on a thread of its own. */
import { parentPort } from 'node:worker_threads'
import { judge } from './verdict.ts'

parentPort?.on('message', (seed: number) => {
  parentPort?.postMessage(judge(seed))
})
