/** What is missing in a conversation: waited for, told, and never in the way of what follows. */
import { expect, test } from 'vitest'
import type { Reads } from '../../node/core/reads.ts'
import { heldMax } from '../../protocol/limits.ts'
import { modelSealing } from '../sim/crypto/model-sealing.ts'
import { modelSessions } from '../sim/crypto/model-sessions.ts'
import { overriding } from '../sim/world/overriding.ts'
import { minute, second, Story } from '../sim/world/story.ts'

test('what never comes is waited for a minute, and then told as a gap', () => {
  const story = new Story()
  const relay = story.relay('hub')
  const [alice, bob] = [story.person('alice', [relay]), story.person('bob', [relay])]
  story.pass(5 * second)
  expect(story.meet(alice, bob)).toBe(true)
  story.pass(minute)
  bob.device.kill()
  const ids = ['lost', 'kept', 'lost too', 'kept too'].map((text) => alice.says(bob, text))
  story.pass(10 * second)
  alice.device.kill()
  relay.wipe()
  const lost = [ids[0], ids[2]].flatMap((id) => id ?? [])
  alice.device.rewrite(lost.map((messageId) => ({ kind: 'drop-delivery', messageId, device: bob.device.id })))
  alice.device.start()
  bob.device.start()
  // What a relay signed for is offered again after a quarter of an hour.
  expect(story.world.until(() => bob.device.store.heldDevices().length > 0, 20 * minute)).toBe(true)
  story.pass(50 * second)
  expect(bob.heard(alice)).toEqual([])
  story.pass(2 * minute)
  expect(
    bob.saw.flatMap((event) => (event.type === 'message' ? event.text : event.type === 'gap' ? event.missing : [])),
  ).toEqual([1, 'kept', 1, 'kept too'])
  alice.says(bob, 'after that')
  story.pass(minute)
  expect(bob.heard(alice)).toEqual(['kept', 'kept too', 'after that'])
})

test('more than can be held back is shown in order, and what is missing is told', () => {
  const story = new Story({ sessions: modelSessions(), sealing: modelSealing })
  const [alice, bob] = [
    story.person('alice', [], { openness: 'public' }),
    story.person('bob', [], { openness: 'public' }),
  ]
  story.pass(5 * second)
  expect(story.meet(alice, bob)).toBe(true)
  bob.device.kill()
  const lost = alice.says(bob, 'lost')
  const texts = Array.from({ length: heldMax + 5 }, (_, i) => `${i}`)
  for (const text of texts) alice.says(bob, text)
  alice.device.kill()
  alice.device.rewrite([{ kind: 'drop-delivery', messageId: lost, device: bob.device.id }])
  alice.device.start()
  bob.device.start()
  expect(story.world.until(() => alice.device.store.deliveries().length === 0, 50 * second)).toBe(true)
  story.pass(second)
  for (let i = 0; i < 3; i++) bob.look() // A screen holds no more than so much at a time.
  expect(bob.heard(alice)).toEqual(texts)
  expect(bob.saw.flatMap((event) => (event.type === 'gap' ? event.missing : []))).toEqual([1])
})

test('what is held back is not read again with every message that comes meanwhile', () => {
  const story = new Story({ sessions: modelSessions(), sealing: modelSealing })
  let rows = 0
  const counted = (reads: Reads): Reads =>
    overriding(reads, {
      held: (device) => {
        const held = reads.held(device)
        rows += held.length
        return held
      },
    })
  const [alice, bob] = [
    story.person('alice', [], { openness: 'public' }),
    story.person('bob', [], { openness: 'public', faults: { reads: counted } }),
  ]
  story.pass(5 * second)
  expect(story.meet(alice, bob)).toBe(true)
  bob.device.kill()
  const lost = alice.says(bob, 'lost')
  const texts = Array.from({ length: 200 }, (_, i) => `${i}`)
  for (const text of texts) alice.says(bob, text)
  alice.device.kill()
  alice.device.rewrite([{ kind: 'drop-delivery', messageId: lost, device: bob.device.id }])
  alice.device.start()
  bob.device.start()
  expect(story.world.until(() => alice.device.store.deliveries().length === 0, 50 * second)).toBe(true)
  expect(bob.device.store.held(alice.device.id)).toHaveLength(texts.length)
  story.pass(2 * minute)
  expect(bob.heard(alice)).toEqual(texts)
  expect(rows).toBeLessThanOrEqual(texts.length)
})
