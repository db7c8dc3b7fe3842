/** Relays that stay away are replaced, and contacts learn of it; what was brought to the old place is collected. */
import { expect, test } from 'vitest'
import type { Person } from '../sim/world/person.ts'
import type { SimRelay } from '../sim/world/relay.ts'
import { day, hour, minute, second, Story } from '../sim/world/story.ts'

function listed(known: Person, by: Person): readonly string[] {
  return by.device.store.contact(known.account)?.card?.relays ?? []
}

function roles(person: Person): Record<string, string> {
  return Object.fromEntries(person.device.core?.relayStandings().map(({ relay, role }) => [relay, role]) ?? [])
}

/** Bob names these relays; Alice has one of her own, and nobody can dial anybody, so that all goes by relays. */
function scene(story: Story, named: readonly SimRelay[]): { readonly alice: Person; readonly bob: Person } {
  const harbour = story.relay('harbour')
  const alice = story.person('alice', [harbour], { openness: 'hidden' })
  const bob = story.person('bob', named, { openness: 'hidden' })
  story.pass(5 * second)
  expect(story.meet(bob, alice)).toBe(true)
  story.pass(minute)
  return { alice, bob }
}

function addresses(relays: readonly SimRelay[]): readonly string[] {
  return relays.map(({ address }) => address)
}

test('of five relays named the first three are told; one that is away for a day gives its place to the next, and takes it back', () => {
  const story = new Story()
  const named = ['one', 'two', 'three', 'four', 'five'].map((name) => story.relay(name))
  const [one, two, three, four, five] = named as [SimRelay, SimRelay, SimRelay, SimRelay, SimRelay]
  const { alice, bob } = scene(story, named)
  expect(listed(bob, alice)).toEqual(addresses([one, two, three]))
  two.kill()
  story.pass(23 * hour)
  expect(listed(bob, alice)).toEqual(addresses([one, two, three]))
  story.pass(2 * hour)
  expect(listed(bob, alice)).toEqual(addresses([one, three, four]))
  expect(roles(bob)).toMatchObject({
    [two.address]: 'dropped',
    [four.address]: 'home',
    [five.address]: 'spare',
  })
  two.start()
  story.pass(hour)
  expect(listed(bob, alice)).toEqual(addresses([one, two, three]))
  expect(roles(bob)).toMatchObject({ [two.address]: 'home', [four.address]: 'spare' })
})

test('without a spare the dead one is left out while another serves, and the only one never', () => {
  const story = new Story()
  const [one, two] = [story.relay('one'), story.relay('two')]
  const { alice, bob } = scene(story, [one, two])
  one.kill()
  story.pass(26 * hour)
  expect(listed(bob, alice)).toEqual(addresses([two]))
  two.kill()
  story.pass(3 * day)
  expect(listed(bob, alice)).toEqual(addresses([two]))
  one.start()
  story.pass(hour)
  expect(listed(bob, alice)).toEqual(addresses([one]))
})

test('a relay that serves in between is not taken for gone: the day begins anew', () => {
  const story = new Story()
  const [one, two] = [story.relay('one'), story.relay('two')]
  const { alice, bob } = scene(story, [one, two])
  const revision = alice.device.store.contact(bob.account)?.card?.revision
  for (let i = 0; i < 3; i++) {
    two.kill()
    story.pass(20 * hour)
    two.start()
    story.pass(10 * minute)
  }
  expect(listed(bob, alice)).toEqual(addresses([one, two]))
  expect(alice.device.store.contact(bob.account)?.card?.revision).toBe(revision)
})

test('while all are away none is dropped: most likely it is our own line', () => {
  const story = new Story()
  const [one, two] = [story.relay('one'), story.relay('two')]
  const { alice, bob } = scene(story, [one, two])
  one.kill()
  story.pass(23 * hour)
  story.network.unplug(bob.device.host)
  story.pass(3 * hour)
  expect(roles(bob)).toEqual({ [one.address]: 'home', [two.address]: 'home' })
  story.network.plugIn(bob.device.host)
  story.pass(10 * minute)
  expect(roles(bob)).toEqual({ [one.address]: 'dropped', [two.address]: 'home' })
  expect(listed(bob, alice)).toEqual(addresses([two]))
})

