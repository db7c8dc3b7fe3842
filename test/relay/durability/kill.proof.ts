/** A relay that is killed twenty times in the middle of storing, while somebody reads. */
import { expect, test } from 'vitest'
import type { EnvelopeId } from '../../../protocol/ids.ts'
import { createPerson } from '../people.ts'
import { startRelayProcess } from '../processes.ts'
import { depositUntilKilled, fetchAll, publish } from '../promises.ts'
import { temporaryDirectory } from '../temporary.ts'
import { roomy } from './load.ts'

const kills = 20

test(`after ${kills} kills in mid-store nothing that was promised is missing, and no life of the relay sends it twice`, async () => {
  const dataDir = await temporaryDirectory()
  const bob = createPerson()
  const promised = new Set<EnvelopeId>()
  const read = new Map<EnvelopeId, number>()
  for (let kill = 0; kill < kills; kill++) {
    const relay = await startRelayProcess(dataDir, { limits: roomy })
    if (kill === 0) await publish(relay, bob)
    if (kill % 4 === 3) {
      const fetched = await fetchAll(relay, bob)
      expect(new Set(fetched).size).toBe(fetched.length)
      for (const id of fetched) read.set(id, (read.get(id) ?? 0) + 1)
    }
    for (const id of await depositUntilKilled(relay, bob, 50 + kill * 37)) promised.add(id)
  }
  const rest = await fetchAll(await startRelayProcess(dataDir, { limits: roomy }), bob)
  for (const id of rest) read.set(id, (read.get(id) ?? 0) + 1)
  expect(promised.size).toBeGreaterThan(5_000)
  expect([...promised].filter((id) => !read.has(id))).toEqual([])
  // What was on its way without an acknowledgement comes again to a device, which knows it by its id.
  const again = [...read.values()].filter((times) => times > 1).length
  process.stdout.write(`${kills} kills, ${promised.size} promised, 0 missing, ${again} offered again after a restart\n`)
})
