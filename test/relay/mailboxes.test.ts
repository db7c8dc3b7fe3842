/** Store and forward, as stories. */
import { expect, test } from 'vitest'
import { clockSkewMsMax, frameBytesMax, messageLifeMs, sealedBytesMax } from '../../protocol/limits.ts'
import { mailboxFrame, type MailboxFrame } from '../../protocol/wire/mailbox.ts'
import { Scene } from './scene.ts'
import { createPerson } from './people.ts'

function kinds(frames: readonly MailboxFrame[]): string[] {
  return frames.map((frame) => (frame.kind === 'refused' ? frame.reason : frame.kind))
}

test('stored is said only when the store has said it', () => {
  const scene = new Scene()
  const bob = scene.resident()
  scene.storeSleeps = true
  const stream = scene.open()
  expect(scene.deposit(bob.device, scene.envelope(), stream)).toEqual([])
  scene.wake()
  expect(kinds(scene.mailed(stream))).toEqual(['stored'])
})

test('a store that fails is not a promise: the depositor is told to come again', () => {
  const scene = new Scene()
  const bob = scene.resident()
  const stream = scene.open()
  scene.storeSleeps = true
  scene.deposit(bob.device, scene.envelope(), stream)
  scene.wake('failed')
  expect(scene.mailed(stream)).toMatchObject([{ kind: 'refused', reason: 'busy' }])
})

test('the same envelope again is stored already, and the receipt says the same', () => {
  const scene = new Scene()
  const bob = scene.resident()
  const sent = scene.envelope()
  const [first] = scene.deposit(bob.device, sent)
  scene.nowMs += 5_000
  const [second] = scene.deposit(bob.device, sent)
  expect(second).toEqual(first)
  expect(scene.delivered(scene.subscribe(bob.device))).toEqual([sent.id])
})

test('nobody has a mailbox here who has not published here', () => {
  const scene = new Scene()
  const stranger = createPerson()
  expect(kinds(scene.deposit(stranger.device, scene.envelope()))).toEqual(['unknown-mailbox'])
})

test('an expiry that has passed or lies too far ahead is refused', () => {
  const scene = new Scene()
  const bob = scene.resident()
  const { nowMs } = scene
  expect(kinds(scene.deposit(bob.device, scene.envelope({ expiresMs: nowMs })))).toEqual(['expired'])
  const latest = nowMs + messageLifeMs + clockSkewMsMax
  expect(kinds(scene.deposit(bob.device, scene.envelope({ expiresMs: latest })))).toEqual(['stored'])
  expect(kinds(scene.deposit(bob.device, scene.envelope({ expiresMs: latest + 1 })))).toEqual(['far-future'])
})

test('the most urgent come first, then the oldest', () => {
  const scene = new Scene()
  const bob = scene.resident()
  const sent = [3, 5, 0, 3, 0].map((urgency) => scene.envelope({ urgency }))
  for (const one of sent) scene.deposit(bob.device, one)
  const order = [2, 4, 0, 3, 1].map((i) => sent[i]?.id)
  expect(scene.delivered(scene.subscribe(bob.device))).toEqual(order)
})

test('a subscriber is sent what its credit allows, and the rest as it gives more', () => {
  const scene = new Scene()
  const bob = scene.resident()
  const sent = Array.from({ length: 5 }, () => scene.envelope())
  for (const one of sent) scene.deposit(bob.device, one)
  const ids = sent.map(({ id }) => id)
  const stream = scene.subscribe(bob.device, 2)
  expect(scene.mailed(stream)).toMatchObject([{ kind: 'page', envelopes: [sent[0], sent[1]], empty: false }])
  scene.mail(stream, { kind: 'ack', ids: ids.slice(0, 2) })
  expect(scene.delivered(stream)).toEqual([]) // An acknowledgement is not credit.
  scene.mail(stream, { kind: 'more', credit: 1 })
  expect(scene.delivered(stream)).toEqual([ids[2]])
  scene.mail(stream, { kind: 'more', credit: 100 })
  expect(scene.mailed(stream)).toMatchObject([{ kind: 'page', envelopes: [sent[3], sent[4]], empty: true }])
})

test('however much credit is given, what is on its way unacknowledged is bounded', () => {
  const scene = new Scene({ inFlightMessagesMax: 4 })
  const bob = scene.resident()
  const sent = Array.from({ length: 6 }, () => scene.envelope())
  for (const one of sent) scene.deposit(bob.device, one)
  const stream = scene.subscribe(bob.device, 100)
  scene.mail(stream, { kind: 'more', credit: 100 })
  const first = scene.delivered(stream)
  expect(first).toHaveLength(4)
  scene.mail(stream, { kind: 'ack', ids: first })
  expect(scene.delivered(stream)).toHaveLength(2)
})

