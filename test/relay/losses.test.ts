/** What a relay drops, and whom it tells: pruning, full mailboxes, expiry; as stories. */
import { expect, test } from 'vitest'
import type { EnvelopeId } from '../../protocol/ids.ts'
import type { MailboxFrame } from '../../protocol/wire/mailbox.ts'
import { Scene } from './scene.ts'

function kinds(frames: readonly MailboxFrame[]): string[] {
  return frames.map((frame) => (frame.kind === 'refused' ? frame.reason : frame.kind))
}

test('a full mailbox gives way to the more urgent, and says so on both sides', () => {
  const scene = new Scene({ mailboxMessagesMax: 2 })
  const bob = scene.resident()
  const [status, text, call] = [5, 3, 0].map((urgency) => scene.envelope({ urgency }))
  if (status === undefined || text === undefined || call === undefined) throw new Error('unreachable')
  const depositor = scene.open()
  scene.deposit(bob.device, status, depositor)
  scene.deposit(bob.device, text, depositor)
  expect(kinds(scene.deposit(bob.device, call))).toEqual(['stored'])
  expect(scene.mailed(depositor)).toEqual([{ kind: 'lost', id: status.id, reason: 'pruned' }])

  const stream = scene.subscribe(bob.device)
  const lost = { id: status.id, reason: 'pruned', atMs: scene.nowMs }
  expect(scene.mailed(stream)).toContainEqual({ kind: 'tombstones', lost: [lost] })
  const again = scene.subscribe(bob.device)
  expect(scene.mailed(again)).toContainEqual({ kind: 'tombstones', lost: [lost] }) // Until it is acknowledged.
  scene.mail(again, { kind: 'ack', ids: [status.id, text.id, call.id] })
  expect(kinds(scene.mailed(scene.subscribe(bob.device)))).toEqual(['page'])
})

test('of many deposits the depositors of the last are told of a loss, and those of the first are forgotten', () => {
  const scene = new Scene({ depositorsMax: 10 })
  const bob = scene.resident()
  const depositor = scene.open()
  const envelopes = Array.from({ length: 15 }, (_, i) =>
    scene.envelope({ urgency: 3, expiresMs: scene.nowMs + 60_000 + i }),
  )
  for (const envelope of envelopes) scene.deposit(bob.device, envelope, depositor)
  scene.tick(120_000)
  const told = scene.mailed(depositor).flatMap((frame) => (frame.kind === 'lost' ? [frame.id] : []))
  const last = envelopes.map(({ id }) => id).slice(-5)
  expect(told).toEqual(expect.arrayContaining(last))
  expect(told.length).toBeLessThanOrEqual(10)
})

test('an owner who is online learns of a loss at once', () => {
  const scene = new Scene({ mailboxMessagesMax: 1 })
  const bob = scene.resident()
  const stream = scene.subscribe(bob.device, 0)
  const pruned = scene.envelope({ urgency: 5 })
  scene.deposit(bob.device, pruned)
  scene.mailed(stream)
  scene.deposit(bob.device, scene.envelope({ urgency: 1 }))
  expect(scene.mailed(stream)).toMatchObject([{ kind: 'tombstones', lost: [{ id: pruned.id }] }])
})

test('a newcomer no more urgent than the rest is refused as full, and its sender is told when there is room', () => {
  const scene = new Scene({ mailboxMessagesMax: 1 })
  const bob = scene.resident()
  const kept = scene.envelope()
  scene.deposit(bob.device, kept)
  const refused = scene.open()
  const late = scene.envelope()
  expect(kinds(scene.deposit(bob.device, late, refused))).toEqual(['full'])
  expect(scene.trusted.has(refused)).toBe(true)
  const stream = scene.subscribe(bob.device)
  scene.mail(stream, { kind: 'ack', ids: [scene.envelope().id] })
  expect(scene.mailed(refused)).toEqual([]) // Nothing left by that.
  scene.mail(stream, { kind: 'ack', ids: [kept.id] })
  expect(scene.mailed(refused)).toEqual([{ kind: 'room', mailbox: bob.device }])
  expect(kinds(scene.deposit(bob.device, late, refused))).toEqual(['stored'])
})

test('a pruned envelope that is offered again is a new deposit, and no longer lost once it is in', () => {
  const scene = new Scene({ mailboxMessagesMax: 1 })
  const bob = scene.resident()
  const [text, call] = [scene.envelope({ urgency: 3 }), scene.envelope({ urgency: 0 })]
  scene.deposit(bob.device, text)
  scene.deposit(bob.device, call)
  expect(kinds(scene.deposit(bob.device, text))).toEqual(['full'])
  const stream = scene.subscribe(bob.device)
  scene.mail(stream, { kind: 'ack', ids: [call.id] })
  expect(kinds(scene.deposit(bob.device, text))).toEqual(['stored'])
  const again = scene.mailed(scene.subscribe(bob.device))
  expect(again.filter(({ kind }) => kind === 'tombstones')).toEqual([])
})

