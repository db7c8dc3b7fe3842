/** What is said of a message to whoever sent it, and how often. */
import { expect, test } from 'vitest'
import { day, minute, Story } from '../sim/world/story.ts'

test.each([
  { looks: 'as it comes', glanceMs: 50, receipts: 1 },
  { looks: 'later', glanceMs: minute, receipts: 2 },
])('whoever looks $looks sends $receipts receipts, and both states are told', ({ glanceMs, receipts }) => {
  const story = new Story()
  const relay = story.relay('hub')
  const [alice, bob] = [story.person('alice', [relay]), story.person('bob', [relay])]
  expect(story.meet(alice, bob)).toBe(true)
  bob.glanceMs = glanceMs
  story.pass(5 * minute)

  let sent = 0
  story.watches.add({
    performed: (device, effect) => {
      if (device === bob.device && effect.kind === 'deposit') sent++
    },
  })
  const id = alice.says(bob, 'are you there?')
  story.pass(2 * minute)
  expect(sent).toBe(receipts)
  expect(alice.toldOf(id)).toEqual(['stored', 'delivered', 'read'])
})

test('a message that nobody takes is offered to the second relay soon, and then seldom', () => {
  const story = new Story()
  const relays = [story.relay('near'), story.relay('far')]
  const [alice, bob] = [story.person('alice', relays), story.person('bob', relays)]
  expect(story.meet(alice, bob)).toBe(true)
  bob.device.kill()
  story.pass(minute)
  const offeredMs = new Map<string, number[]>()
  story.watches.add({
    performed: (device, effect) => {
      if (device !== alice.device || effect.kind !== 'deposit') return
      offeredMs.set(effect.envelope.id, [...(offeredMs.get(effect.envelope.id) ?? []), story.world.nowMs])
    },
  })
  const saidMs = story.world.nowMs
  alice.says(bob, 'when you wake')
  story.pass(day)
  const [first, second, ...later] = [...offeredMs.values()].find(([at]) => at === saidMs) ?? []
  expect(first).toBe(saidMs)
  expect((second ?? 0) - saidMs).toBeLessThan(16 * minute)
  expect(later.length).toBeLessThanOrEqual(4)
})
