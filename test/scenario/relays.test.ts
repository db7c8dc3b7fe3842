/** Relays that die, forget, or disagree. */
import { expect, test } from 'vitest'
import type { Person } from '../sim/world/person.ts'
import type { SimRelay } from '../sim/world/relay.ts'
import { hour, minute, second, Story } from '../sim/world/story.ts'

function acquainted(story: Story, relays: readonly SimRelay[]): readonly [Person, Person] {
  const [alice, bob] = [story.person('alice', relays), story.person('bob', relays)]
  story.pass(5 * second)
  expect(story.meet(alice, bob)).toBe(true)
  story.pass(minute)
  return [alice, bob]
}

test('a relay is killed and comes back: nothing it signed for is lost', () => {
  const story = new Story()
  const relay = story.relay('hub')
  const [alice, bob] = acquainted(story, [relay])
  bob.device.kill()
  const id = alice.says(bob, 'kept')
  story.pass(minute)
  expect(alice.fateOf(bob, id)).toBe('stored')
  relay.kill()
  const during = alice.says(bob, 'while it was down')
  story.pass(10 * minute)
  expect(alice.fateOf(bob, during)).toBe('queued')
  relay.start()
  bob.device.start()
  story.pass(hour)
  expect(bob.heard(alice)).toEqual(['kept', 'while it was down'])
})

test('a relay loses its disk: the sender still has everything', () => {
  const story = new Story()
  const relay = story.relay('hub')
  const [alice, bob] = acquainted(story, [relay])
  bob.device.kill()
  const ids = [alice.says(bob, 'one'), alice.says(bob, 'two')]
  story.pass(minute)
  relay.wipe()
  bob.device.start()
  story.pass(7 * hour)
  expect(bob.heard(alice)).toEqual(['one', 'two'])
  expect(ids.map((id) => alice.fateOf(bob, id))).toEqual(['read', 'read'])
})

test('of two relays one is gone: messages go by the other at once', () => {
  const story = new Story()
  const [north, south] = [story.relay('north'), story.relay('south')]
  const [alice, bob] = acquainted(story, [north, south])
  north.kill()
  story.pass(minute)
  const id = alice.says(bob, 'round the other way')
  story.pass(minute)
  expect(bob.heard(alice)).toEqual(['round the other way'])
  expect(alice.fateOf(bob, id)).toBe('read')
})

test('messages that took different relays are shown in the order they were said', () => {
  const story = new Story()
  const [north, south] = [story.relay('north'), story.relay('south')]
  const [alice, bob] = acquainted(story, [north, south])
  bob.device.kill()
  alice.says(bob, 'one')
  story.pass(minute)
  const heal = story.network.cut((from, to) => from === alice.device.host && to === north.host)
  story.pass(minute)
  alice.says(bob, 'two')
  story.pass(minute)
  const back = story.network.cut((from, to) => from === bob.device.host && to === north.host)
  bob.device.start()
  story.pass(second)
  expect(bob.heard(alice)).toEqual([]) // The second is here, and waits for the first.
  heal()
  back()
  story.pass(minute)
  expect(bob.heard(alice)).toEqual(['one', 'two'])
})

test('a message stuck at a relay its recipient cannot reach takes the other one in time', () => {
  const story = new Story()
  const [north, south] = [story.relay('north'), story.relay('south')]
  const [alice, bob] = acquainted(story, [north, south])
  story.network.cut((from, to) => from === bob.device.host && to === north.host)
  story.pass(minute)
  const id = alice.says(bob, 'by the south, please')
  story.pass(10 * second)
  expect([north.waiting(), south.waiting(), bob.heard(alice).length]).toEqual([1, 0, 0])
  story.pass(13 * hour)
  expect(bob.heard(alice)).toEqual(['by the south, please'])
  expect(alice.fateOf(bob, id)).toBe('read')
})

test('someone who moves to other relays is still found', () => {
  const story = new Story()
  const [north, south] = [story.relay('north'), story.relay('south')]
  const [alice, bob] = acquainted(story, [north])
  bob.chooses([south.address])
  story.pass(minute)
  north.kill()
  alice.says(bob, 'still there?')
  story.pass(5 * minute)
  expect(bob.heard(alice)).toEqual(['still there?'])
})
