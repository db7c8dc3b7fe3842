/** What the simulated world says of circuits: who is reached through a relay, what becomes of it, and when it ends. */
import { expect, test } from 'vitest'
import { isCircuit } from '../../node/core/routes.ts'
import { readCard, signedCard } from '../../protocol/wire/card.ts'
import type { Openness } from './world/network.ts'
import type { Person } from './world/person.ts'
import type { SimRelay } from './world/relay.ts'
import { hour, minute, second, Story } from './world/story.ts'

function openStory(openness: Openness): { story: Story; relay: SimRelay; alice: Person; bob: Person } {
  const story = new Story()
  const relay = story.relay('hub', { carriesCircuits: true })
  const [alice, bob] = [story.person('alice', [relay], { openness }), story.person('bob', [relay], { openness })]
  story.pass(5 * second)
  return { story, relay, alice, bob }
}

const linkOf = (a: Person, b: Person): string | undefined => a.device.core?.linkTo(b.device.id)?.address

test('two behind routers meet through the relay, and then directly', () => {
  const { story, alice, bob } = openStory('home')
  expect(story.meet(alice, bob)).toBe(true)
  const through = [alice, bob].map(() => false)
  const seen = (): boolean => {
    for (const [i, address] of [linkOf(alice, bob), linkOf(bob, alice)].entries())
      if (address !== undefined && isCircuit(address)) through[i] = true
    return through.every(Boolean)
  }
  expect(story.world.until(seen, 10 * second)).toBe(true)
  story.pass(10 * second)
  expect([linkOf(alice, bob), linkOf(bob, alice)]).toEqual(['bob', 'alice'])
  expect(story.world.marks.get('circuit-upgraded')).toBe(1)
})

/** How often each message was put on a link by this person. */
function sentOf(story: Story, person: Person): ReadonlyMap<string, number> {
  const sent = new Map<string, number>()
  story.watches.add({
    performed: (device, effect) => {
      if (device !== person.device || effect.kind !== 'send' || effect.frame.kind !== 'message') return
      sent.set(effect.frame.id, (sent.get(effect.frame.id) ?? 0) + 1)
    },
  })
  return sent
}

const isDirect = (address: string | undefined): boolean => address !== undefined && !isCircuit(address)

test('what is on its way over a circuit when a direct link takes its place is not sent twice', () => {
  const { story, alice, bob } = openStory('home')
  const sent = sentOf(story, alice)
  story.meet(alice, bob)
  story.world.until(() => linkOf(alice, bob) !== undefined, 10 * second)
  expect(isDirect(linkOf(alice, bob))).toBe(false)
  const before = sent.size
  const texts = Array.from({ length: 60 }, (_, i) => `${i}`)
  for (const text of texts) {
    alice.says(bob, text)
    story.pass(20)
  }
  story.pass(2 * second)
  expect(isDirect(linkOf(alice, bob))).toBe(true)
  expect(bob.heard(alice)).toEqual(texts)
  expect(sent.size - before).toBeGreaterThanOrEqual(texts.length)
  expect([...sent.values()].filter((times) => times > 1)).toEqual([])
})

test('and is, when the circuit breaks before it was confirmed', () => {
  const { story, relay, alice, bob } = openStory('home')
  const sent = sentOf(story, alice)
  story.meet(alice, bob)
  story.world.until(() => linkOf(alice, bob) !== undefined, 10 * second)
  let id = alice.says(bob, 'on its way')
  while (!isDirect(linkOf(alice, bob))) {
    story.pass(10)
    id = alice.says(bob, 'on its way')
  }
  expect(alice.fateOf(bob, id)).toBe('queued')
  relay.kill()
  expect(story.world.until(() => alice.fateOf(bob, id) !== 'queued', second)).toBe(true)
  expect([...sent.values()].filter((times) => times === 2).length).toBeGreaterThan(0)
})

test('behind strict firewalls they stay on the circuit, which takes both ways and ends after an hour', () => {
  const { story, alice, bob } = openStory('hidden')
  expect(story.meet(alice, bob)).toBe(true)
  story.pass(10 * second)
  expect(linkOf(alice, bob)).toBe('hub/p2p-circuit')
  expect(story.world.marks.get('circuit-stays')).toBeGreaterThan(0)
  const id = alice.says(bob, 'over two hops')
  const beganMs = story.world.nowMs
  expect(story.world.until(() => alice.fateOf(bob, id) !== 'queued', minute)).toBe(true)
  // To the relay and on, and the acknowledgement back: twice 20 and 15 ms each way, at least.
  expect(story.world.nowMs - beganMs).toBeGreaterThan(130)
  expect(alice.fateOf(bob, id)).toBe('delivered')
  story.pass(hour)
  expect(linkOf(alice, bob)).toBeUndefined()
  expect(story.world.marks.get('circuit-ran-out')).toBeGreaterThan(0)
})

test('whoever calls to confirm what a relay had is not sent it again', () => {
  const { story, alice, bob } = openStory('hidden')
  expect(story.meet(alice, bob)).toBe(true)
  story.pass(2 * hour)
  expect(linkOf(alice, bob)).toBeUndefined()
  const sent = sentOf(story, alice)
  const id = alice.says(bob, 'by the mailbox')
  story.pass(3 * second)
  expect(linkOf(alice, bob)).toBe('hub/p2p-circuit')
  expect(alice.fateOf(bob, id)).toBe('read')
  expect([...sent.keys()]).toEqual([])
})

test('a circuit ends with its relay, and nobody is called through one at which they have no reservation', () => {
  const { story, relay, alice, bob } = openStory('hidden')
  expect(story.meet(alice, bob)).toBe(true)
  story.pass(10 * second)
  relay.kill()
  story.pass(second)
  expect(linkOf(alice, bob)).toBeUndefined()
  expect(relay.host.guests.size).toBe(0)
  relay.start()
  story.pass(minute)
  expect([...relay.host.guests.keys()].toSorted()).toEqual([alice.device.id, bob.device.id].toSorted())
  bob.device.kill()
  expect([...relay.host.guests.keys()]).toEqual([alice.device.id])
})

test('a device that starts again at the same place says nothing new', () => {
  const { story, relay, alice } = openStory('home')
  const card = (): Uint8Array | undefined => alice.device.store.fact('own-card')
  const before = card()
  expect(JSON.stringify(readCard(signedCard.decode(before ?? new Uint8Array()) ?? fail()))).toContain('/p2p-circuit')
  alice.device.kill()
  relay.kill()
  alice.device.start()
  story.pass(minute)
  expect(card()).toEqual(before)
  relay.start()
  story.pass(minute)
  expect(card()).toEqual(before)
  expect(relay.host.guests.has(alice.device.id)).toBe(true)
})

function fail(): never {
  throw new Error('no card')
}
