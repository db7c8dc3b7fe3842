/** What a thief finds on a device afterwards, and what can be told from the outside. */
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { Secret } from '../../../../protocol/crypto/secret.ts'
import { fieldsOf } from '../../../interop/forgeries.ts'
import { Device, expectRead, friends, strangers } from '../device.ts'

/** Every 32 bytes of a stored record, as text, for looking whether a key is still there. */
function contains(stored: Uint8Array, key: Uint8Array): boolean {
  return Buffer.from(stored).includes(Buffer.from(key))
}

test('attack 20: the key of a read message is gone from what is stored', () => {
  const [alice, bob] = friends()
  const [late, now] = [alice.encrypt(bob, 'late'), alice.encrypt(bob, 'now')]
  expectRead(bob, alice, now, 'now')
  const seed = bob.sessionsWith(alice).current.ratchet.classical.theirChains[0]?.skipped[0]?.seed.bytes
  expect(seed).toBeDefined()
  expect(contains(bob.stored(alice), seed!)).toBe(true)
  expectRead(bob, alice, late, 'late')
  expect(contains(bob.stored(alice), seed!)).toBe(false)
})

test('attack 20: yesterday’s messages cannot be read with today’s record', () => {
  const [alice, bob] = friends()
  const wires = ['one', 'two', 'three'].map((text) => alice.encrypt(bob, text))
  for (const wire of wires) bob.read(alice, wire)
  expectRead(alice, bob, bob.encrypt(alice, 'turn'), 'turn')
  const thief = new Device('bob')
  thief.records.set(alice.name, bob.recordOf(alice))
  expect(wires.map((wire) => thief.read(alice, wire)[0])).toEqual(['[', '[', '['])
})

test('attack 20: a stolen record reads no more after a turn each way', () => {
  const [alice, bob] = friends()
  const stolen = bob.stored(alice)
  expectRead(bob, alice, alice.encrypt(bob, 'turn'), 'turn')
  expectRead(alice, bob, bob.encrypt(alice, 'turn'), 'turn')
  const wire = alice.encrypt(bob, 'healed')
  const copy = bob.recordOf(alice)
  bob.restore(alice, stolen)
  expect(bob.read(alice, wire)).toMatch(/^\[/)
  bob.records.set(alice.name, copy)
  expectRead(bob, alice, wire, 'healed')
})

test('attack 20: the base key and the ratchet keys of earlier turns are gone', () => {
  const [alice, bob] = strangers()
  const own = alice.sessionsWith(bob).current.ratchet.classical.ownRatchetKey.privateKey.bytes.slice()
  expectRead(bob, alice, alice.encrypt(bob, 'hello'), 'hello')
  expectRead(alice, bob, bob.encrypt(alice, 'turn'), 'turn')
  alice.encrypt(bob, 'turn')
  expect(contains(alice.stored(bob), own)).toBe(false)
})

test('attack 20: post-quantum epochs older than the last are gone', () => {
  const [alice, bob] = friends()
  for (let i = 0; i < 400; i++) {
    const [from, to] = i % 2 === 0 ? [alice, bob] : [bob, alice]
    expectRead(to, from, from.encrypt(to, 'turn'), 'turn')
  }
  const { schedule } = alice.sessionsWith(bob).current.ratchet.postQuantum
  expect(schedule.sendEpoch).toBeGreaterThan(2)
  expect(schedule.epochs.length).toBeLessThanOrEqual(3)
  expect(schedule.epochs[0]!.epoch).toBe(schedule.sendEpoch - 1)
  expect(schedule.epochs[0]!.own).toBeUndefined()
})

test('attack 20: secrets do not print, and are zero once wiped', () => {
  const key = new Uint8Array(32).fill(0xab)
  const secret = new Secret(key)
  const shown = [String(secret), JSON.stringify({ secret }), inspect(secret, { depth: 9, showHidden: true })]
  expect(shown.join(' ')).not.toMatch(/171|ab/)
  const [alice, bob] = friends()
  expect(inspect(alice.recordOf(bob), { depth: 20 })).toBe("SignalRecord { kind: 'session-record' }")
  secret.wipe()
  expect(key.every((byte) => byte === 0)).toBe(true)
})

test('attack 23: the new ratchet key is made when something is sent, and nobody can tell', () => {
  const [alice, bob] = friends()
  expectRead(bob, alice, alice.encrypt(bob, 'hello'), 'hello')
  expect(bob.sessionsWith(alice).current.ratchet.classical.ownChain).toBeUndefined()
  const wires = [1, 2].map(() => bob.encrypt(alice, 'answer'))
  const ratchetKeys = wires.map(({ bytes }) => fieldsOf(bytes, 8).find(({ field }) => field === 1)!.value)
  expect(ratchetKeys[0]).toEqual(ratchetKeys[1])
  for (const wire of wires) expectRead(alice, bob, wire, 'answer')
})
