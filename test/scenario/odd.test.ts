/** What a contact may send that no honest program would, and what is shown of it. */
import { expect, test } from 'vitest'
import { signalSessions } from '../../protocol/session/signal.ts'
import { content } from '../../protocol/wire/content.ts'
import { overriding } from '../sim/world/overriding.ts'
import { minute, second, Story } from '../sim/world/story.ts'

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
