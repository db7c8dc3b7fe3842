/** Keys that change, and sessions that are lost. */
import { expect, test } from 'vitest'
import { ed25519PublicKey } from '../../protocol/crypto/primitives.ts'
import { deviceIdOf, type DeviceId } from '../../protocol/ids.ts'
import type { Reads } from '../../node/core/reads.ts'
import { signalSessions } from '../../protocol/session/signal.ts'
import { overriding } from '../sim/world/overriding.ts'
import { hour, minute, second, Story } from '../sim/world/story.ts'

test('someone sets up their account anew on another device: the change is loud, and what waited arrives there', () => {
  const story = new Story()
  const relay = story.relay('hub')
  const [alice, bob] = [story.person('alice', [relay]), story.person('bob', [relay])]
  story.pass(5 * second)
  story.meet(alice, bob)
  story.pass(minute)
  bob.device.kill()
  const id = alice.says(bob, 'to whichever of you')
  story.pass(hour)

  const anew = story.person('bob again', [relay], { accountSeed: bob.device.accountSeed })
  story.pass(5 * minute)
  const later = alice.says(bob, 'and to the new one')
  story.pass(13 * hour)
  expect(alice.saw.some((event) => event.type === 'contact' && event.state === 'key-changed')).toBe(true)
  const texts = anew.saw.flatMap((event) => (event.type === 'message' ? [event.text] : []))
  const requested = anew.knows(alice)
  expect([requested, texts]).toEqual(['requested', []])
  anew.accepts(alice)
  story.pass(7 * hour)
  expect(anew.heard(alice)).toEqual(['to whichever of you', 'and to the new one'])
  expect([alice.fateOf(bob, id), alice.fateOf(bob, later)]).toEqual(['read', 'read'])
})

test.each(['home', 'public'] as const)(
  'a lost session is noticed, and a new one carries what was unreadable (%s)',
  (openness) => {
    const story = new Story()
    const relay = story.relay('hub')
    const forgotten = new Set<DeviceId>()
    const reads = (real: Reads): Reads =>
      overriding(real, { session: (device) => (forgotten.has(device) ? undefined : real.session(device)) })
    const alice = story.person('alice', [relay], { openness })
    const bob = story.person('bob', [relay], { openness, faults: { reads } })
    story.watches.add({
      committed: (device, changes) => {
        if (device !== bob.device) return
        for (const change of changes) if (change.kind === 'put-session') forgotten.delete(change.device)
      },
    })
    story.pass(5 * second)
    story.meet(alice, bob)
    alice.says(bob, 'before')
    bob.says(alice, 'yes')
    story.pass(minute)

    forgotten.add(alice.device.id)
    const ids = [alice.says(bob, 'after'), alice.says(bob, 'and after that')]
    story.pass(10 * minute)
    expect(bob.heard(alice)).toEqual(['before', 'after', 'and after that'])
    expect(ids.map((id) => alice.fateOf(bob, id))).toEqual(['read', 'read'])
    bob.says(alice, 'all here')
    story.pass(minute)
    expect(alice.heard(bob)).toEqual(['yes', 'all here'])
  },
)

test('a request for a repeat that is lost with its relay is made again', () => {
  const story = new Story()
  const relay = story.relay('hub')
  const forgotten = new Set<DeviceId>()
  const reads = (real: Reads): Reads =>
    overriding(real, { session: (device) => (forgotten.has(device) ? undefined : real.session(device)) })
  const alice = story.person('alice', [relay])
  const bob = story.person('bob', [relay], { faults: { reads } })
  story.watches.add({
    committed: (device, changes) => {
      if (device !== bob.device) return
      for (const change of changes) if (change.kind === 'put-session') forgotten.delete(change.device)
    },
  })
  story.pass(5 * second)
  story.meet(alice, bob)
  alice.says(bob, 'before')
  bob.says(alice, 'yes')
  story.pass(minute)

  forgotten.add(alice.device.id)
  const id = alice.says(bob, 'unreadable')
  story.pass(second)
  alice.device.kill() // What bob asks for is stored at the relay, and goes with it.
  story.pass(10 * second)
  relay.wipe()
  alice.device.start()
  story.pass(26 * hour)
  expect(bob.heard(alice)).toEqual(['before', 'unreadable'])
  expect(alice.fateOf(bob, id)).toBe('read')
})

