/** A power cut in mid-store, as a model: of all files only what was synced is left. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3-multiple-ciphers'
import { expect, test } from 'vitest'
import type { EnvelopeId } from '../../../protocol/ids.ts'
import { createPerson } from '../people.ts'
import { startRelayProcess } from '../processes.ts'
import { depositUntilKilled, fetchAll, publish } from '../promises.ts'
import { atEnd, temporaryDirectory } from '../temporary.ts'
import { roomy } from './load.ts'
import { compileShim, noCompiler, powered, type Powered } from './power.ts'

const cuts = 8
const shim = compileShim()

/** Lets a writer commit for a while, cuts the power, and says how many it had reported and how many are left. */
async function writeUntilCut(place: Powered, synchronous: string): Promise<{ reported: number; left: number }> {
  const path = join(place.dataDir, 'relay.db')
  const program = fileURLToPath(new URL('./unsynced-writer.ts', import.meta.url))
  const child = spawn(process.execPath, [program, path, synchronous], { env: { ...process.env, ...place.env } })
  let reported = 0
  child.stdout.on('data', (chunk: Buffer) => {
    const last = chunk.toString().trimEnd().split('\n').at(-1)
    reported = Number(last)
    if (reported > 700) child.kill('SIGKILL')
  })
  await once(child, 'exit')
  place.cut()
  const db = new Database(path)
  atEnd(() => void db.close())
  const table = db.prepare("SELECT count(*) FROM sqlite_master WHERE name = 'mailbox'").pluck().get()
  const left = table === 1 ? Number(db.prepare('SELECT count(*) FROM mailbox').pluck().get()) : 0
  return { reported, left }
}

if (shim === undefined) {
  test.skip(noCompiler, () => undefined)
} else {
  test(`after ${cuts} power cuts in mid-store every promise is kept`, async () => {
    const place = powered(shim, await temporaryDirectory())
    const bob = createPerson()
    const promised = new Set<EnvelopeId>()
    for (let cut = 0; cut < cuts; cut++) {
      const relay = await startRelayProcess(place.dataDir, { limits: roomy, env: place.env })
      if (cut === 0) await publish(relay, bob)
      for (const id of await depositUntilKilled(relay, bob, 60 + cut * 151)) promised.add(id)
      place.cut()
    }
    const fetched = await fetchAll(await startRelayProcess(place.dataDir, { limits: roomy }), bob)
    expect(promised.size).toBeGreaterThan(3_000)
    expect([...promised].filter((id) => !fetched.includes(id))).toEqual([])
    expect(new Set(fetched).size).toBe(fetched.length)
    process.stdout.write(`${cuts} power cuts, ${promised.size} promised, 0 missing\n`)
  })

  test('the model would notice: a database that syncs less loses what it reported, one that syncs does not', async () => {
    const less = await writeUntilCut(powered(shim, await temporaryDirectory()), 'NORMAL')
    expect(less.left).toBeLessThan(less.reported)
    const full = await writeUntilCut(powered(shim, await temporaryDirectory()), 'FULL')
    expect(full.left).toBeGreaterThanOrEqual(full.reported)
  })
}
