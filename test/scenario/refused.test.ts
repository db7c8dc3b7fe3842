/** What a person or a program asks for in vain: they are told why, and nothing is kept of it. */
import { expect, test } from 'vitest'
import type { Input } from '../../node/core/inputs.ts'
import type { AccountId } from '../../protocol/ids.ts'
import { invitesMax, outboxPerContactMax, relaysNamedMax, textBytesMax } from '../../protocol/limits.ts'
import { parseInvite } from '../../protocol/wire/invite.ts'
import { modelSealing } from '../sim/crypto/model-sealing.ts'
import { modelSessions } from '../sim/crypto/model-sessions.ts'
import type { Person } from '../sim/world/person.ts'
import { minute, second, Story } from '../sim/world/story.ts'

function openStory(): { readonly story: Story; readonly alice: Person; readonly bob: Person } {
  const story = new Story({ sessions: modelSessions(), sealing: modelSealing })
  const relay = story.relay('hub')
  const [alice, bob] = [story.person('alice', [relay]), story.person('bob', [relay])]
  story.pass(5 * second)
  expect(story.meet(alice, bob)).toBe(true)
  story.pass(minute)
  return { story, alice, bob }
}

/** Why not; undefined when it was granted. */
function refusal(story: Story, person: Person, input: (request: number) => Input): string | undefined {
  const request = person.device.ask(input)
  story.pass(second)
  const answer = person.device.answer(request)
  if (answer === undefined) throw new Error('no answer')
  return answer.ok ? undefined : answer.reason
}

const nobody = 'ab'.repeat(32) as AccountId

test('a text to nobody, to somebody blocked or not let in yet, an empty one, and one that is too long', () => {
  const { story, alice, bob } = openStory()
  const says = (to: AccountId, text: string): string | undefined =>
    refusal(story, alice, (request) => ({ kind: 'text-submitted', request, to, text }))
  const before = alice.device.store.lastPosition()
  expect(says(nobody, 'hello?')).toBe('unknown-contact')
  expect(says(bob.account, '')).toBe('empty')
  expect(says(bob.account, 'x'.repeat(textBytesMax + 1))).toBe('too-long')
  alice.blocks(bob)
  expect(says(bob.account, 'and another thing')).toBe('blocked')
  const eve = story.person('eve', story.relays)
  story.pass(5 * second)
  const link = parseInvite(alice.invites())
  if (link === undefined) throw new Error('no invite')
  eve.device.ask((request) => ({ kind: 'invite-opened', request, invite: { ...link, token: new Uint8Array(16) } }))
  story.pass(minute)
  expect(alice.knows(eve)).toBe('requested')
  expect(says(eve.account, 'who are you?')).toBe('not-accepted')
  expect(alice.device.store.lastPosition()).toBe(before)
  alice.accepts(bob)
  const longest = 'ü'.repeat(textBytesMax / 2)
  expect(says(bob.account, longest)).toBeUndefined()
  story.pass(minute)
  expect(bob.heard(alice)).toEqual([longest])
})

test('more than may wait for one person', () => {
  const { story, alice, bob } = openStory()
  bob.device.kill()
  const say = (request: number): Input => ({ kind: 'text-submitted', request, to: bob.account, text: 'x' })
  for (let i = 1; i < outboxPerContactMax; i++) alice.device.ask(say)
  expect(refusal(story, alice, say)).toBeUndefined()
  expect(refusal(story, alice, say)).toBe('outbox-full')
  expect(alice.device.store.deliveries()).toHaveLength(outboxPerContactMax)
})

test('more than may wait for somebody whose card was never found', () => {
  const { story, alice } = openStory()
  const carol = story.person('carol', [], { openness: 'public' })
  story.pass(second)
  const invite = parseInvite(carol.invites())
  if (invite === undefined) throw new Error('no invite')
  carol.device.kill()
  alice.device.ask((request) => ({ kind: 'invite-opened', request, invite }))
  story.pass(second)
  const say = (request: number): Input => ({ kind: 'text-submitted', request, to: carol.account, text: 'x' })
  for (let i = 1; i < outboxPerContactMax; i++) alice.device.ask(say)
  expect(refusal(story, alice, say)).toBeUndefined()
  expect(refusal(story, alice, say)).toBe('outbox-full')
  expect(alice.device.store.undispatched(carol.account)).toHaveLength(outboxPerContactMax)
})

test('an invite of one’s own, names that are none or taken, and more invites than may be open', () => {
  const { story, alice, bob } = openStory()
  const carol = story.person('carol', story.relays)
  story.pass(5 * second)
  expect(alice.opens(alice.invites())).toMatchObject({ ok: false, reason: 'own-invite' })
  const invite = parseInvite(carol.invites())
  if (invite === undefined) throw new Error('no invite')
  const opens = (name: string): string | undefined =>
    refusal(story, alice, (request) => ({ kind: 'invite-opened', request, invite, name }))
  const called = alice.device.store.contact(bob.account)?.name ?? ''
  expect([opens(''), opens(called)]).toEqual(['invalid-name', 'name-taken'])
  expect(alice.knows(carol)).toBeUndefined()
  expect(opens('carol')).toBeUndefined()
  const renames = (account: AccountId, name: string): string | undefined =>
    refusal(story, alice, (request) => ({ kind: 'contact-renamed', request, account, name }))
  expect([renames(nobody, 'x'), renames(bob.account, ' '), renames(bob.account, 'carol')]).toEqual([
    'unknown-contact',
    'invalid-name',
    'name-taken',
  ])
  expect(renames(bob.account, called)).toBeUndefined() // It is their own.

  const asks = (): string | undefined => refusal(story, alice, (request) => ({ kind: 'invite-requested', request }))
  const open = alice.device.store.invites().filter(({ usedBy }) => usedBy === undefined).length
  for (let i = open; i < invitesMax; i++) expect(asks()).toBeUndefined()
  expect(asks()).toBe('too-many-invites')
})

test('anything of somebody unknown, and relays that are too many or none', () => {
  const { story, alice } = openStory()
  for (const kind of ['contact-accepted', 'contact-blocked', 'contact-verified'] as const) {
    expect(refusal(story, alice, (request) => ({ kind, request, account: nobody }))).toBe('unknown-contact')
  }
  const before = alice.device.core?.relayStandings().map(({ relay }) => relay)
  const [hub = ''] = before ?? []
  const many = Array.from({ length: relaysNamedMax + 1 }, (_, i) => hub.replace('hub', `hub${i}`))
  expect(alice.chooses(many)).toMatchObject({ ok: false, reason: 'too-many-relays' })
  expect(alice.chooses([hub, 'example.org'])).toMatchObject({ ok: false, reason: 'invalid-relay' })
  expect(alice.device.core?.relayStandings().map(({ relay }) => relay)).toEqual(before)
})

test('an invite from where nobody could come in', () => {
  const story = new Story()
  const alice = story.person('alice', [], { openness: 'hidden' })
  alice.device.ask(() => ({ kind: 'listening', addresses: [] }))
  expect(refusal(story, alice, (request) => ({ kind: 'invite-requested', request }))).toBe('no-route-in')
})
