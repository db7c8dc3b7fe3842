/** Relays that are dead, that sign for everything and keep nothing, and that do as they say. */
import { expect, test } from 'vitest'
import { minute, second, Story } from '../sim/world/story.ts'

test('of three relays one is dead and one lies: the message arrives, and its history names the liar', () => {
  const story = new Story()
  const [dead, liar, honest] = [story.relay('dead'), story.relay('liar'), story.relay('honest')]
  const [alice, bob] = [story.person('alice', [honest]), story.person('bob', [dead, liar, honest])]
  story.pass(5 * second)
  expect(story.meet(alice, bob)).toBe(true)
  story.pass(minute)
  dead.kill()
  bob.device.kill()
  const id = alice.says(bob, 'by whoever keeps it')
  story.pass(10 * second)
  expect(alice.fateOf(bob, id)).toBe('stored')
  liar.wipe()
  story.pass(20 * minute)
  bob.device.start()
  story.pass(20 * minute)
  expect(bob.heard(alice)).toEqual(['by whoever keeps it'])
  const attempts = alice.device.store.attempts(id)
  expect(attempts.some(({ via, outcome }) => via === liar.address && outcome.includes('nothing has arrived'))).toBe(
    true,
  )
  expect(attempts.some(({ via }) => via === dead.address)).toBe(true)
})

test('a relay that is dead costs the first message a moment, and those after it nothing', () => {
  const story = new Story()
  const [dead, honest] = [story.relay('dead'), story.relay('honest')]
  const [alice, bob] = [story.person('alice', [honest]), story.person('bob', [dead, honest])]
  story.pass(5 * second)
  expect(story.meet(alice, bob)).toBe(true)
  story.pass(minute)
  dead.kill()
  bob.device.kill()
  alice.says(bob, 'first')
  story.pass(minute)
  const later = Array.from({ length: 5 }, (_, i) => {
    const id = alice.says(bob, `later ${i}`)
    story.pass(minute)
    return id
  })
  for (const id of later) {
    expect(alice.fateOf(bob, id)).toBe('stored')
    expect(alice.device.store.attempts(id).some(({ via }) => via === dead.address)).toBe(false)
  }
})