test('a page fits a frame: large envelopes come in several', () => {
  const scene = new Scene()
  const bob = scene.resident()
  const sizes = [sealedBytesMax, sealedBytesMax, ...Array<number>(10).fill(30_000)]
  for (const size of sizes) scene.deposit(bob.device, scene.envelope({ sealed: new Uint8Array(size) }))
  const stream = scene.subscribe(bob.device)
  const pages = scene.mailed(stream).filter((frame) => frame.kind === 'page')
  for (const page of pages) {
    scene.mail(stream, { kind: 'ack', ids: page.envelopes.map(({ id }) => id) })
    pages.push(...scene.mailed(stream).filter((frame) => frame.kind === 'page'))
  }
  expect(pages.map(({ envelopes }) => envelopes.length)).toEqual([1, 1, 2, 1, 4, 3])
  expect(pages.map(({ empty }) => empty)).toEqual([false, false, false, false, false, true])
  for (const page of pages) expect(mailboxFrame.encode(page).length).toBeLessThanOrEqual(frameBytesMax)
})

test('someone online is handed a new message as soon as it is on disk, without reading it back', () => {
  const scene = new Scene()
  const bob = scene.resident()
  const stream = scene.subscribe(bob.device)
  expect(scene.mailed(stream)).toEqual([{ kind: 'page', envelopes: [], empty: true }])
  scene.storeSleeps = true
  const sent = scene.envelope()
  scene.deposit(bob.device, sent)
  expect(scene.mailed(stream)).toEqual([])
  expect(scene.asked.map(({ call }) => call.op)).toEqual(['enqueue'])
  scene.wake()
  expect(scene.mailed(stream)).toEqual([{ kind: 'page', envelopes: [sent], empty: true }])
})

test('a message stored while a page is being read is not overlooked, whichever answer comes first', () => {
  for (const first of ['page', 'enqueue'] as const) {
    const scene = new Scene()
    const bob = scene.resident()
    const sent = scene.envelope()
    scene.storeIsSlow = true
    const stream = scene.subscribe(bob.device) // The page is read, empty, and on its way.
    scene.deposit(bob.device, sent)
    scene.arrive(first)
    scene.storeIsSlow = false
    scene.arrive()
    expect(scene.delivered(stream)).toEqual([sent.id])
  }
})

test('what another process stored while a page is being read is not overlooked', () => {
  const scene = new Scene()
  const bob = scene.resident()
  const sent = scene.envelope()
  scene.storeIsSlow = true
  const stream = scene.subscribe(bob.device)
  scene.engine.run({ op: 'enqueue', mailbox: bob.device, envelope: sent, nowMs: scene.nowMs })
  scene.tell({ kind: 'mail-arrived', mailboxes: [bob.device] })
  scene.storeIsSlow = false
  scene.arrive()
  expect(scene.delivered(stream)).toEqual([sent.id])
})

test('whoever has not subscribed is sent nothing, whatever they ask for, and may acknowledge what is theirs', () => {
  const scene = new Scene()
  const bob = scene.resident()
  const sent = scene.envelope()
  scene.deposit(bob.device, sent)
  const stream = scene.open(bob.device)
  scene.mail(stream, { kind: 'more', credit: 10 })
  scene.mail(stream, { kind: 'ack', ids: [sent.id] })
  expect(scene.mailed(stream)).toEqual([])
  expect(scene.engine.run({ op: 'census', nowMs: scene.nowMs })).toMatchObject({ answer: { messages: 0 } })
})

test('what is on its way is bounded in bytes as well, and more closely until something is acknowledged', () => {
  const scene = new Scene({ inFlightBytesMax: 130_000 })
  const bob = scene.resident()
  for (let i = 0; i < 6; i++) scene.deposit(bob.device, scene.envelope({ sealed: new Uint8Array(60_000) }))
  const stream = scene.subscribe(bob.device)
  const first = scene.delivered(stream)
  expect(first).toHaveLength(2) // Two pages: the first leaves a little room, the second none.
  scene.mail(stream, { kind: 'ack', ids: first })
  const second = scene.delivered(stream)
  expect(second).toHaveLength(3)
  scene.mail(stream, { kind: 'ack', ids: second })
  expect(scene.delivered(stream)).toHaveLength(1)
})

test('what was not acknowledged is sent again on the next subscription, not on this one', () => {
  const scene = new Scene()
  const bob = scene.resident()
  const sent = scene.envelope()
  scene.deposit(bob.device, sent)
  const first = scene.subscribe(bob.device)
  expect(scene.delivered(first)).toEqual([sent.id])
  scene.mail(first, { kind: 'more', credit: 50 })
  scene.deposit(bob.device, scene.envelope())
  expect(scene.delivered(first)).not.toContain(sent.id)
  const second = scene.subscribe(bob.device)
  expect(scene.closed.get(first)).toBe('subscribed anew')
  expect(scene.delivered(second)).toContain(sent.id)
})

