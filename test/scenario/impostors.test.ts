/** Somebody who pretends to be another: lists their device as their own, or deposits garbage in their name. */
import { expect, test } from 'vitest'
import type { Reads } from '../../node/core/reads.ts'
import type { DeviceId } from '../../protocol/ids.ts'
import { envelopeIdOf, messageIdLength } from '../../protocol/ids.ts'
import { messageLifeMs } from '../../protocol/limits.ts'
import { signalSessions } from '../../protocol/session/signal.ts'
import { openCard, signCard, signConsent } from '../../protocol/wire/card.ts'
import { body, content } from '../../protocol/wire/content.ts'
import { overriding } from '../sim/world/overriding.ts'
import type { Person } from '../sim/world/person.ts'
import { hour, minute, second, Story } from '../sim/world/story.ts'

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

test('garbage in a contact’s name costs so many requests, and what was really lost is repeated within minutes', () => {
  const story = new Story()
  const relay = story.relay('hub')
  const forgotten = new Set<DeviceId>()
  const reads = (real: Reads): Reads =>
    overriding(real, { session: (device) => (forgotten.has(device) ? undefined : real.session(device)) })
  const alice = story.person('alice', [relay], { openness: 'hidden' })
  const bob = story.person('bob', [relay], { openness: 'hidden', faults: { reads } })
  let asked = 0
  story.watches.add({
    committed: (device, changes) => {
      for (const change of changes) {
        if (device !== bob.device) continue
        if (change.kind === 'put-session') forgotten.delete(change.device)
        if (change.kind !== 'put-delivery' || change.delivery.sealedFor !== undefined) continue
        if (body.decode(change.delivery.body)?.kind === 'retry') asked++
      }
    },
  })
  story.pass(5 * second)
  expect(story.meet(alice, bob)).toBe(true)
  story.pass(minute)

  const { chance } = story.world
  const garbage = (): void => {
    const noise = { sender: alice.device.id, type: 2, ciphertext: chance.bytes(200) } as const
    const id = envelopeIdOf(chance.bytes(messageIdLength))
    const sealed = story.seal(bob.device.id, noise)
    const envelope = { id, urgency: 1, expiresMs: bob.device.clock.nowMs + messageLifeMs, sealed } as const
    bob.device.ask(() => ({ kind: 'envelope-collected', relay: relay.address, envelope }))
  }
  const passInGarbage = (ms: number): void => {
    for (let leftMs = ms; leftMs > 0; leftMs -= 30 * second) {
      garbage()
      story.pass(30 * second)
    }
  }
  passInGarbage(6 * hour)
  expect(asked).toBeLessThan(10 + (6 * hour) / (5 * minute))
  forgotten.add(alice.device.id)
  const id = alice.says(bob, 'for real')
  passInGarbage(11 * minute)
  expect(bob.heard(alice)).toEqual(['for real'])
  expect(alice.fateOf(bob, id)).toBe('read')
  const before = asked
  story.pass(hour)
  expect(asked - before).toBeLessThanOrEqual(1) // For what came since the last.
})
