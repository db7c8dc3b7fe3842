/** A refusal moves nothing, says nothing useful to an attacker, and never throws. */
import { expect, test } from 'vitest'
import { signalSessions } from '../../../../protocol/session/signal.ts'
import { fieldsOf, flipped, message, replaced } from '../../../interop/forgeries.ts'
import { Device, everyoneCanTalk, expectRead, friends, strangers } from '../device.ts'

test('attack 3: no changed byte of a message is read, and none moves the session', () => {
  const [alice, bob] = friends()
  const wire = alice.encrypt(bob, 'hello')
  const before = bob.stored(alice)
  for (let at = 0; at < wire.bytes.length; at++) {
    const result = bob.decrypt(alice, { type: 2, bytes: flipped(wire.bytes, at, at % 8) })
    expect(result.ok).toBe(false)
  }
  for (let length = 0; length < wire.bytes.length; length++)
    expect(bob.decrypt(alice, { type: 2, bytes: wire.bytes.subarray(0, length) }).ok).toBe(false)
  expect(bob.stored(alice)).toEqual(before)
  expectRead(bob, alice, wire, 'hello')
})

test('attack 3: a changed first message leaves the one-time key, the replay memory and the records alone', () => {
  const [alice, bob] = strangers()
  const wire = alice.encrypt(bob, 'hello')
  const preKeys = bob.preKeys.size
  // The registration id in front is not authenticated by the format; everything after it is, or decides the keys.
  for (let at = 4; at < wire.bytes.length; at += at > 40 && at < 1500 ? 101 : 3) {
    const result = bob.decrypt(alice, { type: 3, bytes: flipped(wire.bytes, at, 0) })
    expect(result.ok).toBe(false)
  }
  expect([bob.preKeys.size, bob.marks.size, bob.records.size]).toEqual([preKeys, 0, 0])
  expectRead(bob, alice, wire, 'hello')
})

test('attack 3: a changed first message does not touch the session that is there', () => {
  const [alice, bob] = friends()
  alice.initiate(bob)
  const wire = alice.encrypt(bob, 'anew')
  const before = bob.stored(alice)
  expect(bob.read(alice, { type: 3, bytes: flipped(wire.bytes, wire.bytes.length - 1, 0) })).toBe('[forged]')
  expect(bob.stored(alice)).toEqual(before)
})

test('attack 22: a thousand forged MACs cost a thousand refusals and no key', () => {
  const [alice, bob] = friends()
  const wire = alice.encrypt(bob, 'hello')
  const before = bob.stored(alice)
  for (let i = 0; i < 1000; i++) {
    const bytes = wire.bytes.slice()
    bytes.set(bob.random.bytes(8), bytes.length - 8)
    expect(bob.read(alice, { type: 2, bytes })).toBe('[forged]')
  }
  expect(bob.stored(alice)).toEqual(before)
  expectRead(bob, alice, wire, 'hello')
})

test('attack 30: bad padding and a bad MAC are the same answer', () => {
  const [alice, bob] = friends()
  const wire = alice.encrypt(bob, 'hello')
  const fields = fieldsOf(wire.bytes, 8)
  const mac = wire.bytes.slice(-8)
  const ciphertext = fields.find(({ field }) => field === 4)!.value as Uint8Array
  for (let at = 0; at < ciphertext.length; at++) {
    const bytes = message(0x44, replaced(fields, 4, flipped(ciphertext, at, 1)), mac)
    expect(bob.read(alice, { type: 2, bytes })).toBe('[forged]')
  }
  for (const length of [0, 1, 15, 17]) {
    const bytes = message(0x44, replaced(fields, 4, new Uint8Array(length)), mac)
    expect(bob.read(alice, { type: 2, bytes })).toBe('[forged]')
  }
})

test('attack 30: a forged KEM ciphertext fails like any other forgery', () => {
  const [alice, bob] = strangers()
  const wire = alice.encrypt(bob, 'hello')
  const fields = fieldsOf(wire.bytes, 0)
  const ciphertext = fields.find(({ field }) => field === 8)!.value as Uint8Array
  const bytes = message(0x44, replaced(fields, 8, flipped(ciphertext, 700, 3)))
  expect(bob.read(alice, { type: 3, bytes })).toBe('[forged]')
})

test('attack 31: another identity under a known name is refused, in first messages and in bundles', () => {
  const [alice, bob] = friends()
  const mallory = new Device('alice')
  mallory.initiate(bob)
  const wire = mallory.encrypt(bob, 'it is me, alice')
  const before = bob.stored(alice)
  expect(bob.read(alice, wire)).toBe('[identity-mismatch]')
  expect(bob.tryInitiate(alice, mallory.bundle())).toEqual({ ok: false, reason: 'identity-mismatch' })
  expect(bob.stored(alice)).toEqual(before)
  everyoneCanTalk(alice, bob)
})

test('attack 31: sessions with the old identity are not read under the new one', () => {
  const [alice, bob] = friends()
  const wire = alice.encrypt(bob, 'hello')
  const { own, random, nowMs } = bob
  const result = signalSessions.decrypt({
    own,
    theirIdentityKey: new Device('alice').own.identityKey,
    record: bob.recordOf(alice),
    type: 2,
    bytes: wire.bytes,
    preKeys: bob.reads(),
    random,
    nowMs,
  })
  expect(result).toEqual({ ok: false, reason: 'identity-mismatch' })
})

test('a message without a session is refused', () => {
  const [alice, bob] = friends()
  bob.records.delete(alice.name)
  expect(bob.read(alice, alice.encrypt(bob, 'hello'))).toBe('[no-session]')
})
