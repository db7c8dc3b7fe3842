/** What is said of a message to whoever sent it, and how often. */
import { expect, test } from 'vitest'
import type { Envelope } from '../../protocol/wire/mailbox.ts'
import { day, minute, second, Story } from '../sim/world/story.ts'

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
  const [first, next, ...later] = [...offeredMs.values()].find(([at]) => at === saidMs) ?? []
  expect(first).toBe(saidMs)
  expect((next ?? 0) - saidMs).toBeLessThan(16 * minute)
  expect(later.length).toBeLessThanOrEqual(4)
})

test('what a relay hands out again and again is confirmed once a minute, and to nobody but its writer', () => {
  const story = new Story()
  const relay = story.relay('hub')
  const names = ['alice', 'bob', 'carol'] as const
  const [alice, bob, carol] = names.map((name) => story.person(name, [relay], { openness: 'hidden' }))
  if (alice === undefined || bob === undefined || carol === undefined) throw new Error('all three are there')
  story.pass(5 * second)
  expect([story.meet(alice, bob), story.meet(carol, bob)]).toEqual([true, true])
  story.pass(5 * minute)

  const to = { alice: 0, carol: 0 }
  let envelope: Envelope | undefined
  story.watches.add({
    performed: (device, effect) => {
      if (effect.kind !== 'deposit') return
      if (device === alice.device) envelope = effect.envelope
      else if (effect.mailbox === alice.device.id) to.alice++
      else if (effect.mailbox === carol.device.id) to.carol++
    },
  })
  const id = alice.says(bob, 'once is enough')
  story.pass(5 * minute)
  expect(alice.fateOf(bob, id)).toBe('read')
  const before = to.alice
  const handOut = (again: Envelope): void => {
    bob.device.ask(() => ({ kind: 'envelope-collected', relay: relay.address, envelope: again }))
    story.pass(second)
  }
  if (envelope === undefined) throw new Error('it went by the relay')
  for (let i = 0; i < 300; i++) handOut(envelope)
  expect(to.alice - before).toBeGreaterThan(0)
  expect(to.alice - before).toBeLessThanOrEqual(6)

  const sealed = story.seal(bob.device.id, { sender: carol.device.id, type: 2, ciphertext: new Uint8Array(200) })
  handOut({ ...envelope, sealed })
  story.pass(5 * minute)
  expect(to.carol).toBe(0)
})
