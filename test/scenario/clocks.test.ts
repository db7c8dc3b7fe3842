/** Clocks that are wrong, and are put right. */
import { expect, test } from 'vitest'
import { envelopeIdOf } from '../../protocol/ids.ts'
import { messageLifeMs } from '../../protocol/limits.ts'
import { body } from '../../protocol/wire/content.ts'
import { Clock } from '../sim/world/clock.ts'
import { day, hour, minute, second, Story } from '../sim/world/story.ts'

const hidden = { openness: 'hidden' } as const

test('what a clock that was days ahead had put off goes as soon as it is put right', () => {
  const story = new Story()
  const relay = story.relay('hub')
  const clock = new Clock(story.world)
  const [alice, bob] = [story.person('alice', [relay], { ...hidden, clock }), story.person('bob', [relay], hidden)]
  story.pass(5 * second)
  expect(story.meet(alice, bob)).toBe(true)
  story.pass(minute)

  alice.device.setClock((its) => its.step(5 * day))
  story.pass(minute)
  const id = alice.says(bob, 'what day is it?')
  story.pass(hour)
  expect(alice.fateOf(bob, id)).toBe('queued') // The relay holds its expiry for too far away.
  alice.device.setClock((its) => its.correct())
  story.pass(minute)
  expect(bob.heard(alice)).toEqual(['what day is it?'])
  expect(alice.fateOf(bob, id)).toBe('read')
})

test('a receipt does not wait for the hour at which a wrong clock would have sent it', () => {
  const story = new Story()
  const relay = story.relay('hub')
  const clock = new Clock(story.world, 6 * hour)
  const [alice, bob] = [story.person('alice', [relay], hidden), story.person('bob', [relay], { ...hidden, clock })]
  story.pass(5 * second)
  expect(story.meet(alice, bob)).toBe(true)
  story.pass(minute)
  bob.glanceMs = hour
  const id = alice.says(bob, 'are you there?')
  expect(story.world.until(() => bob.device.store.owed().length > 0, minute)).toBe(true)
  bob.device.setClock((its) => its.correct()) // In the tenth of a second for which receipts are gathered.
  story.pass(minute)
  expect(alice.fateOf(bob, id)).toBe('delivered')
})

test('whoever was asked to repeat something while a clock was ahead is asked again when it is right', () => {
  const story = new Story()
  const relay = story.relay('hub')
  const clock = new Clock(story.world)
  const [alice, bob] = [story.person('alice', [relay], hidden), story.person('bob', [relay], { ...hidden, clock })]
  story.pass(5 * second)
  expect(story.meet(alice, bob)).toBe(true)
  story.pass(minute)
  let asked = 0
  story.watches.add({
    committed: (device, changes) => {
      for (const change of changes) {
        if (device !== bob.device || change.kind !== 'put-delivery' || change.delivery.sealedFor !== undefined) continue
        if (body.decode(change.delivery.body)?.kind === 'retry') asked++
      }
    },
  })
  const garbage = (n: number): void => {
    const noise = { sender: alice.device.id, type: 2, ciphertext: new Uint8Array(200).fill(n) } as const
    const sealed = story.seal(bob.device.id, noise)
    const expiresMs = bob.device.clock.nowMs + messageLifeMs
    const envelope = { id: envelopeIdOf(new Uint8Array(16).fill(n)), urgency: 1, expiresMs, sealed } as const
    bob.device.ask(() => ({ kind: 'envelope-collected', relay: relay.address, envelope }))
    story.pass(minute)
  }
  bob.device.setClock((its) => its.step(5 * day))
  garbage(1)
  expect(asked).toBe(1)
  bob.device.setClock((its) => its.correct())
  story.pass(minute)
  garbage(2)
  expect(asked).toBe(2)
})

test('what a relay signed for while a clock was ahead is offered again within hours of its being put right', () => {
  const story = new Story()
  const relay = story.relay('hub')
  const clock = new Clock(story.world)
  const [alice, bob] = [story.person('alice', [relay], { ...hidden, clock }), story.person('bob', [relay], hidden)]
  story.pass(5 * second)
  expect(story.meet(alice, bob)).toBe(true)
  story.pass(minute)
  bob.device.kill()
  alice.device.setClock((its) => its.step(day))
  story.pass(minute)
  const id = alice.says(bob, 'what day is it?')
  story.pass(minute)
  expect(alice.fateOf(bob, id)).toBe('stored')
  alice.device.setClock((its) => its.correct())
  relay.wipe()
  bob.device.start()
  story.pass(7 * hour)
  expect(bob.heard(alice)).toEqual(['what day is it?'])
})
