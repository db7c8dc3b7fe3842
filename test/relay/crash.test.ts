/** A relay that is killed in the middle of its work keeps every promise it made. */
import { expect, test } from 'vitest'
import type { EnvelopeId } from '../../protocol/ids.ts'
import { openDirectory } from './caller.ts'
import { caller } from './network.ts'
import { createPerson, preKeys, publicationOf } from './people.ts'
import { startRelayProcess } from './processes.ts'
import { depositUntilKilled, fetchAll, publish } from './promises.ts'
import { temporaryDirectory } from './temporary.ts'

const kills = 4

test('every envelope answered stored before a kill is there after it', async () => {
  const dataDir = await temporaryDirectory()
  const bob = createPerson()
  const promised = new Set<EnvelopeId>()
  for (let kill = 0; kill < kills; kill++) {
    const relay = await startRelayProcess(dataDir)
    if (kill === 0) await publish(relay, bob)
    for (const id of await depositUntilKilled(relay, bob, 20 + kill * 31)) promised.add(id)
  }
  const fetched = await fetchAll(await startRelayProcess(dataDir), bob)
  expect(promised.size).toBeGreaterThan(200)
  expect([...promised].filter((id) => !fetched.includes(id))).toEqual([])
  expect(new Set(fetched).size).toBe(fetched.length)
})

test('no prekey is handed out twice, not by many streams at once and not across a kill', async () => {
  const dataDir = await temporaryDirectory()
  const bob = createPerson()
  const publication = publicationOf(bob, Date.now(), { preKeys: preKeys(1, 60) })
  const handedOut: number[] = []
  for (let kill = 0; kill < 3; kill++) {
    const relay = await startRelayProcess(dataDir)
    const directory = await openDirectory(await caller(bob), relay.address)
    directory.send(publication) // Again each time, as someone does who was not told that it was kept.
    await directory.expect('published')
    const asker = await caller()
    const lines = await Promise.all(Array.from({ length: 6 }, () => openDirectory(asker, relay.address)))
    const takers = lines.map(async (line) => {
      for (;;) {
        line.send({ kind: 'take-bundle', device: bob.device })
        const frame = await line.next()
        if (frame?.kind !== 'bundle' || frame.preKey === undefined) return
        handedOut.push(frame.preKey.id)
        if (handedOut.length % 17 === 0 && kill < 2) return void relay.kill()
      }
    })
    await Promise.all(takers)
  }
  expect(handedOut.length).toBeGreaterThan(30)
  expect(new Set(handedOut).size).toBe(handedOut.length)
})
