/** A relay whose operator put back an old copy of its store: it knows nothing of what happened since. */
import { expect, test } from 'vitest'
import { signedCard } from '../../protocol/wire/card.ts'
import { custody } from '../sim/check/custody.ts'
import { exactlyOnce } from '../sim/check/exactly-once.ts'
import { noWayBack } from '../sim/check/no-way-back.ts'
import { preKeysOnce } from '../sim/check/prekeys-once.ts'
import type { Reads } from '../../node/core/reads.ts'
import { overriding } from '../sim/world/overriding.ts'
import type { Person } from '../sim/world/person.ts'
import type { SimRelay } from '../sim/world/relay.ts'
import { hour, minute, second, Story } from '../sim/world/story.ts'

const hidden = { openness: 'hidden' } as const

function watched(): Story {
  const story = new Story()
  const { world, watches } = story
  watches.add(preKeysOnce(world))
  watches.add(custody(world))
  watches.add(noWayBack(world))
  watches.add(exactlyOnce(world))
  return story
}

function acquainted(story: Story, relays: readonly SimRelay[]): readonly [Person, Person] {
  const [alice, bob] = [story.person('alice', relays, hidden), story.person('bob', relays, hidden)]
  story.pass(5 * second)
  expect(story.meet(alice, bob)).toBe(true)
  story.pass(minute)
  return [alice, bob]
}

test('what was collected is handed out again, and shown once', () => {
  const story = watched()
  const relay = story.relay('hub')
  const [alice, bob] = acquainted(story, [relay])
  bob.device.kill()
  alice.says(bob, 'once')
  story.pass(minute)
  const backup = relay.backUp()
  bob.device.start()
  story.pass(minute)
  relay.restore(backup)
  expect(relay.waiting()).toBeGreaterThan(0)
  story.pass(minute)
  expect(story.world.marks.get('mail-handed-out-again')).toBeGreaterThan(0)
  expect(bob.heard(alice)).toEqual(['once'])
  expect(relay.waiting()).toBe(0)
  expect(story.world.complaints).toEqual([])
})

test('what was deposited since is lost there, and its sender still has it', () => {
  const story = watched()
  const relay = story.relay('hub')
  const [alice, bob] = acquainted(story, [relay])
  const backup = relay.backUp()
  bob.device.kill()
  const id = alice.says(bob, 'since then')
  story.pass(minute)
  expect(alice.fateOf(bob, id)).toBe('stored')
  relay.restore(backup)
  bob.device.start()
  story.pass(7 * hour)
  expect(bob.heard(alice)).toEqual(['since then'])
  expect(alice.fateOf(bob, id)).toBe('read')
  expect(story.world.complaints).toEqual([])
})

test('a receipt that went with the disk is said again: read, when it has been read meanwhile', () => {
  const story = watched()
  const relay = story.relay('hub')
  const [alice, bob] = acquainted(story, [relay])
  bob.device.kill()
  const id = alice.says(bob, 'seen?')
  story.pass(minute)
  alice.device.kill() // Both receipts will wait for her.
  bob.device.start()
  story.pass(minute)
  expect(bob.heard(alice)).toEqual(['seen?'])
  relay.wipe()
  alice.device.start()
  story.pass(minute)
  expect(alice.fateOf(bob, id)).toBe('stored')
  story.pass(hour)
  expect(alice.fateOf(bob, id)).toBe('read')
})

test('that a message was read goes with the disk, and is said again with the next', () => {
  const story = watched()
  const relay = story.relay('hub')
  const [alice, bob] = acquainted(story, [relay])
  bob.glanceMs = 10 * minute
  const id = alice.says(bob, 'seen?')
  story.pass(5 * minute)
  expect(alice.fateOf(bob, id)).toBe('delivered')
  alice.device.kill() // The receipt will wait for her.
  story.pass(10 * minute)
  relay.wipe()
  alice.device.start()
  story.pass(hour)
  expect(alice.fateOf(bob, id)).toBe('delivered')
  const next = alice.says(bob, 'and this?')
  story.pass(hour)
  expect([alice.fateOf(bob, id), alice.fateOf(bob, next)]).toEqual(['read', 'read'])
})

