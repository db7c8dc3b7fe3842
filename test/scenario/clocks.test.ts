/** Clocks that are wrong, and are put right. */
import { expect, test } from 'vitest'
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
