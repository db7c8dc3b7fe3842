/** Who may come in: contact requests, and people who were shown the door. */
import { expect, test } from 'vitest'
import { requestMessagesMax } from '../../protocol/limits.ts'
import { parseInvite } from '../../protocol/wire/invite.ts'
import type { Person } from '../sim/world/person.ts'
import { day, hour, minute, second, Story } from '../sim/world/story.ts'

/** Opens an invite whose token somebody else has used already, so that what follows comes from a stranger. */
function asStranger(guest: Person, host: Person): void {
  const invite = parseInvite(host.invites())
  if (invite === undefined) throw new Error('no invite')
  const stale = { ...invite, token: new Uint8Array(16) }
  guest.device.ask((request) => ({ kind: 'invite-opened', request, invite: stale }))
}

test('a stranger waits until they are let in, and what they wrote is shown then', () => {
  const story = new Story()
  const relay = story.relay('hub')
  const [alice, eve] = [story.person('alice', [relay]), story.person('eve', [relay])]
  story.pass(5 * second)
  asStranger(eve, alice)
  story.pass(10 * second)
  const ids = [eve.says(alice, 'may I?'), eve.says(alice, 'please')]
  story.pass(minute)
  expect(alice.knows(eve)).toBe('requested')
  expect(alice.heard(eve)).toEqual([])
  expect(ids.map((id) => eve.fateOf(alice, id))).toEqual(['stored', 'stored'])

  alice.accepts(eve)
  story.pass(minute)
  expect(alice.heard(eve)).toEqual(['may I?', 'please'])
  expect(ids.map((id) => eve.fateOf(alice, id))).toEqual(['read', 'read'])
  alice.says(eve, 'welcome')
  story.pass(minute)
  expect(eve.heard(alice)).toEqual(['welcome'])
})

test('what a stranger wrote first is shown first, though the relay that kept it comes back later', () => {
  const story = new Story()
  const relays = [story.relay('one'), story.relay('two')]
  const [alice, eve] = [story.person('alice', relays), story.person('eve', relays)]
  story.pass(5 * second)
  asStranger(eve, alice)
  story.network.unplug(alice.device.host)
  eve.says(alice, 'may I?')
  story.pass(20 * second)
  const keeper = relays.find((relay) => relay.waiting() > 0)
  keeper?.kill()
  eve.says(alice, 'please')
  story.pass(20 * second)
  story.network.plugIn(alice.device.host)
  story.pass(20 * second)
  expect(alice.knows(eve)).toBe('requested')
  alice.accepts(eve)
  story.pass(second)
  keeper?.start()
  story.pass(10 * minute)
  expect(alice.heard(eve)).toEqual(['may I?', 'please'])
})

test.each(['home', 'public'] as const)(
  'a stranger who writes too much is not told that it arrived (%s)',
  (openness) => {
    const story = new Story()
    const relay = story.relay('hub')
    const [alice, eve] = [story.person('alice', [relay], { openness }), story.person('eve', [relay], { openness })]
    story.pass(5 * second)
    asStranger(eve, alice)
    story.pass(10 * second)
    const ids = Array.from({ length: requestMessagesMax + 5 }, (_, i) => eve.says(alice, `${i}`))
    story.pass(minute)
    const delivered = ids.filter((id) => eve.fateOf(alice, id) === 'delivered').length
    expect(delivered).toBeLessThanOrEqual(requestMessagesMax)

    alice.accepts(eve)
    story.pass(13 * hour)
    expect(alice.heard(eve)).toEqual(ids.map((_, i) => `${i}`))
    expect(ids.map((id) => eve.fateOf(alice, id))).toEqual(ids.map(() => 'read'))
  },
)

test('who was blocked is not heard, learns nothing, and is told in the end that it did not arrive', () => {
  const story = new Story()
  const relay = story.relay('hub')
  const [alice, bob] = [story.person('alice', [relay]), story.person('bob', [relay])]
  story.pass(5 * second)
  story.meet(alice, bob)
  story.pass(minute)
  alice.blocks(bob)
  const id = bob.says(alice, 'why?')
  story.pass(day)
  expect(alice.heard(bob)).toEqual([])
  expect(bob.fateOf(alice, id)).toBe('stored')
  story.pass(30 * day)
  expect(bob.fateOf(alice, id)).toBe('expired')
  expect(bob.toldOf(id)).toContain('expired')
})

test('what was on its way to someone when they were blocked is not forgotten in silence', () => {
  const story = new Story()
  const relay = story.relay('hub')
  const [alice, bob] = [story.person('alice', [relay]), story.person('bob', [relay])]
  story.pass(5 * second)
  story.meet(alice, bob)
  story.pass(minute)
  bob.device.kill()
  const id = alice.says(bob, 'one more thing')
  alice.blocks(bob)
  story.pass(second)
  expect(alice.toldOf(id)).toContain('expired')
})

test('someone blocked and let in again can be talked with', () => {
  const story = new Story()
  const relay = story.relay('hub')
  const [alice, bob] = [story.person('alice', [relay]), story.person('bob', [relay])]
  story.pass(5 * second)
  story.meet(alice, bob)
  story.pass(minute)
  alice.blocks(bob)
  story.pass(minute)
  alice.accepts(bob)
  alice.says(bob, 'sorry')
  bob.says(alice, 'fine')
  story.pass(minute)
  expect(bob.heard(alice)).toEqual(['sorry'])
  expect(alice.heard(bob)).toEqual(['fine'])
})

test('someone blocked while they were dialled is dialled again when they are let in again', () => {
  const story = new Story()
  const relay = story.relay('hub')
  const alice = story.person('alice', [relay], { openness: 'hidden' }) // Nobody dials her.
  const bob = story.person('bob', [relay], { openness: 'public' })
  story.pass(5 * second)
  story.meet(alice, bob)
  story.pass(minute)
  bob.device.kill()
  bob.device.start()
  story.pass(10 * second)
  alice.says(bob, 'one more thing')
  alice.blocks(bob)
  story.pass(minute)
  expect(bob.heard(alice)).toEqual([])

  alice.accepts(bob)
  relay.kill()
  alice.says(bob, 'sorry')
  story.pass(10 * minute)
  expect(bob.heard(alice)).toEqual(['sorry'])
})