test('a message that lay at the dead relay goes to the new one as soon as the new card is there', () => {
  const story = new Story()
  const named = ['one', 'two', 'three', 'four'].map((name) => story.relay(name))
  const { alice, bob } = scene(story, named)
  const cut = story.network.cut((from, to) => [from, to].includes(bob.device.host))
  const id = alice.says(bob, 'to whoever is there')
  story.pass(10 * second)
  expect(alice.fateOf(bob, id)).toBe('stored')
  for (const relay of named.slice(0, 3)) relay.kill()
  cut()
  story.pass(25 * hour)
  expect(listed(bob, alice)).toEqual(addresses(named.slice(3)))
  expect(bob.heard(alice)).toEqual(['to whoever is there'])
  const attempts = alice.device.store.attempts(id)
  expect(attempts.some(({ outcome }) => outcome.includes('they have left it'))).toBe(true)
})

test('a laptop that was shut for days does not take its relays for gone', () => {
  const story = new Story()
  const [one, two] = [story.relay('one'), story.relay('two')]
  const { alice, bob } = scene(story, [one, two])
  two.kill()
  story.pass(minute)
  bob.device.kill()
  story.pass(3 * day)
  two.start()
  bob.device.start()
  story.pass(hour)
  expect(listed(bob, alice)).toEqual(addresses([one, two]))
})

test('whoever is used only for minutes a day replaces a dead relay too', () => {
  const story = new Story()
  const [one, two] = [story.relay('one'), story.relay('two')]
  const { alice, bob } = scene(story, [one, two])
  two.kill()
  for (let i = 0; i < 3; i++) {
    story.pass(5 * minute)
    bob.device.kill()
    story.pass(20 * hour)
    bob.device.start()
  }
  story.pass(5 * minute)
  expect(listed(bob, alice)).toEqual(addresses([one]))
})

test('a relay the user named no more is collected from for thirty days, and who still goes there is told again', () => {
  const story = new Story()
  const [old, next] = [story.relay('old'), story.relay('next')]
  const { alice, bob } = scene(story, [old])
  alice.device.kill()
  bob.chooses([next.address])
  story.pass(minute)
  // What was sent to her is lost: she goes on with the card she has.
  story.relays.find(({ name }) => name === 'harbour')?.wipe()
  story.pass(29 * day)
  alice.device.start()
  story.pass(minute)
  expect(listed(bob, alice)).toEqual(addresses([old]))
  alice.says(bob, 'are you still there?')
  story.pass(5 * minute)
  expect(bob.heard(alice)).toEqual(['are you still there?'])
  expect(listed(bob, alice)).toEqual(addresses([next]))
  story.pass(2 * day)
  expect(roles(bob)).toEqual({ [next.address]: 'home' })
})

test('other relays named while nothing ran are told as soon as it runs, and the old one is collected from', () => {
  const story = new Story()
  const [old, next] = [story.relay('old'), story.relay('next')]
  const { alice, bob } = scene(story, [old])
  bob.device.kill()
  const id = alice.says(bob, 'before')
  story.pass(minute)
  expect(alice.fateOf(bob, id)).toBe('stored')
  bob.device.names([next.address])
  bob.device.start()
  story.pass(minute)
  expect(bob.heard(alice)).toEqual(['before'])
  expect(listed(bob, alice)).toEqual(addresses([next]))
  expect(roles(bob)).toEqual({ [next.address]: 'home', [old.address]: 'left' })
})

test('prekeys that a wiped relay lost are replaced, and their private halves go after a month', () => {
  const story = new Story()
  const relay = story.relay('one')
  const { alice, bob } = scene(story, [relay])
  const before = bob.device.store.preKeysOf(relay.address)
  relay.wipe()
  story.pass(minute)
  const after = bob.device.store.preKeysOf(relay.address)
  expect(after.length).toBe(before.length + 100)
  const carol = story.person('carol', [relay], { openness: 'hidden' })
  story.pass(5 * second)
  expect(story.meet(bob, carol)).toBe(true)
  carol.says(bob, 'with a fresh key')
  story.pass(33 * day)
  expect(bob.heard(carol)).toEqual(['with a fresh key'])
  const kept = bob.device.store.preKeysOf(relay.address)
  expect(kept.some((id) => before.includes(id))).toBe(false)
  expect(kept.length).toBeGreaterThan(90)
  expect(alice.knows(bob)).toBe('added')
})
