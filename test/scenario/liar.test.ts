/** Relays that are dead, that sign for everything and keep nothing, and that do as they say. */
import { expect, test } from 'vitest'
import type { Malice } from '../sim/world/relay.ts'
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

test('a relay that keeps nothing is found out as soon as its owner shows a sign of life, and comes last from then on', () => {
  const story = new Story()
  const [liar, honest, harbour] = [story.relay('liar'), story.relay('honest'), story.relay('harbour')]
  const alice = story.person('alice', [harbour], { openness: 'hidden' })
  const bob = story.person('bob', [liar, honest], { openness: 'hidden' })
  story.pass(5 * second)
  expect(story.meet(alice, bob)).toBe(true)
  story.pass(minute)
  const heal = story.network.cut((from, to) => from === bob.device.host || to === bob.device.host)
  const id = alice.says(bob, 'kept by nobody')
  story.pass(10 * second)
  expect(alice.fateOf(bob, id)).toBe('stored')
  liar.wipe()
  heal()
  story.pass(minute)
  expect(bob.heard(alice)).toEqual([])
  bob.says(alice, 'are you there?')
  story.pass(10 * second)
  expect(bob.heard(alice)).toEqual(['kept by nobody'])
  const next = alice.says(bob, 'and now at once')
  story.pass(10 * second)
  expect(alice.device.store.attempts(next).map(({ via }) => via)).not.toContain(liar.address)
  expect(alice.fateOf(bob, next)).toBe('read')
})

test('signs of life from somebody whose relays hand out nothing have a message offered again twice, not each time', () => {
  const story = new Story()
  const [one, two, harbour] = [story.relay('one'), story.relay('two'), story.relay('harbour')]
  const alice = story.person('alice', [harbour], { openness: 'hidden' })
  const bob = story.person('bob', [one, two], { openness: 'hidden' })
  story.pass(5 * second)
  expect(story.meet(alice, bob)).toBe(true)
  story.pass(minute)
  const his = [one, two].map(({ host }) => host)
  story.network.cut((from, to) => [from, to].includes(bob.device.host) && his.some((host) => [from, to].includes(host)))
  const offers: string[] = []
  story.watches.add({
    performed: (device, effect) => {
      if (device === alice.device && effect.kind === 'deposit') offers.push(effect.envelope.id)
    },
  })
  alice.says(bob, 'anything from your relays?')
  story.pass(second)
  const [first] = offers
  const times = (): number => offers.filter((id) => id === first).length
  bob.says(alice, 'at once') // Too soon to have collected it.
  story.pass(10 * second)
  expect(times()).toBe(1)
  for (let i = 0; i < 15; i++) {
    bob.says(alice, `${i}`)
    story.pass(15 * second)
  }
  expect(alice.heard(bob)).toHaveLength(16)
  expect(times()).toBe(3)
})

test('a relay that swallows what is sent to it costs a moment, and the next message nothing', () => {
  const story = new Story()
  const [mute, well, harbour] = [story.relay('mute'), story.relay('well'), story.relay('harbour')]
  const alice = story.person('alice', [harbour], { openness: 'hidden' })
  const bob = story.person('bob', [mute, well], { openness: 'hidden' })
  story.pass(5 * second)
  expect(story.meet(alice, bob)).toBe(true)
  story.pass(10 * minute)
  story.network.cut((from, to) => from === alice.device.host && to === mute.host)
  alice.says(bob, 'first')
  story.pass(2 * second)
  expect(bob.heard(alice)).toEqual(['first'])
  alice.says(bob, 'second')
  story.pass(second)
  expect(bob.heard(alice)).toEqual(['first', 'second'])
})

test('a relay that claims to have handed a message over is not believed for long', () => {
  const story = new Story()
  const malice: Malice = (frame) => {
    if (frame.kind === 'stored') return [{ kind: 'delivered', ids: frame.receipt.taken.map(({ id }) => id) }]
    return [frame.kind === 'page' ? { ...frame, envelopes: [] } : frame]
  }
  const [liar, honest, harbour] = [story.relay('liar'), story.relay('honest'), story.relay('harbour')]
  liar.malice = malice
  const alice = story.person('alice', [harbour], { openness: 'hidden' })
  const bob = story.person('bob', [liar, honest], { openness: 'hidden' })
  story.pass(5 * second)
  expect(story.meet(bob, alice, 40 * minute)).toBe(true)
  const id = alice.says(bob, 'to the honest one in the end')
  story.pass(20 * minute)
  expect(bob.heard(alice)).toEqual(['to the honest one in the end'])
  const attempts = alice.device.store.attempts(id)
  expect(attempts.at(-1)).toMatchObject({ via: honest.address, outcome: 'delivered: their device confirmed it' })
})
