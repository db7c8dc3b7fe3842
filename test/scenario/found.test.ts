/** What drawn worlds have found, told as stories. */
import { bytesToHex } from '@noble/hashes/utils.js'
import { expect, test } from 'vitest'
import { signalSessions } from '../../protocol/session/signal.ts'
import { directProtocol } from '../../protocol/wire/direct.ts'
import { overriding } from '../sim/world/overriding.ts'
import type { Person } from '../sim/world/person.ts'
import { day, hour, minute, second, Story } from '../sim/world/story.ts'
import type { SimRelay } from '../sim/world/relay.ts'

function acquainted(story: Story, relays: readonly SimRelay[], openness: 'home' | 'public'): readonly [Person, Person] {
  const [alice, bob] = [story.person('alice', relays, { openness }), story.person('bob', relays, { openness })]
  story.pass(5 * second)
  expect(story.meet(alice, bob)).toBe(true)
  story.pass(minute)
  return [alice, bob]
}

test('a relay that says what only a device may say is not believed', () => {
  const story = new Story()
  const relay = story.relay('hub')
  const [alice, bob] = acquainted(story, [relay], 'home')
  bob.device.kill()
  relay.malice = (frame) =>
    frame.kind === 'stored' ? [{ kind: 'delivered', ids: frame.receipt.taken.map(({ id }) => id) }] : [frame]
  const id = alice.says(bob, 'did you get this?')
  story.pass(minute)
  expect(alice.fateOf(bob, id)).toBe('queued')
  relay.mend()
  bob.device.start()
  story.pass(hour)
  expect(bob.heard(alice)).toEqual(['did you get this?'])
  expect(alice.fateOf(bob, id)).toBe('read')
})

test('whoever hangs up on every link is not dialled at the speed of the network', () => {
  const story = new Story()
  const [alice, bob] = acquainted(story, [], 'public')
  bob.device.kill()
  let answered = 0
  bob.device.host.services.set(directProtocol, (end) => {
    answered++
    story.world.after(second, () => end.close('not now'))
    return { onFrame: () => undefined, onEnd: () => undefined }
  })
  alice.says(bob, 'why?')
  story.pass(day)
  expect(answered).toBeGreaterThan(5)
  expect(answered).toBeLessThan(40)
})

test('whoever takes messages on a link and confirms none is hung up on after a quarter of a minute', () => {
  const story = new Story()
  const [alice, bob] = acquainted(story, [], 'public')
  bob.device.kill()
  const ends: string[] = []
  const listener = { onFrame: () => undefined, onEnd: (reason: string) => void ends.push(reason) }
  bob.device.host.services.set(directProtocol, () => listener)
  alice.says(bob, 'anybody there?')
  story.pass(12 * second)
  expect(ends).toEqual([])
  story.pass(8 * second)
  expect(ends).toHaveLength(1)
})

test('whoever refuses on a link that stands is not asked again at the speed of the network', () => {
  const story = new Story()
  const [alice, bob] = acquainted(story, [], 'public')
  bob.blocks(alice)
  alice.says(bob, 'why?')
  const before = alice.device.turns
  story.pass(day)
  expect(alice.device.turns - before).toBeLessThan(150)
})

test('someone without a relay who moves tells their contacts where to', () => {
  const story = new Story()
  const [alice, bob] = acquainted(story, [], 'public')
  alice.device.roam('another town', 'public')
  story.pass(minute)
  bob.says(alice, 'found you')
  story.pass(minute)
  expect(alice.heard(bob)).toEqual(['found you'])
})

test('a mailbox is empty again after a relay whose store failed for a while has recovered', () => {
  const story = new Story()
  const relay = story.relay('hub')
  const [alice, bob] = acquainted(story, [relay], 'home')
  relay.failureRate = 0.5
  const ids = Array.from({ length: 30 }, (_, i) => alice.says(bob, `${i}`))
  story.pass(10 * minute)
  relay.failureRate = 0
  story.pass(hour)
  expect(bob.heard(alice)).toEqual(ids.map((_, i) => `${i}`))
  expect(relay.waiting()).toBe(0)
})

test('a long queue is not put to a full mailbox again and again', () => {
  const story = new Story()
  const relay = story.relay('hub', { limits: { mailboxMessagesMax: 3 } })
  const [alice, bob] = acquainted(story, [relay], 'home')
  bob.device.kill()
  for (let i = 0; i < 200; i++) alice.says(bob, `${i}`)
  const before = relay.deposits
  story.pass(day)
  expect(relay.deposits - before).toBeLessThan(300)
  bob.device.start()
  story.pass(2 * hour)
  expect(bob.heard(alice)).toHaveLength(200)
})

test('whoever repeats themselves where no receipt can reach them is not answered anew each time', () => {
  const story = new Story()
  const [hers, his] = [story.relay('hers'), story.relay('his')]
  const alice = story.person('alice', [hers], { openness: 'home' })
  const bob = story.person('bob', [his], { openness: 'home' })
  story.pass(5 * second)
  expect(story.meet(alice, bob)).toBe(true)
  story.pass(minute)
  hers.kill()
  const id = alice.says(bob, 'did you get this?')
  story.pass(5 * day)
  expect(bob.heard(alice)).toEqual(['did you get this?'])
  expect(bob.device.store.deliveries().length).toBeLessThanOrEqual(2)
  hers.start()
  story.pass(hour)
  expect(alice.fateOf(bob, id)).toBe('read')
  expect(bob.device.store.deliveries()).toEqual([])
})

test.each(['home', 'public'] as const)(
  'a message whose key was let go of is asked for again, not confirmed (%s)',
  (openness) => {
    let isLetGo = false
    const late = new Set<string>()
    const sessions = overriding(signalSessions, {
      decrypt: (message) => {
        const bytes = bytesToHex(message.bytes)
        if (isLetGo) late.add(bytes)
        return late.has(bytes) ? { ok: false, reason: 'duplicate' } : signalSessions.decrypt(message)
      },
    })
    const story = new Story({ sessions })
    const [alice, bob] = acquainted(story, [story.relay('hub')], openness)
    isLetGo = true
    const id = alice.says(bob, 'an epoch ago')
    expect(story.world.until(() => late.size > 0, minute)).toBe(true)
    isLetGo = false
    expect(['queued', 'stored']).toContain(alice.fateOf(bob, id))
    story.pass(hour)
    expect(bob.heard(alice)).toEqual(['an epoch ago'])
    expect(alice.fateOf(bob, id)).toBe('read')
  },
)
