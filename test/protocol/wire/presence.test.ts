/** Signs of presence: both sides find the same place, nobody else reads or forges what is said there. */
import { expect, test } from 'vitest'
import { ed25519PublicKey, systemRandom } from '../../../protocol/crypto/primitives.ts'
import { deviceIdOf, type DeviceId } from '../../../protocol/ids.ts'
import { presenceAgeMsMax } from '../../../protocol/limits.ts'
import {
  openSignal,
  presencePair,
  presenceTopic,
  presenceTopics,
  sealSignal,
  type PresencePair,
} from '../../../protocol/wire/presence.ts'

interface Someone {
  readonly seed: Uint8Array
  readonly device: DeviceId
}

const someone = (): Someone => {
  const seed = systemRandom.bytes(32)
  return { seed, device: deviceIdOf(ed25519PublicKey(seed)) }
}
const between = (one: Someone, other: Someone): PresencePair => presencePair(one.seed, other.device)!
const nowMs = Date.UTC(2026, 10, 22, 12)
const dayMs = 86_400_000

test('two devices name the same topic, another one each day, and a third device names a different one', () => {
  const [alice, bob, eve] = [someone(), someone(), someone()]
  expect(presenceTopic(between(alice, bob), nowMs)).toBe(presenceTopic(between(bob, alice), nowMs))
  const days = Array.from({ length: 30 }, (_, i) => presenceTopic(between(alice, bob), nowMs + i * dayMs))
  expect(new Set(days).size).toBe(30)
  expect(presenceTopic(between(eve, bob), nowMs)).not.toBe(presenceTopic(between(alice, bob), nowMs))
})

test('around midnight both days are listened to, at noon one', () => {
  const pair = between(someone(), someone())
  expect(presenceTopics(pair, nowMs)).toHaveLength(1)
  const midnight = Date.UTC(2026, 10, 23)
  expect(presenceTopics(pair, midnight - 60_000)).toContain(presenceTopic(pair, midnight + 60_000))
  expect(presenceTopics(pair, midnight + 60_000)).toContain(presenceTopic(pair, midnight - 60_000))
})

test('a sign opens for the other side only, as the one who gave it, and only while it is fresh', () => {
  const [alice, bob, eve] = [someone(), someone(), someone()]
  const signal = { sign: 'typing', atMs: nowMs } as const
  const sealed = sealSignal(between(alice, bob), alice.device, signal, systemRandom)
  expect(openSignal(between(bob, alice), alice.device, sealed, nowMs)).toEqual(signal)
  expect(openSignal(between(bob, alice), bob.device, sealed, nowMs)).toBeUndefined()
  expect(openSignal(between(eve, alice), alice.device, sealed, nowMs)).toBeUndefined()
  expect(openSignal(between(bob, alice), alice.device, sealed, nowMs + presenceAgeMsMax + 1)).toBeUndefined()
})

test('no cut and no flipped bit of a sign opens', () => {
  const [alice, bob] = [someone(), someone()]
  const pair = between(bob, alice)
  const sealed = sealSignal(pair, alice.device, { sign: 'here', atMs: nowMs }, systemRandom)
  for (let length = 0; length < sealed.length; length++) {
    expect(openSignal(pair, alice.device, sealed.slice(0, length), nowMs)).toBeUndefined()
  }
  for (let i = 0; i < sealed.length; i++) {
    const flipped = sealed.map((byte, at) => (at === i ? byte ^ 1 : byte))
    expect(openSignal(pair, alice.device, flipped, nowMs)).toBeUndefined()
  }
})
