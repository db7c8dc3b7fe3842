/** Machines that stop at the worst moment. */
import { expect, test } from 'vitest'
import { body } from '../../protocol/wire/content.ts'
import type { Break } from '../sim/world/driver.ts'
import type { Person } from '../sim/world/person.ts'
import { hour, minute, second, Story } from '../sim/world/story.ts'

function acquainted(story: Story, openness: 'public' | 'home'): readonly [Person, Person] {
  const relay = story.relay('hub')
  const [alice, bob] = [story.person('alice', [relay], { openness }), story.person('bob', [relay], { openness })]
  story.pass(5 * second)
  expect(story.meet(alice, bob)).toBe(true)
  story.pass(minute)
  return [alice, bob]
}

const ways = ['public', 'home'] as const
const breaks: readonly Break[] = ['before-commit', 'commit-throws', 'before-effects']
const cases = ways.flatMap((way) => breaks.map((how) => [way, how] as const))

test.each(cases)('the sender’s power fails while it sends (%s, %s)', (openness, how) => {
  const story = new Story()
  const [alice, bob] = acquainted(story, openness)
  alice.device.nextBreak = how
  const request = alice.device.ask((n) => ({ kind: 'text-submitted', request: n, to: bob.account, text: 'important' }))
  story.pass(2 * minute)
  // Accepted only if it was committed; an answer may be lost with the power, what was accepted may not.
  const kept = how === 'before-effects'
  expect(alice.device.answer(request)).toBeUndefined()
  expect(bob.heard(alice)).toEqual(kept ? ['important'] : [])
  alice.says(bob, 'afterwards')
  story.pass(minute)
  expect(bob.heard(alice)).toEqual(kept ? ['important', 'afterwards'] : ['afterwards'])
  expect(alice.device.store.deliveries()).toEqual([])
})

test.each(cases)('the recipient’s power fails while it receives (%s, %s)', (openness, how) => {
  const story = new Story()
  const [alice, bob] = acquainted(story, openness)
  const id = alice.says(bob, 'first')
  story.watches.add({
    heard: (device, input) => {
      if (device !== bob.device || alreadyBroken) return
      if (input.kind !== 'envelope-collected' && input.kind !== 'frame-received') return
      alreadyBroken = true
      bob.device.nextBreak = how
    },
  })
  let alreadyBroken = false
  alice.says(bob, 'second')
  story.pass(7 * hour)
  expect(bob.heard(alice)).toEqual(['first', 'second'])
  expect(alice.fateOf(bob, id)).toBe('read')
  expect(alice.device.store.deliveries()).toEqual([])
  expect(bob.device.store.deliveries()).toEqual([])
})

test('messages accepted before a crash are delivered after it, each once', () => {
  const story = new Story()
  const [alice, bob] = acquainted(story, 'home')
  story.network.unplug(alice.device.host)
  const ids = Array.from({ length: 20 }, (_, i) => alice.says(bob, `${i}`))
  alice.device.kill()
  story.network.plugIn(alice.device.host)
  alice.device.start()
  story.pass(minute)
  expect(bob.heard(alice)).toEqual(ids.map((_, i) => `${i}`))
})

test('what is said after a restart stands below what was said before it', () => {
  const story = new Story()
  const [alice, bob] = acquainted(story, 'home')
  const said = (): readonly string[] =>
    alice.device.store.history(bob.account, 100).map((message) => textOf(message.body))
  for (const text of ['one', 'two']) {
    alice.says(bob, text)
    bob.says(alice, `${text}, too`)
    story.pass(minute)
  }
  const before = said()
  expect(before.toSorted()).toEqual(['one', 'one, too', 'two', 'two, too'])
  alice.device.kill()
  alice.device.start()
  alice.says(bob, 'three')
  story.pass(minute)
  expect(said()).toEqual([...before, 'three'])
})

test('what waits to be sent goes before what is said after a restart', () => {
  const story = new Story()
  const [alice, bob] = acquainted(story, 'home')
  story.network.unplug(alice.device.host)
  const early = ['one', 'two'].map((text) => alice.says(bob, text))
  alice.device.kill()
  alice.device.start()
  const late = alice.says(bob, 'three')
  expect(alice.device.store.deliveries().map(({ messageId }) => messageId)).toEqual([...early, late])
})

function textOf(bytes: Uint8Array): string {
  const said = body.decode(bytes)
  return said?.kind === 'text' ? said.text : ''
}
