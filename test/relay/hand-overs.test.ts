/** Deposits for somebody who is there: handed over before anything is written, and written when no answer comes. */
import { expect, test } from 'vitest'
import type { EnvelopeId } from '../../protocol/ids.ts'
import type { MailboxFrame } from '../../protocol/wire/mailbox.ts'
import { createPerson, type Person } from './people.ts'
import { Scene } from './scene.ts'

const handOverMsMax = 30

interface Story {
  readonly scene: Scene
  readonly bob: Person
  readonly mailbox: number
}

function listening(): Story {
  const scene = new Scene({ handOverMsMax })
  scene.tick(0)
  const bob = scene.resident()
  const mailbox = scene.subscribe(bob.device)
  scene.mailed(mailbox)
  return { scene, bob, mailbox }
}

function stored(frames: readonly MailboxFrame[]): EnvelopeId[] {
  return frames.flatMap((frame) => (frame.kind === 'stored' ? frame.receipt.taken.map(({ id }) => id) : []))
}

function waiting({ scene, bob }: Story): number {
  const outcome = scene.engine.run({
    op: 'page',
    mailbox: bob.device,
    except: [],
    countMax: 100,
    bytesMax: 1e6,
    overheadBytes: 0,
    nowMs: scene.nowMs,
  })
  return outcome.ok && outcome.op === 'page' ? outcome.answer.envelopes.length : -1
}

test('a recipient who answers at once has it, the depositor is told, and nothing was written', () => {
  const story = listening()
  const { scene, bob, mailbox } = story
  const sent = scene.envelope()
  const alice = scene.open()
  expect(scene.deposit(bob.device, sent, alice)).toEqual([])
  expect(scene.delivered(mailbox)).toEqual([sent.id])
  scene.mail(mailbox, { kind: 'ack', ids: [sent.id] })
  expect(scene.mailed(alice)).toEqual([{ kind: 'delivered', ids: [sent.id] }])
  expect(scene.trusted.has(alice)).toBe(true)
  scene.tick(10 * handOverMsMax)
  expect(scene.mailed(alice)).toEqual([])
  expect(waiting(story)).toBe(0)
})

test('answers that come together are told together', () => {
  const { scene, bob, mailbox } = listening()
  const [alice, carol] = [scene.open(), scene.open()]
  const sent = [scene.envelope(), scene.envelope(), scene.envelope()]
  const ids = sent.map(({ id }) => id)
  for (const [i, one] of sent.entries()) scene.deposit(bob.device, one, i === 1 ? carol : alice)
  scene.mail(mailbox, { kind: 'ack', ids })
  expect(scene.mailed(alice)).toEqual([{ kind: 'delivered', ids: [ids[0], ids[2]] }])
  expect(scene.mailed(carol)).toEqual([{ kind: 'delivered', ids: [ids[1]] }])
})

test('a recipient who does not answer in time finds it once, and it is stored until they do', () => {
  const story = listening()
  const { scene, bob, mailbox } = story
  const sent = scene.envelope()
  const alice = scene.open()
  scene.deposit(bob.device, sent, alice)
  expect(scene.core.nextDeadline()).toBe(scene.nowMs + handOverMsMax)
  scene.tick(handOverMsMax - 1)
  expect(scene.mailed(alice)).toEqual([])
  scene.tick(1)
  expect(stored(scene.mailed(alice))).toEqual([sent.id])
  expect(scene.delivered(mailbox)).toEqual([sent.id])
  expect(waiting(story)).toBe(1)
  scene.mail(mailbox, { kind: 'ack', ids: [sent.id] })
  expect(waiting(story)).toBe(0)
  expect(scene.mailed(alice)).toEqual([])
})

test('an answer that meets the envelope on its way to the disk takes it off again', () => {
  const story = listening()
  const { scene, bob, mailbox } = story
  const sent = scene.envelope()
  const alice = scene.open()
  scene.deposit(bob.device, sent, alice)
  scene.storeSleeps = true
  scene.tick(handOverMsMax)
  scene.mail(mailbox, { kind: 'ack', ids: [sent.id] })
  scene.wake()
  expect(stored(scene.mailed(alice))).toEqual([sent.id])
  expect(scene.delivered(mailbox)).toEqual([sent.id])
  expect(waiting(story)).toBe(0)
})

test('a recipient who hangs up or subscribes anew is sent it from the disk', () => {
  for (const leave of ['close', 'subscribe'] as const) {
    const story = listening()
    const { scene, bob, mailbox } = story
    const sent = scene.envelope()
    const alice = scene.open()
    scene.deposit(bob.device, sent, alice)
    if (leave === 'close') {
      scene.close(mailbox)
      expect(stored(scene.mailed(alice))).toEqual([sent.id])
    }
    expect(scene.delivered(scene.subscribe(bob.device))).toEqual([sent.id])
    if (leave === 'subscribe') expect(stored(scene.mailed(alice))).toEqual([sent.id])
    expect(waiting(story)).toBe(1)
  }
})

test('after one that had to wait the next is stored first, until the recipient is quick again', () => {
  const { scene, bob, mailbox } = listening()
  const alice = scene.open()
  const slow = scene.envelope()
  scene.deposit(bob.device, slow, alice)
  scene.tick(handOverMsMax)
  scene.mail(mailbox, { kind: 'ack', ids: [slow.id] })
  scene.mailed(alice)
  const next = scene.envelope()
  expect(stored(scene.deposit(bob.device, next, alice))).toEqual([next.id])
  scene.mail(mailbox, { kind: 'ack', ids: [next.id] })
  const third = scene.envelope()
  expect(scene.deposit(bob.device, third, alice)).toEqual([])
  scene.mail(mailbox, { kind: 'ack', ids: [third.id] })
  expect(scene.mailed(alice)).toEqual([{ kind: 'delivered', ids: [third.id] }])
})

