/** Presence between two devices over air that everybody hears. */
import { expect, test } from 'vitest'
import { ed25519PublicKey, systemRandom } from '../../protocol/crypto/primitives.ts'
import { deviceIdOf, type AccountId, type DeviceId } from '../../protocol/ids.ts'
import { Presence, type Friend } from '../../node/presence.ts'

const minuteMs = 60_000

/** Everything published reaches everybody who listens there, as through a relay; and stays, for whoever would replay it. */
class Air {
  nowMs = Date.UTC(2026, 10, 22, 12)
  readonly published: { readonly topic: string; readonly data: Uint8Array }[] = []
  readonly #stations: Station[] = []

  station(name: string): Station {
    const station = new Station(this, name)
    this.#stations.push(station)
    return station
  }

  publish(topic: string, data: Uint8Array): void {
    this.published.push({ topic, data })
    this.deliver(topic, data)
  }

  deliver(topic: string, data: Uint8Array): void {
    for (const station of this.#stations) if (station.topics.has(topic)) station.presence.heard(topic, data)
  }

  pass(ms: number): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; this.nowMs += 2_000) {
      for (const station of this.#stations) if (station.on) station.presence.refresh()
    }
  }
}

class Station {
  readonly topics = new Set<string>()
  readonly changes: AccountId[] = []
  readonly account: AccountId
  readonly device: DeviceId
  readonly presence: Presence
  friends: Friend[] = []
  on = true

  constructor(air: Air, name: string) {
    const seed = systemRandom.bytes(32)
    this.account = name as AccountId
    this.device = deviceIdOf(ed25519PublicKey(seed))
    this.presence = new Presence({
      seed,
      device: this.device,
      friends: () => this.friends,
      isLinked: () => false,
      airwaves: {
        subscribe: (topic) => void this.topics.add(topic),
        unsubscribe: (topic) => void this.topics.delete(topic),
        publish: async (topic, data) => air.publish(topic, data),
      },
      random: systemRandom,
      nowMs: () => air.nowMs,
      onChanged: (account) => void this.changes.push(account),
    })
  }

  befriend(...others: readonly Station[]): void {
    this.friends = others.map(({ account, device }) => ({ account, device }))
  }

  sees(other: Station): { readonly here: boolean; readonly typing: boolean } {
    return this.presence.of(other.account)
  }
}

function two(): readonly [Air, Station, Station] {
  const air = new Air()
  const [alice, bob] = [air.station('alice'), air.station('bob')]
  alice.befriend(bob)
  bob.befriend(alice)
  return [air, alice, bob]
}

test('two friends see each other come, type, fall silent and go', async () => {
  const [air, alice, bob] = two()
  air.pass(10_000)
  expect([alice.sees(bob).here, bob.sees(alice).here]).toEqual([true, true])
  alice.presence.typing(bob.account, true)
  expect(bob.sees(alice).typing).toBe(true)
  alice.presence.typing(bob.account, false)
  expect(bob.sees(alice).typing).toBe(false)
  alice.on = false
  await alice.presence.stop()
  expect(bob.sees(alice).here).toBe(false)
  expect(bob.changes.length).toBe(4)
})

test('whoever ends without a word is taken to have gone after a few minutes, and typing wears out in seconds', () => {
  const [air, alice, bob] = two()
  air.pass(10_000)
  alice.presence.typing(bob.account, true)
  alice.on = false
  air.pass(10_000)
  expect(bob.sees(alice)).toEqual({ here: true, typing: false })
  air.pass(5 * minuteMs)
  expect(bob.sees(alice).here).toBe(false)
})

test('somebody who is no friend is told nothing and heard by nobody', () => {
  const [air, alice, bob] = two()
  const eve = air.station('eve')
  eve.befriend(alice, bob)
  air.pass(minuteMs)
  expect([eve.sees(alice).here, eve.sees(bob).here]).toEqual([false, false])
  expect(alice.changes.every((account) => account === bob.account)).toBe(true)
})

test('what was recorded and is played again changes nothing', () => {
  const [air, alice, bob] = two()
  air.pass(10_000)
  alice.presence.typing(bob.account, true)
  const recorded = air.published.at(-1)!
  alice.presence.typing(bob.account, false)
  air.deliver(recorded.topic, recorded.data)
  expect(bob.sees(alice).typing).toBe(false)
})

test('over midnight they stay, on another topic, and the old one is left', () => {
  const [air, alice, bob] = two()
  air.pass(10_000)
  const before = [...alice.topics]
  air.pass(24 * 60 * minuteMs)
  expect(bob.sees(alice).here).toBe(true)
  expect(before.some((topic) => alice.topics.has(topic))).toBe(false)
  expect(alice.topics.size).toBe(1)
})

test('a contact who is let go is not told any more, and not listened to', () => {
  const [air, alice, bob] = two()
  air.pass(10_000)
  alice.befriend()
  air.pass(10_000)
  const said = air.published.length
  alice.presence.typing(bob.account, true)
  expect(air.published.length).toBe(said)
  expect(alice.topics.size).toBe(0)
})
