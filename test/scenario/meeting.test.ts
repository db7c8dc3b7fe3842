/** How two people come to talk. */
import { describe, expect, test } from 'vitest'
import { hour, minute, second, Story } from '../sim/world/story.ts'

describe('by invite', () => {
  test('through a relay, both behind their routers', () => {
    const story = new Story()
    const relay = story.relay('hub')
    const [alice, bob] = [story.person('alice', [relay]), story.person('bob', [relay])]
    story.pass(5 * second)
    expect(story.meet(alice, bob)).toBe(true)

    const toBob = alice.says(bob, 'hello')
    const toAlice = bob.says(alice, 'hi')
    story.pass(10 * second)
    expect(bob.heard(alice)).toEqual(['hello'])
    expect(alice.heard(bob)).toEqual(['hi'])
    expect(alice.toldOf(toBob)).toEqual(['stored', 'delivered', 'read'])
    expect(bob.fateOf(alice, toAlice)).toBe('read')
    expect(story.world.complaints).toEqual([])
    // Nobody's card goes along with what is said from now on.
    const introduced = [alice.device.store.contact(bob.account), bob.device.store.contact(alice.account)]
    expect(introduced.map((contact) => contact?.introduced)).toEqual([true, true])
  })

  test('without any relay, by addresses alone', () => {
    const story = new Story()
    const [alice, bob] = [
      story.person('alice', [], { openness: 'public' }),
      story.person('bob', [], { openness: 'public' }),
    ]
    story.pass(second)
    expect(story.meet(alice, bob)).toBe(true)
    const said = bob.says(alice, 'no server anywhere')
    const answered = alice.says(bob, 'indeed')
    story.pass(5 * second)
    expect(alice.heard(bob)).toEqual(['no server anywhere'])
    expect(bob.toldOf(said)).toEqual(['delivered', 'read'])
    expect(alice.toldOf(answered)).toEqual(['delivered', 'read'])
  })

  test('two on one network talk directly though neither can be reached from outside', () => {
    const story = new Story()
    const [alice, bob] = [
      story.person('alice', [], { place: 'the same flat' }),
      story.person('bob', [], { place: 'the same flat' }),
    ]
    story.pass(second)
    expect(story.meet(alice, bob)).toBe(true)
    alice.says(bob, 'dinner?')
    story.pass(5 * second)
    expect(bob.heard(alice)).toEqual(['dinner?'])
  })

  test('directly, once the relay has introduced them', () => {
    const story = new Story()
    const relay = story.relay('hub')
    const [alice, bob] = [
      story.person('alice', [relay], { openness: 'public' }),
      story.person('bob', [relay], { openness: 'public' }),
    ]
    story.pass(5 * second)
    story.meet(alice, bob)
    story.pass(minute)
    const deposits = relay.deposits
    const first = alice.says(bob, 'one')
    alice.says(bob, 'two')
    bob.says(alice, 'three')
    story.pass(5 * second)
    expect(bob.heard(alice)).toEqual(['one', 'two'])
    expect(alice.heard(bob)).toEqual(['three'])
    expect(alice.toldOf(first)).toEqual(['delivered', 'read'])
    expect(relay.deposits).toBe(deposits)
  })

  test('each opens the other’s invite at the same moment', () => {
    const story = new Story()
    const relay = story.relay('hub')
    const [alice, bob] = [story.person('alice', [relay]), story.person('bob', [relay])]
    story.pass(5 * second)
    const [toAlice, toBob] = [alice.invites(), bob.invites()]
    story.network.unplug(alice.device.host)
    story.network.unplug(bob.device.host)
    for (const [guest, link] of [
      [alice, toBob],
      [bob, toAlice],
    ] as const)
      guest.opens(link)
    story.network.plugIn(alice.device.host)
    story.network.plugIn(bob.device.host)
    expect(story.world.until(() => alice.knows(bob) === 'added' && bob.knows(alice) === 'added', hour)).toBe(true)
    alice.says(bob, 'a')
    bob.says(alice, 'b')
    story.pass(5 * minute)
    expect(bob.heard(alice)).toEqual(['a'])
    expect(alice.heard(bob)).toEqual(['b'])
  })

  test('while the one who invited is away: a message waits until they have been told', () => {
    const story = new Story()
    const relay = story.relay('hub')
    const [alice, bob] = [story.person('alice', [relay]), story.person('bob', [relay])]
    story.pass(5 * second)
    const link = alice.invites()
    alice.device.kill()
    bob.opens(link)
    story.pass(5 * second)
    const id = bob.says(alice, 'are you there?')
    story.pass(hour)
    expect(bob.fateOf(alice, id)).toBe('stored')
    alice.device.start()
    story.pass(minute)
    expect(alice.heard(bob)).toEqual(['are you there?'])
    expect(bob.fateOf(alice, id)).toBe('read')
  })
})
