/**
 * A process to be killed: with `commit`, opens the store of a directory and commits a message, its delivery and its event
 * at a time, saying the number of each once it is kept; with `own`, takes the directory and waits.
 */
import { writeSync } from 'node:fs'
import { lockDirectory } from '../../node/io/lock.ts'
import { openFolder } from './store-folder.ts'
import * as sample from './store-samples.ts'

const [what, dataDir] = process.argv.slice(2) as ['commit' | 'own', string]

if (what === 'own') {
  lockDirectory(dataDir)
  writeSync(1, 'owned\n')
  setInterval(() => {}, 60_000)
} else {
  const store = await openFolder(dataDir)
  for (let n = store.lastPosition() + 1; ; n++) {
    sample.keep(
      store,
      { kind: 'put-message', message: sample.outgoing(n, 1) },
      { kind: 'put-session', device: sample.deviceOf(1), record: sample.record(`after ${n}`) },
      { kind: 'put-delivery', delivery: sample.delivery(n, 1) },
      { kind: 'add-event', stored: sample.event(n) },
    )
    writeSync(1, `${n}\n`)
  }
}