test('nothing overtakes what waits: without credit, or with more in the mailbox, it is stored', () => {
  const scene = new Scene({ handOverMsMax })
  const bob = scene.resident()
  const mailbox = scene.subscribe(bob.device, 1)
  scene.mailed(mailbox)
  const alice = scene.open()
  const [first, second] = [scene.envelope(), scene.envelope()]
  expect(scene.deposit(bob.device, first, alice)).toEqual([])
  expect(stored(scene.deposit(bob.device, second, alice))).toEqual([second.id])
  scene.mail(mailbox, { kind: 'ack', ids: [first.id] })
  scene.mail(mailbox, { kind: 'more', credit: 1 })
  expect(scene.delivered(mailbox)).toEqual([first.id, second.id])
})

test('nothing is handed over while the recipient has not confirmed what was lost, which may be that very envelope', () => {
  const { scene, bob, mailbox } = listening()
  scene.close(mailbox)
  scene.deposit(bob.device, scene.envelope({ expiresMs: scene.nowMs + 10 }))
  scene.tick(60_000)
  const again = scene.subscribe(bob.device)
  const [told] = scene.mailed(again).flatMap((frame) => (frame.kind === 'tombstones' ? frame.lost : []))
  const first = scene.envelope()
  expect(stored(scene.deposit(bob.device, first))).toEqual([first.id])
  scene.mail(again, { kind: 'ack', ids: told === undefined ? [] : [told.id, first.id] })
  expect(scene.deposit(bob.device, scene.envelope())).toEqual([]) // Handed over.
})

test('the same envelope twice is answered twice, and delivered once', () => {
  const story = listening()
  const { scene, bob, mailbox } = story
  const sent = scene.envelope()
  const [alice, again] = [scene.open(), scene.open()]
  scene.deposit(bob.device, sent, alice)
  expect(stored(scene.deposit(bob.device, sent, again))).toEqual([sent.id])
  expect(stored(scene.mailed(alice))).toEqual([sent.id])
  expect(scene.delivered(mailbox)).toEqual([sent.id])
  scene.mail(mailbox, { kind: 'ack', ids: [sent.id] })
  expect(waiting(story)).toBe(0)
})

test('somebody who listens and has no mailbox here is handed nothing', () => {
  const scene = new Scene({ handOverMsMax })
  const stranger = createPerson()
  const mailbox = scene.subscribe(stranger.device)
  scene.mailed(mailbox)
  expect(scene.deposit(stranger.device, scene.envelope())).toMatchObject([{ reason: 'unknown-mailbox' }])
  expect(scene.delivered(mailbox)).toEqual([])
})

test('what is held counts against what one stream, and all together, may have under way', () => {
  const scene = new Scene({ handOverMsMax, pendingPerStreamMax: 2, pendingMax: 3 })
  const bob = scene.resident()
  scene.subscribe(bob.device)
  const [alice, carol] = [scene.open(), scene.open()]
  expect(scene.deposit(bob.device, scene.envelope(), alice)).toEqual([])
  expect(scene.deposit(bob.device, scene.envelope(), alice)).toEqual([])
  expect(scene.deposit(bob.device, scene.envelope(), alice)).toMatchObject([{ reason: 'busy' }])
  expect(scene.deposit(bob.device, scene.envelope(), carol)).toEqual([])
  expect(scene.deposit(bob.device, scene.envelope(), carol)).toMatchObject([{ reason: 'busy' }])
  scene.tick(handOverMsMax)
  expect(scene.core.live.pending).toBe(0)
  expect(stored(scene.mailed(alice))).toHaveLength(2)
})

test('what is held counts in bytes, and makes room as it is confirmed', () => {
  const scene = new Scene({ handOverMsMax, pendingPerStreamMax: 1, pendingBytesMax: 150 })
  const bob = scene.resident()
  const mailbox = scene.subscribe(bob.device)
  const [alice, carol] = [scene.open(), scene.open()]
  for (let i = 0; i < 3; i++) {
    const sent = scene.envelope({ sealed: new Uint8Array(100) })
    expect(scene.deposit(bob.device, sent, alice)).toEqual([])
    const tooMuch = scene.envelope({ sealed: new Uint8Array(100) })
    expect(scene.deposit(bob.device, tooMuch, carol)).toMatchObject([{ reason: 'busy' }])
    scene.mail(mailbox, { kind: 'ack', ids: [sent.id] })
    expect(scene.mailed(alice)).toEqual([{ kind: 'delivered', ids: [sent.id] }])
  }
})

test('another stream of the recipient that closes leaves what is held where it is', () => {
  const { scene, bob, mailbox } = listening()
  const [other, alice] = [scene.open(bob.device), scene.open()]
  const sent = scene.envelope()
  scene.deposit(bob.device, sent, alice)
  scene.close(other)
  expect(scene.mailed(alice)).toEqual([])
  scene.mail(mailbox, { kind: 'ack', ids: [sent.id] })
  expect(scene.mailed(alice)).toEqual([{ kind: 'delivered', ids: [sent.id] }])
})
