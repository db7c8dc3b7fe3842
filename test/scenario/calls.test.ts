/** Who is called through a relay, which then learns who calls: only somebody who was heard of a moment ago, and then at once. */
import { expect, test } from 'vitest'
import { envelopeIdOf } from '../../protocol/ids.ts'
import { messageLifeMs } from '../../protocol/limits.ts'
import type { Envelope } from '../../protocol/wire/mailbox.ts'
import { isCircuit } from '../../node/core/routes.ts'
import type { Person } from '../sim/world/person.ts'
import { minute, second, Story } from '../sim/world/story.ts'

/** A dial that somebody began: when, and through relays or not. */
interface Dial {
  readonly atMs: number
  readonly circuits: number
  readonly direct: number
}

function openStory(): { story: Story; alice: Person; bob: Person; dialsOf: (person: Person) => readonly Dial[] } {
  const story = new Story()
  const dials = new Map<unknown, Dial[]>()
  story.watches.add({
    performed: (device, effect) => {
      if (effect.kind !== 'dial') return
      const circuits = effect.addresses.filter(isCircuit).length
      const dial = { atMs: story.world.nowMs, circuits, direct: effect.addresses.length - circuits }
      dials.set(device, [...(dials.get(device) ?? []), dial])
    },
  })
  const relay = story.relay('hub')
  const [alice, bob] = [story.person('alice', [relay]), story.person('bob', [relay])]
  // Each at home behind a router that drops whatever comes; the relay has granted both a circuit.
  for (const [n, { device }] of [alice, bob].entries()) {
    const addresses = [`/ip4/192.168.${n}.10/tcp/4001`, `${relay.address}/p2p-circuit`]
    device.ask(() => ({ kind: 'listening', addresses }))
  }
  story.pass(5 * second)
  return { story, alice, bob, dialsOf: (person) => dials.get(person.device) ?? [] }
}

test('whoever answers through the mailbox is called through their relay, while the direct dial still waits for an answer', () => {
  const { story, alice, bob, dialsOf } = openStory()
  expect(story.meet(alice, bob)).toBe(true)
  story.pass(2 * second)
  for (const person of [alice, bob]) {
    const [first, second_] = dialsOf(person)
    expect(first).toMatchObject({ direct: 1, circuits: 0 })
    expect(second_).toMatchObject({ direct: 0, circuits: 1 })
  }
})

test('nobody is called who was not heard of for five minutes', () => {
  const { story, alice, bob, dialsOf } = openStory()
  story.meet(alice, bob)
  bob.device.kill()
  story.pass(6 * minute)
  const before = dialsOf(alice).length
  alice.says(bob, 'are you there?')
  story.pass(10 * minute)
  const since = dialsOf(alice).slice(before)
  expect(since.length).toBeGreaterThan(0)
  expect(since.filter(({ circuits }) => circuits > 0)).toEqual([])
})

test('nobody is called of whom only a relay says that they are there: it would learn who calls', () => {
  const { story, alice, bob, dialsOf } = openStory()
  story.meet(alice, bob)
  bob.device.kill()
  story.pass(6 * minute)
  const [relay] = story.relays
  if (relay === undefined) throw new Error('there is one')
  let lies = 0
  relay.malice = (frame) => {
    if (frame.kind !== 'stored') return [frame]
    lies++
    return [{ kind: 'delivered', ids: frame.receipt.taken.map(({ id }) => id) }]
  }
  const before = dialsOf(alice).length
  alice.says(bob, 'are you there?')
  story.pass(second)
  alice.says(bob, 'really?')
  story.pass(minute)
  expect(lies).toBeGreaterThan(0)
  expect(dialsOf(alice).length).toBeGreaterThan(before)
  expect(
    dialsOf(alice)
      .slice(before)
      .filter(({ circuits }) => circuits > 0),
  ).toEqual([])
})

test.each(['garbage', 'an old envelope'])('nobody is called in whose name a relay brings %s', (what) => {
  const { story, alice, bob, dialsOf } = openStory()
  story.meet(alice, bob)
  const [relay] = story.relays
  const envelopes: Envelope[] = []
  story.watches.add({
    heard: (device, input) => {
      if (device === alice.device && input.kind === 'envelope-collected') envelopes.push(input.envelope)
    },
  })
  bob.says(alice, 'good night')
  story.pass(second)
  bob.device.kill()
  story.pass(6 * minute)
  const before = dialsOf(alice).length
  const [genuine] = envelopes
  if (relay === undefined || genuine === undefined) throw new Error('it came by the relay')
  const noise = { sender: bob.device.id, type: 2, ciphertext: new Uint8Array(200).fill(7) } as const
  const sealed = what === 'garbage' ? story.seal(alice.device.id, noise) : genuine.sealed
  const id = what === 'garbage' ? envelopeIdOf(new Uint8Array(16).fill(7)) : genuine.id
  const expiresMs = alice.device.clock.nowMs + messageLifeMs // As if it had been sent just now.
  alice.device.ask(() => ({
    kind: 'envelope-collected',
    relay: relay.address,
    envelope: { ...genuine, id, sealed, expiresMs },
  }))
  alice.says(bob, 'are you there?')
  story.pass(minute)
  const since = dialsOf(alice).slice(before)
  expect(since.length).toBeGreaterThan(0)
  expect(since.filter(({ circuits }) => circuits > 0)).toEqual([])
})

test('whoever cannot be called, though here, is called less and less often, and again at once from another network', () => {
  const { story, alice, bob, dialsOf } = openStory()
  story.meet(alice, bob)
  const talk = (rounds: number): void => {
    for (let i = 0; i < rounds; i++) {
      bob.says(alice, 'still here')
      alice.says(bob, 'so am I')
      story.pass(3 * second)
    }
  }
  const calls = (): readonly number[] => dialsOf(alice).flatMap(({ atMs, circuits }) => (circuits > 0 ? [atMs] : []))
  talk(40)
  const pausesMs = calls().map((atMs, i, all) => atMs - (all[i - 1] ?? atMs))
  expect(pausesMs.length).toBeGreaterThan(2)
  expect(pausesMs).toEqual(pausesMs.toSorted((a, b) => a - b))
  const before = calls().length
  alice.device.ask(() => ({ kind: 'surroundings-changed' }))
  talk(3)
  expect(calls().length).toBe(before + 1)
})
