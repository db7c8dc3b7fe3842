/** What a contact may send that no honest program would, and what is shown of it. */
import { expect, test } from 'vitest'
import { preKeysOutstandingMax, preKeysPublished, retryMsMax } from '../../protocol/limits.ts'
import { signalSessions } from '../../protocol/session/signal.ts'
import { content } from '../../protocol/wire/content.ts'
import { overriding } from '../sim/world/overriding.ts'
import type { Person } from '../sim/world/person.ts'
import type { SimRelay } from '../sim/world/relay.ts'
import { day, hour, minute, second, Story } from '../sim/world/story.ts'

test('a time that no calendar knows does not end the device it is sent to', () => {
  const story = new Story()
  const relay = story.relay('hub')
  const strange = overriding(signalSessions, {
    encrypt: (message) => {
      const said = content.decode(message.plaintext)
      if (said === undefined || said.seq !== 2) return signalSessions.encrypt(message)
      return signalSessions.encrypt({
        ...message,
        plaintext: content.encode({ ...said, sentMs: Number.MAX_SAFE_INTEGER }),
      })
    },
  })
  const [alice, bob] = [story.person('alice', [relay]), story.person('bob', [relay], { sessions: strange })]
  story.pass(5 * second)
  expect(story.meet(alice, bob)).toBe(true)
  bob.says(alice, 'one')
  bob.says(alice, 'in a hundred thousand years')
  bob.says(alice, 'three')
  story.pass(10 * minute)
  expect(story.world.complaints).toEqual([])
  expect(alice.heard(bob)).toEqual(['one', 'three'])
})

/** At different relays, and not to be dialled. */
function acquainted(story: Story): readonly [Person, Person, SimRelay] {
  const [hers, his] = [story.relay('hers'), story.relay('his')]
  const alice = story.person('alice', [hers], { openness: 'hidden' })
  const bob = story.person('bob', [his], { openness: 'hidden' })
  story.pass(5 * second)
  expect(story.meet(alice, bob)).toBe(true)
  story.pass(minute)
  return [alice, bob, his]
}

test('a relay that asks for keys without end is given so many and no more', () => {
  const story = new Story()
  const [alice, bob, his] = acquainted(story)
  his.malice = (frame) => (frame.kind === 'page' ? [frame, { kind: 'prekeys-left', left: 0 }] : [frame])
  const rounds = preKeysOutstandingMax / preKeysPublished + 5
  for (let round = 0; round < rounds; round++) {
    alice.says(bob, `${round}`)
    story.pass(10 * second)
  }
  const kept = bob.device.store.preKeysOf(his.address).length
  expect(kept).toBeGreaterThan(preKeysOutstandingMax / 2)
  expect(kept).toBeLessThanOrEqual(preKeysOutstandingMax)
  expect(bob.heard(alice)).toHaveLength(rounds)
})

test('a relay that says to wait for longer than anybody lives is asked again in time', () => {
  const story = new Story()
  const [alice, bob, his] = acquainted(story)
  bob.device.kill()
  his.malice = (frame) =>
    frame.kind === 'stored'
      ? frame.receipt.taken.map(({ id }) => ({ kind: 'refused', id, reason: 'busy', retryMs: 100 * day }))
      : [frame]
  const id = alice.says(bob, 'at last')
  story.pass(minute)
  expect(alice.fateOf(bob, id)).toBe('queued')
  his.mend()
  story.pass(retryMsMax + hour)
  expect(alice.fateOf(bob, id)).toBe('stored')
})
