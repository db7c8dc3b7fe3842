/** Somebody who lists another's device as their own. */
import { expect, test } from 'vitest'
import { signalSessions } from '../../protocol/session/signal.ts'
import { openCard, signCard, signConsent } from '../../protocol/wire/card.ts'
import { content } from '../../protocol/wire/content.ts'
import { overriding } from '../sim/world/overriding.ts'
import type { Person } from '../sim/world/person.ts'
import { minute, second, Story } from '../sim/world/story.ts'

test('whoever lists another’s device on their card is neither let in nor taken for them', () => {
  const story = new Story()
  const relay = story.relay('hub')
  let victim: Person | undefined
  const sessions = overriding(signalSessions, {
    encrypt: (message) => {
      const said = content.decode(message.plaintext)
      const card = said?.introduction?.card
      const opened = card && openCard(card, mallory.device.clock.nowMs)
      if (said === undefined || opened?.ok !== true || victim === undefined) return signalSessions.encrypt(message)
      const devices = [...opened.card.devices, { device: victim.device.id, addresses: [] }]
      const { accountSeed, account } = mallory.device
      const consents = [signConsent(account, message.own.seed)] // The victim gave none.
      const forged = signCard({ ...opened.card, devices, revision: opened.card.revision + 1 }, accountSeed, consents)
      const plaintext = content.encode({ ...said, introduction: { ...said.introduction, card: forged } })
      return signalSessions.encrypt({ ...message, plaintext })
    },
  })
  const [alice, bob] = [story.person('alice', [relay]), story.person('bob', [relay])]
  const mallory = story.person('mallory', [relay], { sessions })
  victim = bob
  story.pass(5 * second)
  mallory.opens(alice.invites())
  story.pass(minute)
  story.meet(alice, bob)
  story.pass(minute)
  bob.says(alice, 'it is me, Bob')
  story.pass(minute)
  expect(alice.knows(mallory)).toBeUndefined()
  expect(alice.heard(bob)).toEqual(['it is me, Bob'])
})
