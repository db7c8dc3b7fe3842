/** A router that forwards ports on request: whoever is outside dials in, and nobody notices where there is none. */
import { spawnSync } from 'node:child_process'
import { afterEach, expect, test } from 'vitest'
import { canMakeHousehold, Household } from './household.ts'
import type { Machine } from './machines.ts'
import { Person, scratch } from './processes.ts'

const folder = scratch()
const ends: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
  folder.remove()
})

test.runIf(canMakeHousehold())('someone outside dials in through the port that the router forwards', async () => {
  const house = household()
  const [alice, bob] = [person('alice', house.home), person('bob', house.outside)]
  await Promise.all([alice.start(), bob.start()])
  const outer = `/ip4/${house.outer}/tcp/`
  const isTold = async (): Promise<boolean> => (await addressesOf(alice)).some((address) => address.startsWith(outer))
  await expect.poll(isTold, { timeout: 20_000 }).toBe(true)
  const told = await addressesOf(alice)
  await bob.ask({ op: 'add', link: await alice.ask({ op: 'invite' }) })
  const { id } = await bob.ask({ op: 'send', who: 'alice', text: 'from outside' })
  expect(await bob.ask({ op: 'wait', id, state: 'delivered' })).toBe('delivered')
  const why = await bob.ask({ op: 'why', id })
  expect(why.attempts.at(-1)?.via).toContain(outer)
  const { findings } = await alice.ask({ op: 'doctor' })
  expect(findings.find(({ about }) => about === 'port mapping')?.says).toContain(outer)
  // It asks the router to close the port when it ends, and whoever is told not to ask has none opened.
  const port = told.find((address) => address.startsWith(outer))?.split('/')[4] ?? ''
  expect(letsIn(house, port)).toBe(true)
  await alice.ask({ op: 'stop' })
  const quiet = person('alice', house.home, false)
  await quiet.start()
  expect((await addressesOf(quiet)).join()).toContain(`/tcp/${port}/`)
  expect(letsIn(house, port)).toBe(false)
})

test.runIf(canMakeHousehold())('a router that refuses is named by the doctor, and nothing else happens', async () => {
  const house = household({ allows: false })
  const alice = person('alice', house.home)
  await alice.start()
  const said = async (): Promise<string | undefined> => {
    const { findings } = await alice.ask({ op: 'doctor' })
    return findings.find(({ about }) => about === 'port mapping')?.says
  }
  await expect.poll(said, { timeout: 20_000 }).toContain('forwards no port')
  expect((await addressesOf(alice)).some((address) => address.includes(house.outer))).toBe(false)
})

test.runIf(canMakeHousehold())('a router behind another one is of no use, and not told to contacts', async () => {
  const house = household({ outer: '100.64.7.1' })
  const alice = person('alice', house.home)
  await alice.start()
  const said = async (): Promise<string | undefined> => {
    const { findings } = await alice.ask({ op: 'doctor' })
    return findings.find(({ about }) => about === 'port mapping')?.says
  }
  await expect.poll(said, { timeout: 20_000 }).toMatch(/forwards no port/u)
  expect((await addressesOf(alice)).some((address) => address.includes(house.outer))).toBe(false)
})

function household(how: ConstructorParameters<typeof Household>[0] = {}): Household {
  const house = new Household(how)
  ends.push(() => house.remove())
  return house
}

function person(name: string, { prefix }: Machine, upnp = true): Person {
  const one = new Person(() => ({ dataDir: folder.path(name), name, relays: [], lan: false, upnp }), prefix)
  ends.push(() => one.kill())
  return one
}

/** Whether a connection from outside to this port of the router comes to stand. */
function letsIn({ outside, outer }: Household, port: string): boolean {
  const knock = `require('net').connect(${port}, '${outer}').on('connect', () => process.exit(0)).on('error', () => process.exit(1))`
  return spawnSync('ip', [...outside.prefix.slice(1), process.execPath, '-e', knock], { timeout: 3_000 }).status === 0
}

async function addressesOf(one: Person): Promise<readonly string[]> {
  return (await one.ask({ op: 'identity' })).addresses
}
