/** What the local network says of who is there: believed enough to be tried, and not enough to be tried without end. */
import { expect, test } from 'vitest'
import { peerIdOf, type DeviceId } from '../../protocol/ids.ts'
import type { Effect } from '../../node/core/effects.ts'
import type { Reads } from '../../node/core/reads.ts'
import type { DeviceFaults } from '../sim/world/device.ts'
import { overriding } from '../sim/world/overriding.ts'
import type { Person } from '../sim/world/person.ts'
import { hour, minute, second, Story } from '../sim/world/story.ts'

const lanAddress = '/ip4/10.9.9.9/tcp/4001'

function openStory(faults: DeviceFaults = {}): {
  readonly story: Story
  readonly alice: Person
  readonly bob: Person
  readonly acts: (kind: Effect['kind']) => number
  readonly hears: (device: DeviceId, address: string) => void
} {
  const story = new Story()
  const performed: Effect['kind'][] = []
  const relay = story.relay('hub')
  const alice = story.person('alice', [relay], { openness: 'hidden', faults })
  const bob = story.person('bob', [relay], { openness: 'hidden' })
  story.watches.add({
    performed: (device, effect) => {
      if (device === alice.device) performed.push(effect.kind)
    },
  })
  story.pass(5 * second)
  story.meet(alice, bob)
  story.pass(minute)
  const hears = (device: DeviceId, address: string): void => {
    alice.device.ask(() => ({ kind: 'device-nearby', device, addresses: [`${address}/p2p/${peerIdOf(device)}`] }))
  }
  return { story, alice, bob, acts: (kind) => performed.filter((one) => one === kind).length, hears }
}

test.each(['without a relay', 'with one that has it and is out of reach'])(
  'a contact who comes into the room is dialled there at once, %s',
  (how) => {
    const { story, alice, bob, hears } = openStory()
    if (how === 'without a relay') story.relays[0]?.kill()
    bob.device.kill()
    alice.says(bob, 'are you in yet?')
    story.pass(10 * minute)
    story.relays[0]?.kill()
    bob.device.host.openness = 'public'
    story.network.place(bob.device.host, lanAddress)
    bob.device.start()
    hears(bob.device.id, lanAddress)
    story.pass(second)
    expect(bob.heard(alice)).toEqual(['are you in yet?'])
  },
)

test('a contact who comes into the room is asked there for the keys of a new session', () => {
  let lost = false
  const reads = (real: Reads): Reads =>
    overriding(real, { session: (device) => (lost ? undefined : real.session(device)) })
  const { story, alice, bob, hears } = openStory({ reads })
  story.watches.add({
    committed: (device, changes) => {
      if (device === alice.device && changes.some(({ kind }) => kind === 'put-session')) lost = false
    },
  })
  lost = true
  story.relays[0]?.kill()
  bob.device.kill()
  alice.says(bob, 'are you in yet?')
  story.pass(10 * hour)
  bob.device.host.openness = 'public'
  story.network.place(bob.device.host, lanAddress)
  bob.device.start()
  hears(bob.device.id, lanAddress)
  story.pass(2 * second)
  expect(bob.heard(alice)).toEqual(['are you in yet?'])
})

test('whoever announces a contact again and again does not make us dial, or deposit, as often', () => {
  const { story, alice, bob, acts, hears } = openStory()
  bob.device.kill()
  bob.device.host.openness = 'public'
  alice.says(bob, 'are you there?')
  const [dials, deposits] = [acts('dial'), acts('deposit')]
  for (let i = 0; i < 1_200; i++) {
    story.network.place(bob.device.host, `/ip4/10.9.0.1/tcp/${i}`) // It refuses at once.
    hears(bob.device.id, `/ip4/10.9.0.1/tcp/${i}`)
    story.pass(second)
  }
  expect(acts('dial') - dials).toBeLessThan(20)
  expect(acts('deposit') - deposits).toBeLessThan(5)

  bob.device.host.openness = 'public'
  bob.device.start()
  alice.device.ask(() => ({ kind: 'surroundings-changed' }))
  hears(bob.device.id, lanAddress)
  story.network.place(bob.device.host, lanAddress)
  story.pass(minute)
  expect(bob.heard(alice)).toEqual(['are you there?'])
})

test('whoever announces a stranger again and again does not make us ask for contacts as often', () => {
  const { story, alice, acts, hears } = openStory()
  const [eve, mallory] = [story.person('eve', [], { openness: 'public' }), story.person('mallory', [])]
  story.pass(second)
  const link = eve.invites()
  for (const { device } of [eve, mallory]) device.kill() // Whoever is asked there refuses at once.
  mallory.device.host.openness = 'public'
  story.network.place(mallory.device.host, lanAddress)
  alice.opens(link)
  const before = acts('ask-directory')
  const seconds = 300
  for (let i = 0; i < seconds; i++) {
    hears(mallory.device.id, lanAddress)
    story.pass(second)
  }
  const asked = acts('ask-directory') - before
  expect(asked).toBeGreaterThan(20)
  expect(asked).toBeLessThanOrEqual(2 * (seconds / 5 + 1)) // Eve's own address, and the neighbour's.
  eve.device.start()
  hears(mallory.device.id, lanAddress)
  story.pass(10 * second)
  expect(alice.knows(eve)).toBe('added')
})
