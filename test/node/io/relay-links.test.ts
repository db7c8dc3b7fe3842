import { expect, test } from 'vitest'
import { peerIdOf } from '../../../protocol/ids.ts'
import { pageMessagesMax } from '../../../protocol/limits.ts'
import type { Envelope, MailboxFrame } from '../../../protocol/wire/mailbox.ts'
import { cableTo, deadPort, envelope, someDevice, startDevice, startRelay } from './support.ts'

const serving =
  (pages: readonly (readonly Envelope[])[]) =>
  (frame: MailboxFrame, send: (answer: MailboxFrame) => void): void => {
    if (frame.kind !== 'subscribe') return
    for (const envelopes of pages) send({ kind: 'page', envelopes, empty: true })
  }

test('our relay knows us by our key, and hands over what waits as far as credit goes', async () => {
  const envelopes = Array.from({ length: 5 }, () => envelope())
  const { relay, visitors, frames } = await startRelay(serving([envelopes.slice(0, 3), envelopes.slice(3)]))
  const { network, heard, id } = await startDevice()
  network.perform({ kind: 'connect-relay', relay })
  network.perform({ kind: 'connect-relay', relay })
  expect(await heard.next('relay-risen')).toEqual({ kind: 'relay-risen', relay })
  const collected = await heard.count('envelope-collected', 5)
  expect(collected.map((input) => input.envelope.id)).toEqual(envelopes.map((one) => one.id))
  expect(visitors).toEqual([peerIdOf(id)])
  expect(frames).toEqual([{ kind: 'subscribe', credit: pageMessagesMax }])
})

test('what was acknowledged in one batch goes in one frame, and gives back its credit', async () => {
  const envelopes = Array.from({ length: 5 }, () => envelope())
  const lost = { id: envelope().id, reason: 'pruned' as const, atMs: 1 }
  let acknowledged: (frames: readonly MailboxFrame[]) => void
  const told = new Promise<readonly MailboxFrame[]>((resolve) => (acknowledged = resolve))
  const relay = await startRelay((frame, send) => {
    serving([envelopes])(frame, send)
    if (frame.kind === 'subscribe') send({ kind: 'tombstones', lost: [lost] })
    if (frame.kind === 'subscribe') send({ kind: 'prekeys-left', left: 7 })
    if (frame.kind === 'more') acknowledged(relay.frames)
  })
  const { network, heard } = await startDevice()
  network.perform({ kind: 'connect-relay', relay: relay.relay })
  await heard.count('envelope-collected', 5)
  expect(await heard.count('tombstones-collected', 1)).toMatchObject([{ lost: [lost] }])
  expect(await heard.count('prekeys-counted', 1)).toMatchObject([{ left: 7 }])
  const ids = [...envelopes.map((one) => one.id), lost.id]
  for (const id of ids) network.perform({ kind: 'ack-mailbox', relay: relay.relay, ids: [id] })
  expect((await told).slice(1)).toEqual([
    { kind: 'ack', ids },
    { kind: 'more', credit: 5 },
  ])
})

test('a relay that sends more than it was given credit for is left', async () => {
  const page = Array.from({ length: 60 }, () => envelope())
  const { relay } = await startRelay(serving([page, page.map(() => envelope())]))
  const { network, heard } = await startDevice()
  network.perform({ kind: 'connect-relay', relay })
  expect(await heard.next('relay-lost')).toMatchObject({ relay })
  expect(heard.of('envelope-collected').length).toBe(60)
})

test('a relay that is not there, ends, or falls silent is lost, once each and for a reason', async () => {
  const pulse = { intervalMs: 50, answerMsMax: 100 }
  const { network, heard } = await startDevice({ pulse })
  const dead = `${await deadPort()}/p2p/${peerIdOf(someDevice())}`
  network.perform({ kind: 'connect-relay', relay: dead })
  expect(await heard.next('relay-lost')).toEqual({ kind: 'relay-lost', relay: dead, reason: 'connection refused' })

  const first = await startRelay(() => undefined)
  network.perform({ kind: 'connect-relay', relay: first.relay })
  await heard.next('relay-risen')
  await first.stop()
  expect(await heard.next('relay-lost')).toMatchObject({ relay: first.relay })

  const second = await startRelay(() => undefined)
  const [address = '', peer = ''] = second.relay.split('/p2p/')
  const cable = await cableTo(address)
  const relay = `${cable.address}/p2p/${peer}`
  network.perform({ kind: 'connect-relay', relay })
  await heard.next('relay-risen')
  cable.cut()
  expect(await heard.next('relay-lost')).toMatchObject({ relay })
  expect(heard.of('relay-lost').length).toBe(3)
})

test('a relay that answers under another key is not ours', async () => {
  const { relay } = await startRelay(() => undefined)
  const other = `${relay.split('/p2p/')[0]}/p2p/${peerIdOf(someDevice())}`
  const { network, heard } = await startDevice()
  network.perform({ kind: 'connect-relay', relay: other })
  expect(await heard.next('relay-lost')).toMatchObject({ relay: other, reason: 'someone else answered' })
})

test('a relay we leave is not lost, and may be joined again', async () => {
  const { relay, visitors } = await startRelay(() => undefined)
  const { network, heard } = await startDevice()
  network.perform({ kind: 'connect-relay', relay })
  await heard.next('relay-risen')
  network.perform({ kind: 'leave-relay', relay })
  network.perform({ kind: 'connect-relay', relay })
  await heard.next('relay-risen')
  expect([heard.of('relay-lost').length, visitors.length]).toEqual([0, 2])
})

test('a relay that is about to end is heard out, and what nobody could dial is left out of what it names', async () => {
  const other = await startRelay(() => undefined)
  const late = envelope()
  const { relay } = await startRelay((frame, send) => {
    if (frame.kind !== 'subscribe') return
    send({ kind: 'closing', elsewhere: [other.relay, 'call me', '/ip4/192.0.2.1/tcp/1'] })
    send({ kind: 'page', envelopes: [late], empty: true })
  })
  const logged: unknown[] = []
  const { network, heard } = await startDevice({
    log: (level, message, fields) => logged.push({ level, message, ...fields }),
  })
  network.perform({ kind: 'connect-relay', relay })
  expect(await heard.next('relay-closing')).toEqual({ kind: 'relay-closing', relay, elsewhere: [other.relay] })
  expect((await heard.next('envelope-collected')).envelope).toEqual(late)
  expect(heard.of('relay-lost')).toEqual([])
  expect(other.visitors).toEqual([])
  expect(logged).toContainEqual({ level: 'warn', message: 'a relay is shutting down', relay, elsewhere: [other.relay] })
})

test('while the core is behind, our relay is not listened to: not all that it says takes credit of ours', async () => {
  let backlog = 0
  const many = 5_000
  const { relay } = await startRelay((frame, send) => {
    if (frame.kind !== 'subscribe') return
    for (let left = 1; left <= many; left++) send({ kind: 'prekeys-left', left })
  })
  const { network, heard } = await startDevice({ backlog: () => backlog })
  backlog = 1_000
  network.perform({ kind: 'connect-relay', relay })
  await heard.next('prekeys-counted')
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
  expect(heard.of('prekeys-counted').length).toBeLessThan(200)
  backlog = 0
  const counted = await heard.count('prekeys-counted', many)
  expect(counted.map(({ left }) => left)).toEqual(Array.from({ length: many }, (_, i) => i + 1))
})