test('bytes count as well as messages', () => {
  const scene = new Scene({ mailboxBytesMax: 1_000 })
  const bob = scene.resident()
  const big = scene.envelope({ urgency: 5, sealed: new Uint8Array(900) })
  expect(kinds(scene.deposit(bob.device, big))).toEqual(['stored'])
  expect(kinds(scene.deposit(bob.device, scene.envelope({ urgency: 5, sealed: new Uint8Array(200) })))).toEqual([
    'full',
  ])
  expect(kinds(scene.deposit(bob.device, scene.envelope({ urgency: 0, sealed: new Uint8Array(200) })))).toEqual([
    'stored',
  ])
})

test('what expires is never delivered, and its loss is told to both sides', () => {
  const scene = new Scene()
  const bob = scene.resident()
  scene.tick(0)
  const depositor = scene.open()
  const call = scene.envelope({ urgency: 0, expiresMs: scene.nowMs + 5_000 })
  scene.deposit(bob.device, call, depositor)
  scene.nowMs += 5_000
  const stream = scene.subscribe(bob.device)
  expect(scene.delivered(stream)).toEqual([])
  expect(scene.core.nextDeadline()).toBeDefined()
  scene.tick(60_000)
  expect(scene.mailed(depositor)).toEqual([{ kind: 'lost', id: call.id, reason: 'expired' }])
  expect(scene.mailed(stream)).toMatchObject([{ kind: 'tombstones', lost: [{ id: call.id, reason: 'expired' }] }])
})

test('all who were refused by a full mailbox are told of room, and those who have left take nobody’s place', () => {
  const scene = new Scene({ mailboxMessagesMax: 1, waitersPerMailboxMax: 2 })
  const bob = scene.resident()
  const kept = scene.envelope()
  scene.deposit(bob.device, kept)
  const waiting = [1, 2, 3].map(() => scene.open())
  const [gone = 0, ...staying] = waiting
  scene.deposit(bob.device, scene.envelope(), gone)
  scene.close(gone)
  for (const stream of staying) scene.deposit(bob.device, scene.envelope(), stream)
  for (const stream of staying) scene.mailed(stream)
  scene.mail(scene.subscribe(bob.device), { kind: 'ack', ids: [kept.id] })
  expect(staying.map((stream) => scene.mailed(stream))).toEqual([
    [{ kind: 'room', mailbox: bob.device }],
    [{ kind: 'room', mailbox: bob.device }],
  ])
  expect(scene.core.reached.has('waitersPerMailboxMax')).toBe(false)
})

test('whoever was refused by a full mailbox is told of the room that expiry makes', () => {
  const scene = new Scene({ mailboxMessagesMax: 1 })
  const bob = scene.resident()
  scene.deposit(bob.device, scene.envelope({ expiresMs: scene.nowMs + 10 }))
  const refused = scene.open()
  expect(kinds(scene.deposit(bob.device, scene.envelope(), refused))).toEqual(['full'])
  scene.tick(10)
  expect(scene.mailed(refused)).toEqual([{ kind: 'room', mailbox: bob.device }])
})

test('a disk that is slow to sweep is not asked to sweep again meanwhile', () => {
  const scene = new Scene()
  scene.storeSleeps = true
  for (let i = 0; i < 3; i++) scene.tick(60_000)
  expect(scene.asked.map(({ call }) => call.op)).toEqual(['sweep'])
  scene.wake()
  expect(scene.core.nextDeadline()).toBe(scene.nowMs + 60_000)
})

test('a loss that happens while earlier ones are being read is told too', () => {
  const scene = new Scene({ mailboxMessagesMax: 1 })
  const bob = scene.resident()
  const stream = scene.subscribe(bob.device, 0)
  const [status, text, call] = [5, 3, 0].map((urgency) => scene.envelope({ urgency }))
  if (status === undefined || text === undefined || call === undefined) throw new Error('unreachable')
  scene.deposit(bob.device, status)
  scene.mailed(stream)
  scene.storeIsSlow = true
  scene.deposit(bob.device, text)
  scene.arrive('enqueue') // Tombstones are read: one.
  scene.deposit(bob.device, call)
  scene.arrive('enqueue')
  scene.storeIsSlow = false
  scene.arrive()
  const told = scene.mailed(stream).flatMap((frame) => (frame.kind === 'tombstones' ? frame.lost : []))
  expect(told.map(({ id }) => id)).toEqual([status.id, text.id])
})

test('more losses than fit a frame are told as the earlier are acknowledged', () => {
  const scene = new Scene()
  const bob = scene.resident()
  for (let i = 0; i < 300; i++) scene.deposit(bob.device, scene.envelope({ expiresMs: scene.nowMs + 10 }))
  scene.tick(10)
  const stream = scene.subscribe(bob.device)
  const toldNow = (): EnvelopeId[] =>
    scene.mailed(stream).flatMap((frame) => (frame.kind === 'tombstones' ? frame.lost.map(({ id }) => id) : []))
  const first = toldNow()
  expect(first).toHaveLength(256)
  scene.mail(stream, { kind: 'ack', ids: first })
  const second = toldNow()
  expect(new Set([...first, ...second]).size).toBe(300)
})
