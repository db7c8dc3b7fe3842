/** Safety numbers: against libsignal’s in `npm run test:interop`; here, what must hold of any. */
import { expect, test } from 'vitest'
import { fingerprintOf, isSameScan } from '../../../protocol/session/fingerprint.ts'
import { seededRandom } from '../../interop/seeded-random.ts'
import { Device } from './device.ts'

const party = (name: string): { id: Uint8Array; identityKey: Uint8Array } => ({
  id: new TextEncoder().encode(name),
  identityKey: new Device(name, seededRandom(name)).own.identityKey,
})
const [alice, bob, mallory] = [party('alice'), party('bob'), party('mallory')]

test('both sides see the same 60 digits, and each other’s codes', () => {
  const [here, there] = [fingerprintOf(alice, bob), fingerprintOf(bob, alice)]
  expect(here.digits).toMatch(/^\d{60}$/)
  expect(here.digits).toBe(there.digits)
  expect(isSameScan(here.scannable, there.scannable)).toBe(true)
})

test('somebody between them shows', () => {
  const [here, there] = [fingerprintOf(alice, mallory, 2), fingerprintOf(bob, mallory, 2)]
  expect(here.digits).not.toBe(there.digits)
  expect(isSameScan(here.scannable, there.scannable)).toBe(false)
  const renamed = fingerprintOf({ ...alice, id: bob.id }, bob, 2)
  expect(renamed.digits).not.toBe(fingerprintOf(alice, bob, 2).digits)
})

test('a code that is not one is no match', () => {
  const { scannable } = fingerprintOf(alice, bob, 2)
  expect(isSameScan(scannable, scannable)).toBe(false)
  for (let length = 0; length < scannable.length; length++)
    expect(isSameScan(scannable, scannable.subarray(0, length))).toBe(false)
  expect(isSameScan(scannable, scannable.with(1, 3))).toBe(false)
})

test('digits are the ones this code has always given', () => {
  expect(fingerprintOf(alice, bob).digits).toMatchInlineSnapshot(
    `"309136446019987218441861079618586380386348684774996644038183"`,
  )
})
