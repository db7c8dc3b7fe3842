/** Attacks by sending again what was sent before, and by going back to what was before. */
import { expect, test } from 'vitest'
import { fieldsOf, message, nonCanonical, replaced, withTorsion } from '../../../interop/forgeries.ts'
import { Device, everyoneCanTalk, expectRead, friends, strangers } from '../device.ts'

test('attack 2: a delivered message again is a duplicate, and nothing moves', () => {
  const [alice, bob] = friends()
  const wire = alice.encrypt(bob, 'once')
  expectRead(bob, alice, wire, 'once')
  const before = bob.stored(alice)
  expect(bob.read(alice, wire)).toBe('[duplicate]')
  expect(bob.stored(alice)).toEqual(before)
  everyoneCanTalk(alice, bob)
})

test('attack 2: a late message again is a duplicate', () => {
  const [alice, bob] = friends()
  const [late, now] = [alice.encrypt(bob, 'late'), alice.encrypt(bob, 'now')]
  expectRead(bob, alice, now, 'now')
  expectRead(bob, alice, late, 'late')
  expect(bob.read(alice, late)).toBe('[duplicate]')
})

test('attack 4: initial-message replay without one-time prekey, while the session is held', () => {
  const [alice, bob] = strangers(false)
  const first = alice.encrypt(bob, 'hello')
  expectRead(bob, alice, first, 'hello')
  expect(bob.read(alice, first)).toBe('[duplicate]')
  everyoneCanTalk(alice, bob)
})

test('attack 4: initial-message replay without one-time prekey, after the session was deleted', () => {
  const [alice, bob] = strangers(false)
  const first = alice.encrypt(bob, 'hello')
  expectRead(bob, alice, first, 'hello')
  bob.records.delete(alice.name)
  expect(bob.read(alice, first)).toBe('[replayed-first-message]')
})

test('attack 4: the same base key written another way does not get past the replay memory', () => {
  const [alice, bob] = strangers(false)
  const first = alice.encrypt(bob, 'hello')
  expectRead(bob, alice, first, 'hello')
  bob.records.delete(alice.name)
  const fields = fieldsOf(first.bytes, 0)
  const baseKey = fields.find(({ field }) => field === 2)!.value as Uint8Array
  for (const other of [nonCanonical(baseKey), withTorsion(baseKey), baseKey.with(0, 6), baseKey.slice(1)]) {
    const bytes = message(0x44, replaced(fields, 2, other))
    expect(bob.read(alice, { type: 3, bytes })).toBe('[invalid-key]')
  }
})

test('attack 5: the responder writes under a ratchet key of its own making, also after a replay', () => {
  const [alice, bob] = strangers(false)
  const first = alice.encrypt(bob, 'hello')
  const keys = [1, 2].map(() => {
    bob.records.delete(alice.name)
    bob.marks.clear()
    expectRead(bob, alice, first, 'hello')
    return fieldsOf(bob.encrypt(alice, 'answer').bytes, 8).find(({ field }) => field === 1)!.value
  })
  expect(keys[0]).not.toEqual(keys[1])
})

test('attack 7: a one-time prekey opens one session', () => {
  const [alice, bob, carol] = [new Device('alice'), new Device('bob'), new Device('carol')]
  const bundle = bob.bundle()
  alice.initiate(bob, bundle)
  carol.initiate(bob, bundle)
  expectRead(bob, alice, alice.encrypt(bob, 'first'), 'first')
  expect(bob.read(carol, carol.encrypt(bob, 'second'))).toBe('[unknown-prekey]')
  expect(bob.records.has(carol.name)).toBe(false)
})

test('attack 7: an unknown or deleted prekey is refused and leaves nothing', () => {
  for (const forget of ['preKeys', 'signedPreKeys', 'kyberPreKeys'] as const) {
    const [alice, bob] = strangers()
    const wire = alice.encrypt(bob, 'hello')
    bob[forget].clear()
    expect(bob.read(alice, wire)).toBe('[unknown-prekey]')
    expect(bob.records.size).toBe(0)
    expect(bob.marks.size).toBe(0)
  }
})

test('attack 16: a restored record writes under a used counter, which the receiver refuses', () => {
  const [alice, bob] = friends()
  expectRead(bob, alice, alice.encrypt(bob, 'this turn'), 'this turn')
  const backup = alice.stored(bob)
  expectRead(bob, alice, alice.encrypt(bob, 'before the crash'), 'before the crash')
  alice.restore(bob, backup)
  // This is why the record is kept before the ciphertext leaves: here it was not.
  expect(bob.read(alice, alice.encrypt(bob, 'after the crash'))).toBe('[duplicate]')
  expectRead(bob, alice, alice.encrypt(bob, 'and on'), 'and on')
})

test('attack 16: a record restored from before a turn is refused, and a new session heals it', () => {
  const [alice, bob] = friends()
  const backup = alice.stored(bob)
  expectRead(bob, alice, alice.encrypt(bob, 'before the crash'), 'before the crash')
  alice.restore(bob, backup)
  expect(bob.read(alice, alice.encrypt(bob, 'after the crash'))).toMatch(/^\[/)
  alice.initiate(bob)
  everyoneCanTalk(alice, bob)
})

test('attack 16: a receiver restored from a backup reads again and goes on', () => {
  const [alice, bob] = friends()
  const backup = bob.stored(alice)
  const wires = ['one', 'two'].map((text) => alice.encrypt(bob, text))
  for (const wire of wires) bob.read(alice, wire)
  bob.restore(alice, backup)
  expect(wires.map((wire) => bob.read(alice, wire))).toEqual(['one', 'two'])
  everyoneCanTalk(alice, bob)
})

test('attack 17: crossing first messages, again and again, converge', () => {
  const [alice, bob] = [new Device('alice'), new Device('bob')]
  for (let round = 0; round < 4; round++) {
    alice.initiate(bob)
    bob.initiate(alice)
    const fromAlice = [alice.encrypt(bob, 'a1'), alice.encrypt(bob, 'a2')]
    const fromBob = [bob.encrypt(alice, 'b1'), bob.encrypt(alice, 'b2')]
    expect(fromAlice.toReversed().map((wire) => bob.read(alice, wire))).toEqual(['a2', 'a1'])
    expect(fromBob.map((wire) => alice.read(bob, wire))).toEqual(['b1', 'b2'])
  }
  everyoneCanTalk(alice, bob)
  expect(alice.encrypt(bob, 'settled').type).toBe(2)
  expect(bob.encrypt(alice, 'settled').type).toBe(2)
})

test('attack 17: three devices that all open sessions with each other at once', () => {
  const devices = ['alice', 'bob', 'carol'].map((name) => new Device(name))
  const pairs = devices.flatMap((from) => devices.filter((to) => to !== from).map((to) => [from, to] as const))
  for (const [from, to] of pairs) from.initiate(to)
  const wires = pairs.map(([from, to]) => ({ from, to, wire: from.encrypt(to, 'hello') }))
  for (const { from, to, wire } of wires) expectRead(to, from, wire, 'hello')
  for (const [from, to] of pairs) everyoneCanTalk(from, to)
})
