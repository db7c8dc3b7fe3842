/** What people do to a relay, many at a time: deposit with a window, fetch everything, talk while both are there. */
import type { Libp2p } from '@libp2p/interface'
import type { DeviceId, EnvelopeId } from '../../protocol/ids.ts'
import type { MailboxFrame } from '../../protocol/wire/mailbox.ts'
import { createCaller, openDirectory, openMailbox, type Line } from '../../test/relay/caller.ts'
import { createPerson, envelope, publicationOf, type Person } from '../../test/relay/people.ts'

export interface Resident {
  readonly device: DeviceId
  readonly person: Person
}

export async function settle(address: string, count: number): Promise<Resident[]> {
  const residents: Resident[] = []
  for (let i = 0; i < count; i++) {
    const person = createPerson()
    const node = await createCaller(person.identity.seed)
    const directory = await openDirectory(node, address)
    directory.send(publicationOf(person, Date.now(), { preKeys: [] }))
    await directory.expect('published')
    await node.stop()
    residents.push({ device: person.device, person })
  }
  return residents
}

export interface Sender {
  readonly node: Libp2p
  readonly line: Line<MailboxFrame>
}

export async function senders(address: string, count: number): Promise<Sender[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const node = await createCaller()
      return { node, line: await openMailbox(node, address) }
    }),
  )
}

/** Each sender keeps a window of deposits on their way; answers the milliseconds each waited for its receipt. */
export async function depositAll(
  all: readonly Sender[],
  to: readonly Resident[],
  each: number,
  window: number,
  size: number,
): Promise<number[]> {
  const waits: number[] = []
  await Promise.all(
    all.map(async ({ line }, s) => {
      const since = new Map<EnvelopeId, number>()
      let sent = 0
      const send = (): void => {
        const mailbox = to[(s * each + sent) % to.length]
        if (mailbox === undefined) throw new Error('nobody lives here')
        sent++
        const message = envelope(Date.now(), { sealed: new Uint8Array(size) })
        since.set(message.id, performance.now())
        line.send({ kind: 'deposit', mailbox: mailbox.device, envelope: message })
      }
      while (sent < Math.min(window, each)) send()
      for (let done = 0; done < each;) {
        const frame = await line.next()
        for (const id of answered(frame)) {
          waits.push(performance.now() - (since.get(id) ?? 0))
          since.delete(id)
          done++
          if (sent < each) send()
        }
      }
    }),
  )
  return waits
}

function answered(frame: MailboxFrame | undefined): readonly EnvelopeId[] {
  if (frame?.kind === 'stored') return frame.receipt.taken.map(({ id }) => id)
  if (frame?.kind === 'delivered') return frame.ids
  throw new Error(`a deposit was answered ${frame?.kind ?? 'with nothing'}`)
}

/** Connects, fetches and acknowledges everything; how many there were. */
export async function drain(address: string, { person }: Resident): Promise<number> {
  const node = await createCaller(person.identity.seed)
  const line = await openMailbox(node, address)
  line.send({ kind: 'subscribe', credit: 100 })
  let count = 0
  for (;;) {
    const { envelopes, empty } = await line.expect('page')
    count += envelopes.length
    if (envelopes.length > 0) line.send({ kind: 'ack', ids: envelopes.map(({ id }) => id) })
    if (empty) break
    line.send({ kind: 'more', credit: envelopes.length })
  }
  await node.stop()
  return count
}

/** Somebody who is there: acknowledges what comes, at once. */
export async function listen(address: string, { person }: Resident, received: () => void): Promise<Libp2p> {
  const node = await createCaller(person.identity.seed)
  const line = await openMailbox(node, address)
  line.send({ kind: 'subscribe', credit: 100 })
  await line.expect('page')
  void (async () => {
    for (;;) {
      const frame = await line.next()
      if (frame === undefined) return
      if (frame.kind !== 'page' || frame.envelopes.length === 0) continue
      line.send({ kind: 'ack', ids: frame.envelopes.map(({ id }) => id) })
      line.send({ kind: 'more', credit: frame.envelopes.length })
      for (const _ of frame.envelopes) received()
    }
  })()
  return node
}
