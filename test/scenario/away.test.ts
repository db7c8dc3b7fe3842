/** Messages for those who are away. */
import { expect, test } from 'vitest'
import { day, hour, minute, second, Story } from '../sim/world/story.ts'
import type { Person } from '../sim/world/person.ts'
import type { SimRelay } from '../sim/world/relay.ts'

function acquainted(story: Story, relays: readonly SimRelay[]): readonly [Person, Person] {
  const [alice, bob] = [story.person('alice', relays), story.person('bob', relays)]
  story.pass(5 * second)
  expect(story.meet(alice, bob)).toBe(true)
  story.pass(minute)
  return [alice, bob]
}

test('what was said while they slept is read when they wake, in order, and the sender learns of it', () => {
  const story = new Story()
  const [alice, bob] = acquainted(story, [story.relay('hub')])
  bob.device.kill()
  const ids = ['one', 'two', 'three'].map((text) => alice.says(bob, text))
  story.pass(8 * hour)
  expect(ids.map((id) => alice.fateOf(bob, id))).toEqual(['stored', 'stored', 'stored'])
  bob.attentive = false
  bob.device.start()
  story.pass(minute)
  expect(ids.map((id) => alice.fateOf(bob, id))).toEqual(['delivered', 'delivered', 'delivered'])
  bob.look()
  story.pass(minute)
  expect(bob.heard(alice)).toEqual(['one', 'two', 'three'])
  expect(ids.map((id) => alice.toldOf(id))).toEqual(ids.map(() => ['stored', 'delivered', 'read']))
})

test('a message nobody fetched for thirty days is shown as expired to its sender', () => {
  const story = new Story()
  const [alice, bob] = acquainted(story, [story.relay('hub', { limits: { sweepEveryMs: hour } })])
  bob.device.kill()
  const id = alice.says(bob, 'too late')
  story.pass(30 * day + 2 * hour)
  expect(alice.fateOf(bob, id)).toBe('expired')
  expect(alice.toldOf(id)).toEqual(['stored', 'expired'])
  bob.device.start()
  const next = alice.says(bob, 'hello again')
  story.pass(hour)
  expect(bob.heard(alice)).toEqual(['hello again'])
  expect(alice.fateOf(bob, next)).toBe('read')
})

test('a message to someone whose card was never found expires too, and is told', () => {
  const story = new Story()
  const relay = story.relay('hub')
  const [alice, bob] = [story.person('alice', [relay]), story.person('bob', [relay])]
  story.pass(5 * second)
  const link = bob.invites()
  relay.kill()
  bob.device.kill()
  alice.opens(link)
  const id = alice.says(bob, 'anybody?')
  story.pass(30 * day + 2 * hour)
  expect(alice.toldOf(id)).toContain('expired')
})

test('a full mailbox keeps what it has, and takes more as soon as there is room', () => {
  const story = new Story()
  const relay = story.relay('hub', { limits: { mailboxMessagesMax: 4 } })
  const [alice, bob] = acquainted(story, [relay])
  bob.device.kill()
  const ids = Array.from({ length: 10 }, (_, i) => alice.says(bob, `${i}`))
  story.pass(minute)
  expect(ids.map((id) => alice.fateOf(bob, id)).filter((fate) => fate === 'stored')).toHaveLength(4)
  bob.device.start()
  story.pass(10 * minute)
  expect(bob.heard(alice)).toEqual(ids.map((_, i) => `${i}`))
  expect(ids.map((id) => alice.fateOf(bob, id))).toEqual(ids.map(() => 'read'))
})

test('a month of silence, and then a conversation: nothing spins, keys are renewed', () => {
  const story = new Story()
  const [alice, bob] = acquainted(story, [story.relay('hub', { limits: { sweepEveryMs: hour } })])
  const turnsBefore = alice.device.turns
  story.pass(40 * day)
  expect(alice.device.turns - turnsBefore).toBeLessThan(40 * 24 * 4)
  alice.says(bob, 'long time')
  story.pass(minute)
  expect(bob.heard(alice)).toEqual(['long time'])
})