test('a subscription serves the mailbox of whoever the link proved, and an acknowledgement reaches no other', () => {
  const scene = new Scene()
  const [bob, eve] = [scene.resident(), scene.resident()]
  const sent = scene.envelope()
  scene.deposit(bob.device, sent)
  const eves = scene.subscribe(eve.device)
  expect(scene.delivered(eves)).toEqual([])
  scene.mail(eves, { kind: 'ack', ids: [sent.id] })
  expect(scene.delivered(scene.subscribe(bob.device))).toEqual([sent.id])
  const anonymous = scene.open()
  scene.mail(anonymous, { kind: 'subscribe', credit: 10 })
  expect(scene.mailed(anonymous)).toEqual([])
  expect(scene.closed.has(anonymous)).toBe(true)
})

test('a depositor in a hurry is slowed down, and its connection cannot be dodged with another stream', () => {
  const scene = new Scene({ deposits: { burst: 2, perSecond: 1 } })
  const bob = scene.resident()
  const [first, second] = [scene.open(undefined, 7_000), scene.open(undefined, 7_000)]
  scene.deposit(bob.device, scene.envelope(), first)
  scene.deposit(bob.device, scene.envelope(), second)
  const [answer] = scene.deposit(bob.device, scene.envelope(), first)
  expect(answer).toMatchObject({ kind: 'refused', reason: 'rate-limited', retryMs: 1_000 })
  expect(kinds(scene.deposit(bob.device, scene.envelope()))).toEqual(['stored']) // Somebody else is not concerned.
  scene.nowMs += 1_000
  expect(kinds(scene.deposit(bob.device, scene.envelope(), first))).toEqual(['stored'])
})

test('a slow disk becomes busy at the door, in number and in bytes', () => {
  const scene = new Scene({ pendingPerStreamMax: 2, pendingBytesMax: 1_000 })
  const bob = scene.resident()
  scene.storeSleeps = true
  const stream = scene.open()
  scene.deposit(bob.device, scene.envelope(), stream)
  scene.deposit(bob.device, scene.envelope(), stream)
  expect(kinds(scene.deposit(bob.device, scene.envelope(), stream))).toEqual(['busy'])
  const big = scene.envelope({ sealed: new Uint8Array(900) })
  expect(kinds(scene.deposit(bob.device, big))).toEqual(['busy'])
  scene.wake()
  expect(kinds(scene.deposit(bob.device, big, stream))).toContain('stored')
  const another = scene.envelope({ sealed: new Uint8Array(900) })
  expect(kinds(scene.deposit(bob.device, another, stream))).toEqual(['stored']) // The first counts no more.
})

test('a subscriber whom a busy store turned away is served later, by itself', () => {
  const scene = new Scene({ busyRetryMs: 1_000 })
  const bob = scene.resident()
  const sent = scene.envelope()
  scene.deposit(bob.device, sent)
  scene.storeSleeps = true
  const stream = scene.subscribe(bob.device)
  scene.wake('busy')
  scene.tick(999)
  expect(scene.delivered(stream)).toEqual([])
  scene.tick(1)
  expect(scene.delivered(stream)).toEqual([sent.id])
})

test('only a stream about a mailbox that exists may stay silent', () => {
  const scene = new Scene()
  const bob = scene.resident()
  const [depositor, stranger] = [scene.open(), scene.open()]
  scene.deposit(bob.device, scene.envelope(), depositor)
  scene.deposit(createPerson().device, scene.envelope(), stranger)
  const owner = scene.subscribe(bob.device)
  const nobody = scene.subscribe(createPerson().device)
  expect([depositor, stranger, owner, nobody].map((stream) => scene.trusted.has(stream))).toEqual([
    true,
    false,
    true,
    false,
  ])
})

test('frames that only a relay sends end the stream', () => {
  const scene = new Scene()
  const stream = scene.open()
  scene.mail(stream, { kind: 'prekeys-left', left: 3 })
  expect(scene.closed.has(stream)).toBe(true)
})

test('acknowledgements one by one, faster than the disk, are all carried out, in few requests', () => {
  const scene = new Scene()
  const bob = scene.resident()
  const sent = Array.from({ length: 50 }, () => scene.envelope())
  for (const one of sent) scene.deposit(bob.device, one)
  const stream = scene.subscribe(bob.device)
  scene.storeSleeps = true
  for (const { id } of sent) scene.mail(stream, { kind: 'ack', ids: [id] })
  expect(scene.asked).toHaveLength(1)
  scene.wake()
  expect(scene.delivered(scene.subscribe(bob.device))).toEqual([])
})

test('whoever subscribes over and over is cut off', () => {
  const scene = new Scene({ subscriptions: { burst: 2, perSecond: 1 } })
  const stream = scene.open(scene.resident().device)
  for (let i = 0; i < 3; i++) scene.mail(stream, { kind: 'subscribe', credit: 1 })
  expect(scene.closed.get(stream)).toBe('subscribed too often')
})

test('an envelope larger than this relay takes is refused, and costs no disk', () => {
  const scene = new Scene({ sealedBytesMax: 200 })
  const bob = scene.resident()
  scene.storeSleeps = true
  const stream = scene.open()
  expect(kinds(scene.deposit(bob.device, scene.envelope({ sealed: new Uint8Array(201) }), stream))).toEqual([
    'too-large',
  ])
  expect(scene.asked).toEqual([])
})
