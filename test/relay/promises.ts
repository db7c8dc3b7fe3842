/** Collects a relay's promises until it is killed, and afterwards asks it to keep them. */
import type { EnvelopeId } from '../../protocol/ids.ts'
import { openDirectory, openMailbox } from './caller.ts'
import { caller } from './network.ts'
import { envelope, publicationOf, type Person } from './people.ts'
import type { RelayProcess } from './processes.ts'

export async function publish(relay: RelayProcess, person: Person): Promise<void> {
  const directory = await openDirectory(await caller(person), relay.address)
  directory.send(publicationOf(person, Date.now()))
  await directory.expect('published')
}

/** Deposits as fast as it is allowed, kills the relay after so many promises, and returns what was promised. */
export async function depositUntilKilled(relay: RelayProcess, bob: Person, promisesMax: number): Promise<EnvelopeId[]> {
  const promised: EnvelopeId[] = []
  const line = await openMailbox(await caller(), relay.address)
  for (let i = 0; i < 100; i++) line.send({ kind: 'deposit', mailbox: bob.device, envelope: envelope(Date.now()) })
  for (;;) {
    const frame = await line.next()
    if (frame === undefined) return promised
    if (frame.kind !== 'stored') continue
    for (const { id } of frame.receipt.taken) {
      promised.push(id)
      if (promised.length === promisesMax) void relay.kill()
      else line.send({ kind: 'deposit', mailbox: bob.device, envelope: envelope(Date.now()) })
    }
  }
}

/** Everything in the mailbox, acknowledged page by page. */
export async function fetchAll(relay: Pick<RelayProcess, 'address'>, bob: Person): Promise<EnvelopeId[]> {
  const line = await openMailbox(await caller(bob), relay.address)
  line.send({ kind: 'subscribe', credit: 100 })
  const fetched: EnvelopeId[] = []
  for (;;) {
    const { envelopes, empty } = await line.expect('page')
    const ids = envelopes.map(({ id }) => id)
    fetched.push(...ids)
    if (empty) return fetched
    line.send({ kind: 'ack', ids })
    line.send({ kind: 'more', credit: ids.length })
  }
}
