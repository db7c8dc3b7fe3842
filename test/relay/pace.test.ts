/** How fast a relay takes what one stream sends it. */
import type { Stream } from '@libp2p/interface'
import { expect, test } from 'vitest'
import { Frames } from '../../protocol/shell/frames.ts'
import { backlogBounds, Pace } from '../../relay/io/pace.ts'
import { Backlog } from '../../protocol/shell/backlog.ts'
import { LightLine } from '../../bench/relay/light-line.ts'
import { connectLight } from '../../bench/relay/light.ts'
import { mailboxFrame, mailboxProtocol, type MailboxFrame } from '../../protocol/wire/mailbox.ts'
import { openMailbox } from './caller.ts'
import { caller, resident, runningRelay, stockNode } from './network.ts'
import { envelope } from './people.ts'

test('who goes on after being told to slow down is not read, and keeps what it sends', async () => {
  const { address } = await runningRelay({ limits: { deposits: { burst: 5, perSecond: 1 } } })
  const bob = await resident(address)
  const line = await openMailbox(await caller(), address)
  const sent = 4_000
  for (let i = 0; i < sent; i++) {
    line.send({ kind: 'deposit', mailbox: bob.device, envelope: envelope(Date.now()) })
  }
  let refused = 0
  void (async () => {
    for (let frame = await line.next(); frame !== undefined; frame = await line.next()) {
      if (frame.kind === 'refused') refused += 1
    }
  })()
  await expect.poll(() => refused).toBeGreaterThan(0)
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  expect(refused).toBeLessThan(100)
  expect(line.stream.writeBufferLength).toBeGreaterThan((sent / 4) * 100)
})

test('whoever was told to slow down is held once, and of others sixteen frames are taken in a turn', async () => {
  const pace = new Pace(new Backlog(() => 0, backlogBounds))
  const waits = (frames: number): boolean[] => Array.from({ length: frames }, () => pace.taken() !== undefined)
  expect(waits(16).indexOf(true)).toBe(15)
  pace.hold(1)
  expect(waits(10)).toEqual([true, ...Array<boolean>(9).fill(false)])
  pace.hold(0)
  const beganMs = performance.now()
  await pace.taken()
  expect(performance.now() - beganMs).toBeGreaterThan(90) // Not less than a tenth of a second.
})

test('a long row of large frames is taken whole, a few in each turn', async () => {
  const { address } = await runningRelay()
  const bob = await resident(address)
  const line = await openMailbox(await caller(), address)
  const ids = new Set<string>()
  for (let i = 0; i < 100; i++) {
    const message = envelope(Date.now(), { sealed: new Uint8Array(130_000 - i * 1_111) })
    ids.add(message.id)
    line.send({ kind: 'deposit', mailbox: bob.device, envelope: message })
  }
  while (ids.size > 0) {
    for (const { id } of (await line.expect('stored')).receipt.taken) ids.delete(id)
  }
})

test('a stream whose connection ends while it is not read is let go when it is its turn again, and throws nothing', async () => {
  const server = await stockNode(['/ip4/127.0.0.1/tcp/0'])
  const ends: Promise<string>[] = []
  await server.handle(mailboxProtocol, (stream) => {
    const [end, turn] = [Promise.withResolvers<string>(), Promise.withResolvers<void>()]
    ends.push(end.promise)
    const pace = (): Promise<void> => turn.promise
    new Frames(stream, { codec: mailboxFrame, onFrame: () => undefined, pace, onEnd: end.resolve }).trust()
    stream.addEventListener('close', () => turn.resolve()) // A plain end: libp2p lets it be resumed, and then throws.
  })
  const connection = await connectLight({ address: server.getMultiaddrs()[0]?.toString() ?? '' })
  const line = new LightLine<MailboxFrame>(connection, mailboxProtocol, mailboxFrame)
  const streams = (): Stream[] => server.getConnections().flatMap((one) => one.streams)
  line.send({ kind: 'subscribe', credit: 1 })
  await expect.poll(() => streams().some(({ readStatus }) => readStatus === 'paused')).toBe(true)
  line.send({ kind: 'subscribe', credit: 1 })
  await expect.poll(() => streams().some(({ readBufferLength }) => readBufferLength > 0)).toBe(true)
  connection.end()
  // What was thrown there unheard would fail the run; the close itself may be noticed first.
  expect(['StreamStateError', 'closed']).toContain(await ends[0])
})