test('a bundle whose signatures are wrong opens nothing, and another is asked for', () => {
  let forged = 2
  const sessions = overriding(signalSessions, {
    initiate: (given) => {
      const { bundle } = given
      if (forged-- <= 0) return signalSessions.initiate(given)
      const kyberPreKeySignature = new Uint8Array(bundle.kyberPreKeySignature.length)
      return signalSessions.initiate({ ...given, bundle: { ...bundle, kyberPreKeySignature } })
    },
  })
  const story = new Story()
  const relays = [story.relay('one'), story.relay('two')]
  const [alice, bob] = [story.person('alice', relays, { sessions }), story.person('bob', relays)]
  story.pass(5 * second)
  alice.opens(bob.invites())
  const id = alice.says(bob, 'are you yourself?')
  story.pass(second)
  expect(alice.device.store.session(bob.device.id)).toBeUndefined()
  story.pass(10 * minute)
  expect(forged).toBeLessThan(0)
  expect(bob.heard(alice)).toEqual(['are you yourself?'])
  expect(alice.fateOf(bob, id)).toBe('read')
})

test('prekeys run out, and people can still write to each other for the first time', () => {
  const story = new Story()
  const relay = story.relay('hub', { limits: { preKeysPerOwner: { burst: 1, perSecond: 0.000_01 } } })
  const host = story.person('host', [relay])
  const guests = ['a', 'b', 'c'].map((name) => story.person(name, [relay]))
  story.pass(5 * second)
  for (const guest of guests) expect(story.meet(host, guest)).toBe(true)
  for (const guest of guests) guest.says(host, guest.name)
  story.pass(minute)
  expect(guests.map((guest) => host.heard(guest))).toEqual([['a'], ['b'], ['c']])
})

test('what waits for two devices of one person is not sent to one of them twice when the other goes', () => {
  const story = new Story()
  const relay = story.relay('hub')
  const [alice, bob] = [story.person('alice', [relay]), story.person('bob', [relay])]
  story.pass(5 * second)
  story.meet(alice, bob)
  story.pass(minute)
  const known = alice.device.store.contact(bob.account)
  if (known?.card === undefined) throw new Error('they have met')
  alice.device.kill()
  bob.device.kill()
  const phone = { device: deviceIdOf(ed25519PublicKey(new Uint8Array(32).fill(1))), addresses: [] }
  const { revision, devices } = known.card
  const { signedCard: _, ...contact } = known
  const card = { ...known.card, revision: revision - 1, devices: [...devices, phone] }
  alice.device.rewrite([{ kind: 'put-contact', contact: { ...contact, card } }])
  alice.device.start()
  const id = alice.says(bob, 'to both of you')
  const under = (device: DeviceId): unknown => {
    const delivery = alice.device.store.deliveriesOf(id).find((one) => one.device === device)
    return delivery?.sealedFor?.envelopeId
  }
  const envelope = under(bob.device.id)
  expect(alice.device.store.deliveriesOf(id)).toHaveLength(2)
  story.pass(minute) // Nobody has a bundle of the telephone, so the card is asked for anew.
  expect(alice.device.store.deliveriesOf(id).map(({ device }) => device)).toEqual([bob.device.id])
  expect(envelope).toBeDefined()
  expect(under(bob.device.id)).toBe(envelope)
  bob.device.start()
  story.pass(minute)
  expect(bob.heard(alice)).toEqual(['to both of you'])
  expect(alice.fateOf(bob, id)).toBe('read')
})
