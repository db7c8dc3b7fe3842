/** The two people and their relay on machines of their own: nothing shared but the network, and not all of that. */
import { afterAll, expect, test } from 'vitest'
import { canMakeMachines, Machines } from './machines.ts'
import { freePort } from './ports.ts'
import { Person, RelayProcess, scratch } from './processes.ts'

const folder = scratch()
const ends: (() => Promise<void> | void)[] = []

afterAll(async () => {
  for (const end of ends.toReversed()) await end()
  folder.remove()
})

test.skipIf(!canMakeMachines())(
  'across machines: direct while they see each other, by the relay when they do not',
  async () => {
    const machines = new Machines()
    ends.push(() => machines.remove())
    const [here, there, far] = [machines.add(), machines.add(), machines.add()]
    const port = await freePort()
    const relay = new RelayProcess(
      () => ({ dataDir: folder.path('relay'), listen: [`/ip4/${far.address}/tcp/${port}`] }),
      far.prefix,
    )
    const person = (name: string, prefix: readonly string[]): Person =>
      new Person(() => ({ dataDir: folder.path(name), name, relays: [relay.address] }), prefix)
    const [alice, bob] = [person('alice', here.prefix), person('bob', there.prefix)]
    ends.push(async () => {
      await Promise.all([alice.kill(), bob.kill(), relay.kill()])
    })

    await relay.start()
    await Promise.all([alice.start(), bob.start()])
    // An invite leads to the relay, so her card must be there before he follows it.
    await expect
      .poll(async () => (await alice.ask({ op: 'identity' })).relays[0]?.preKeysLeft ?? 0, { timeout: 30_000 })
      .toBeGreaterThan(0)
    await bob.ask({ op: 'add', link: await alice.ask({ op: 'invite' }) })
    const direct = await bob.ask({ op: 'send', who: 'alice', text: 'across the wire' })
    expect(await bob.ask({ op: 'wait', id: direct.id, state: 'delivered' })).toBe('delivered')
    const how = await bob.ask({ op: 'why', id: direct.id })
    expect(how.attempts.at(-1)).toMatchObject({ route: 'direct' })
    expect(how.attempts.at(-1)?.via).toContain(here.address)

    machines.separate(here, there)
    const detour = await bob.ask({ op: 'send', who: 'alice', text: 'the long way round' })
    await alice.event(({ event }) => event.type === 'message' && event.text === 'the long way round')
    expect(await bob.ask({ op: 'wait', id: detour.id, state: 'delivered' })).toBe('delivered')
    const why = await bob.ask({ op: 'why', id: detour.id })
    // It is on the relay's disk, or has been handed to her, who is there.
    const taken = /^stored|^the relay says that their device has it/
    expect(why.attempts.some(({ route, outcome }) => route === 'relay' && taken.test(outcome))).toBe(true)
  },
)