test('a stranger who is given a one-time key that opened a session before gets through within the hour', () => {
  const story = watched()
  const relay = story.relay('hub')
  const [alice, bob] = [story.person('alice', [relay], hidden), story.person('bob', [relay], hidden)]
  const carol = story.person('carol', [relay], hidden)
  story.pass(minute)
  const backup = relay.backUp()
  expect(story.meet(alice, bob)).toBe(true)
  story.pass(minute)
  relay.restore(backup)
  story.pass(minute)
  carol.opens(alice.invites())
  story.pass(minute)
  expect(story.world.marks.get('prekey-given-again')).toBe(1)
  expect(alice.knows(carol)).toBe(undefined) // Her first message cannot be read, nor can she be told.
  const id = carol.says(alice, 'it is me')
  story.pass(hour)
  expect(alice.heard(carol)).toEqual(['it is me'])
  expect(carol.fateOf(alice, id)).toBe('read')
  expect(story.world.complaints).toEqual([])
})

test('of two relays that disagree about somebody, the one that knows better is believed', () => {
  const story = watched()
  const [north, south] = [story.relay('north'), story.relay('south')]
  const [, bob] = acquainted(story, [north, south])
  const carol = story.person('carol', [south], hidden)
  const backup = north.backUp()
  bob.device.roam('another town', 'public')
  story.pass(minute)
  story.network.cut((from, to) => [from, to].includes(bob.device.host) && [from, to].includes(north.host))
  north.restore(backup)
  carol.opens(bob.invites())
  story.pass(minute)
  expect(story.world.marks.get('older-card-given')).toBe(1)
  const own = bob.device.store.fact('own-card')
  expect(own && carol.device.store.contact(bob.account)?.signedCard).toEqual(own && signedCard.decode(own))
  carol.says(bob, 'found you')
  story.pass(minute)
  expect(bob.heard(carol)).toEqual(['found you'])
  expect(story.world.complaints).toEqual([])
})

test('a contact who is given spent one-time keys gets through under none', () => {
  const story = watched()
  const relay = story.relay('hub')
  let isLost = false
  const reads = (real: Reads): Reads =>
    overriding(real, { session: (device) => (isLost ? undefined : real.session(device)) })
  const alice = story.person('alice', [relay], { ...hidden, faults: { reads } })
  const bob = story.person('bob', [relay], hidden)
  story.watches.add({
    committed: (device, changes) => {
      if (device === alice.device && changes.some(({ kind }) => kind === 'put-session')) isLost = false
    },
  })
  story.pass(5 * second)
  expect(story.meet(alice, bob)).toBe(true)
  story.pass(minute)
  const spent = bob.device.store.preKeysOf(relay.address)
  expect(spent.length).toBeGreaterThan(10)
  bob.device.kill()
  bob.device.rewrite(spent.map((id) => ({ kind: 'drop-prekey', id })))
  bob.device.start()
  story.pass(minute)
  isLost = true
  const id = alice.says(bob, 'can you read this?')
  expect(story.world.until(() => alice.fateOf(bob, id) === 'read', minute)).toBe(true)
  expect(bob.heard(alice)).toEqual(['can you read this?'])
})

test('what a sender who was put back encrypts anew, under another id, is shown once', () => {
  const story = watched()
  const relay = story.relay('hub')
  const [alice, bob] = acquainted(story, [relay])
  story.network.unplug(alice.device.host)
  const id = alice.says(bob, 'once')
  const [waiting] = alice.device.store.deliveriesOf(id)
  if (waiting === undefined) throw new Error('it waits')
  story.network.plugIn(alice.device.host)
  story.pass(minute)
  expect(bob.heard(alice)).toEqual(['once'])
  alice.device.kill()
  const { sealedFor: _, ...bare } = waiting
  alice.device.rewrite([{ kind: 'put-delivery', delivery: bare }])
  alice.device.start()
  const before = relay.deposits
  story.pass(hour)
  expect(relay.deposits).toBeGreaterThan(before)
  expect(alice.device.store.deliveries()).toEqual([])
  expect(bob.heard(alice)).toEqual(['once'])
  expect(story.world.complaints).toEqual([])
})
