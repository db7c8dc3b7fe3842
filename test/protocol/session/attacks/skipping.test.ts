/** Attacks by leaving things out, and by saying so wrongly. */
import { expect, test } from 'vitest'
import {
  archivedKeysMax,
  archivedSessionsMax,
  forwardJumpMax,
  receivingChainsMax,
  skippedKeysMax,
} from '../../../../protocol/session/limits.ts'
import { fieldsOf, message, replaced } from '../../../interop/forgeries.ts'
import { encryptFrom, sessionWith } from './forge.ts'
import { Device, everyoneCanTalk, expectRead, friends } from '../device.ts'

test('attack 1: a huge counter costs a bounded time and keeps a bounded memory', () => {
  const [alice, bob] = friends()
  alice.records.set(bob.name, sessionWith(alice, bob, forwardJumpMax + 100))
  const wire = alice.encrypt(bob, 'far ahead')
  expect(bob.read(alice, wire)).toBe('[too-far-ahead]')
  everyoneUnmoved(alice, bob)
})

test('attack 1: the longest legal jump is read, and only the newest skipped keys are kept', () => {
  const [alice, bob] = friends()
  alice.records.set(bob.name, sessionWith(alice, bob, forwardJumpMax - 2))
  expectRead(bob, alice, alice.encrypt(bob, 'far'), 'far')
  const { ratchet } = bob.sessionsWith(alice).current
  expect(ratchet.classical.theirChains[0]?.skipped).toHaveLength(skippedKeysMax)
  expect(ratchet.postQuantum.schedule.epochs[0]?.skipped).toHaveLength(skippedKeysMax)
})

test('attack 1: what many sessions leave out is kept of the newest of them only', () => {
  const [alice, bob] = friends()
  const sizeOf = (device: Device, peer: Device): number => device.stored(peer).length
  const small = sizeOf(bob, alice)
  const early = []
  for (let i = 0; i < archivedSessionsMax; i++) {
    alice.initiate(bob)
    early.push(alice.encrypt(bob, `early ${i}`))
    alice.records.set(bob.name, sessionWith(alice, bob, skippedKeysMax - 1))
    expectRead(bob, alice, alice.encrypt(bob, 'far'), 'far')
  }
  const lateKeys = archivedKeysMax + 2 * skippedKeysMax
  expect(sizeOf(bob, alice)).toBeLessThan((archivedSessionsMax + 1) * small + 36 * lateKeys)
  expect(early.slice(-4).map((wire) => bob.read(alice, wire))).toEqual([36, 37, 38, 39].map((i) => `early ${i}`))
  expect(bob.read(alice, early[0]!)).toMatch(/^\[/)
  everyoneCanTalk(alice, bob)
})

test('attack 1: a forged counter against 41 sessions does no more work than two honest jumps', () => {
  const [alice, bob] = friends()
  for (let i = 0; i < archivedSessionsMax; i++) bob.initiate(alice)
  const wire = alice.encrypt(bob, 'hello')
  const fields = fieldsOf(wire.bytes, 8)
  const stranger = new Device('stranger').own.identityKey
  const forged = message(0x44, replaced(replaced(fields, 2, 24_999), 1, stranger), wire.bytes.slice(-8))
  const forgedMs = leastMs(3, () => expect(bob.read(alice, { type: 2, bytes: forged })).toMatch(/^\[/))
  const [honest, reader] = friends()
  honest.records.set(reader.name, sessionWith(honest, reader, forwardJumpMax - 2))
  const far = honest.encrypt(reader, 'far')
  const before = reader.recordOf(honest)
  const jumpMs = leastMs(3, () => {
    reader.records.set(honest.name, before)
    expectRead(reader, honest, far, 'far')
  })
  // Twice as long, then; 41 jumps take twenty times as long.
  expect(forgedMs).toBeLessThan(8 * jumpMs)
  expectRead(bob, alice, wire, 'hello')
})

test('attack 18: late messages of the last five turns are read, older ones are refused and change nothing', () => {
  const [alice, bob] = friends()
  const late = []
  for (let turn = 0; turn < receivingChainsMax + 2; turn++) {
    late.push(alice.encrypt(bob, `late ${turn}`))
    expectRead(bob, alice, alice.encrypt(bob, 'now'), 'now')
    expectRead(alice, bob, bob.encrypt(alice, 'turn'), 'turn')
  }
  const read = late.map((wire) => bob.read(alice, wire))
  expect(read.slice(-receivingChainsMax)).toEqual([2, 3, 4, 5, 6].map((turn) => `late ${turn}`))
  expect(read.slice(0, 2).every((text) => text.startsWith('['))).toBe(true)
  everyoneCanTalk(alice, bob)
})

test('attack 18: a message of the epoch before is read after the epoch has turned', () => {
  const [alice, bob] = friends()
  const late = alice.encrypt(bob, 'late')
  const epochOf = (device: Device, peer: Device): number =>
    device.sessionsWith(peer).current.ratchet.postQuantum.schedule.sendEpoch
  // A long one-way burst first, so that the chain of `late` is still among the last five when the epoch has turned.
  for (let turn = 0; epochOf(bob, alice) < 1 && turn < 400; turn++) {
    for (let i = 0; i < 40; i++) expectRead(bob, alice, alice.encrypt(bob, 'many'), 'many')
    for (let i = 0; i < 40; i++) expectRead(alice, bob, bob.encrypt(alice, 'many'), 'many')
  }
  expect(epochOf(bob, alice)).toBeGreaterThanOrEqual(1)
  expectRead(bob, alice, late, 'late')
})

test('attack 19: the previous counter is told and trusted by nobody', () => {
  const [alice, bob] = friends()
  const { record, bytes } = encryptFrom(alice, bob, 'hello', { previousCounter: 0xffff_ffff })
  alice.records.set(bob.name, record)
  expectRead(bob, alice, { type: 2, bytes }, 'hello')
  everyoneCanTalk(alice, bob)
})

test('attack 32: with 41 sessions a message of a known chain is tried in one session only', () => {
  const [alice, bob] = friends()
  const wires = Array.from({ length: 50 }, (_, i) => alice.encrypt(bob, `message ${i}`))
  expectRead(bob, alice, wires[0]!, 'message 0')
  for (let i = 0; i < archivedSessionsMax; i++) bob.initiate(alice)
  const forged = wires[1]!.bytes.slice()
  forged[forged.length - 1]! ^= 1
  const stranger = new Device('stranger').own.identityKey
  const unknown = message(0x44, replaced(fieldsOf(forged, 8), 1, stranger), forged.slice(-8))
  const triedMs = (bytes: Uint8Array): number =>
    leastMs(20, () => expect(bob.read(alice, { type: 2, bytes })).toBe('[forged]'))
  // A chain that nobody knows costs 41 agreements.
  expect(triedMs(forged)).toBeLessThan(triedMs(unknown) / 4)
  expectRead(bob, alice, wires[1]!, 'message 1')
})

/** Milliseconds of the quickest of so many: what else runs on the machine only ever adds. */
function leastMs(times: number, act: () => void): number {
  return Math.min(
    ...Array.from({ length: times }, () => {
      const beganMs = performance.now()
      act()
      return performance.now() - beganMs
    }),
  )
}

function everyoneUnmoved(alice: Device, bob: Device): void {
  const skipped = bob.sessionsWith(alice).current.ratchet.classical.theirChains.map((their) => their.skipped.length)
  expect(skipped.every((count) => count === 0)).toBe(true)
}
