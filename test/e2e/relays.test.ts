/** Several relays for one person, of which some are dead or lie, and relays over WebSocket: real processes, real disks. */
import { execFileSync } from 'node:child_process'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { StoredEvent, Why } from '../../node/index.ts'
import { freePort } from './ports.ts'
import { Person, RelayProcess, scratch } from './processes.ts'

const main = new URL('../../cli/main.ts', import.meta.url).pathname

let folder: ReturnType<typeof scratch>
let running: (Person | RelayProcess)[] = []

beforeEach(() => {
  folder = scratch()
})

afterEach(async () => {
  await Promise.all(running.map((one) => one.kill()))
  running = []
  folder.remove()
})

test('one of three relays is dead, one lies and one is well: it is delivered, and its history names the liar', async () => {
  const harbour = await relay('harbour')
  const [dead, well] = [await relay('dead'), await relay('well')]
  const liar = await relay('liar', './liar.ts')
  const alice = await person('alice', [harbour])
  const bob = await person('bob', [dead, liar, well])
  await meet(alice, bob)
  await dead.kill()
  await alice.kill() // Whatever she learned of relays so far is forgotten.
  await alice.start()
  const { id } = await alice.ask({ op: 'send', who: 'bob', text: 'by whoever keeps it' })
  expect(await alice.ask({ op: 'wait', id, state: 'stored' })).toBe('stored')
  const before = await alice.ask({ op: 'why', id })
  expect(before.devices[0]).toMatchObject({ state: 'stored', heldBy: liar.address })
  // Bob is there, as what he says shows, and has not got it from the relay that signed for it.
  await new Promise((resolve) => setTimeout(resolve, 11_000))
  expect(bob.events.some(saying('by whoever keeps it'))).toBe(false)
  await bob.ask({ op: 'send', who: 'alice', text: 'anybody there?' })
  await bob.event(saying('by whoever keeps it'), 15_000)
  expect(await alice.ask({ op: 'wait', id, state: 'delivered' })).toBe('delivered')
  await alice.ask({ op: 'send', who: 'bob', text: 'and the next at once' })
  await bob.event(saying('and the next at once'), 5_000)
  await alice.signal('SIGTERM')

  const accused = 'it signed for this, and nothing has arrived since; another relay gets it too'
  const { attempts } = JSON.parse(linnet('alice', 'why', id, '--json')) as Why
  const told = attempts.map(({ via, outcome }) => [via, outcome])
  expect(told.some(([via, how]) => via === dead.address && /not reachable|no answer/u.test(how ?? ''))).toBe(true)
  expect(told).toContainEqual([liar.address, 'stored: the relay signed for it'])
  expect(told).toContainEqual([liar.address, accused])
  expect(told.filter(([, outcome]) => outcome === accused)).toHaveLength(1)
  expect(told.at(-1)).toEqual([well.address, 'delivered: their device confirmed it'])
  const lines = linnet('alice', 'why', id).split('\n')
  expect(lines.some((line) => line.includes(liar.address) && line.includes('nothing has arrived since'))).toBe(true)
})

test('a relay that stays dead gives its place to the next, contacts learn of it, and it takes it back', async () => {
  const relays = [await relay('one'), await relay('two'), await relay('three'), await relay('four')]
  const [one, two, three, four] = relays as [RelayProcess, RelayProcess, RelayProcess, RelayProcess]
  const alice = await person('alice', [four])
  const bob = await person('bob', relays, { relayPatienceMs: 3_000 })
  await meet(alice, bob)
  expect(await placesOf(alice, 'bob')).toEqual(addresses([one, two, three]))
  await one.kill()
  await expect.poll(() => placesOf(alice, 'bob'), { timeout: 40_000 }).toEqual(addresses([two, three, four]))
  const { findings } = await bob.ask({ op: 'doctor' })
  const finding = findings.find(({ about }) => about === `relay ${one.address}`)
  expect(finding?.says).toContain('contacts were told not to use it')
  const { id } = await alice.ask({ op: 'send', who: 'bob', text: 'to the new place' })
  await bob.event(saying('to the new place'))
  expect(await alice.ask({ op: 'wait', id, state: 'delivered' })).toBe('delivered')
  await one.start()
  await expect.poll(() => placesOf(alice, 'bob'), { timeout: 40_000 }).toEqual(addresses([one, two, three]))
})

test('over WebSocket alone: two people and a relay meet, talk, and leave messages for each other', async () => {
  const hub = await relay('hub', './relay.ts', '/ws')
  expect(hub.address).toMatch(/\/ws\/p2p\//u)
  const listen = [`/ip4/127.0.0.1/tcp/${await freePort()}/ws`]
  const alice = await person('alice', [hub], { listen })
  const bob = await person('bob', [hub], { circuits: true })
  await meet(alice, bob)
  const direct = await bob.ask({ op: 'send', who: 'alice', text: 'straight' })
  await alice.event(saying('straight'))
  expect(await bob.ask({ op: 'wait', id: direct.id, state: 'delivered' })).toBe('delivered')
  const [known] = await bob.ask({ op: 'contacts' })
  expect(known?.link).toMatchObject({ kind: 'direct' })
  expect(known?.link?.address).toContain('/ws')
  await alice.signal('SIGTERM')
  const left = await bob.ask({ op: 'send', who: 'alice', text: 'for later' })
  expect(await bob.ask({ op: 'wait', id: left.id, state: 'stored' })).toBe('stored')
  await alice.start()
  await alice.event(saying('for later'))
  expect(await bob.ask({ op: 'wait', id: left.id, state: 'delivered' })).toBe('delivered')
})

async function relay(name: string, file = './relay.ts', transport = ''): Promise<RelayProcess> {
  const listen = [`/ip4/127.0.0.1/tcp/${await freePort()}${transport}`]
  const one = new RelayProcess(() => ({ dataDir: folder.path(name), listen }), [], file)
  running.push(one)
  await one.start()
  return one
}

/** Reached by nobody and calling nobody, unless said otherwise, so that all that is said goes by mailboxes. */
async function person(
  name: string,
  relays: readonly RelayProcess[],
  more: { readonly listen?: string[]; readonly circuits?: boolean; readonly relayPatienceMs?: number } = {},
): Promise<Person> {
  const fixed = { dataDir: folder.path(name), name, relays: addresses(relays), lan: false }
  const one = new Person(() => ({ ...fixed, listen: [], circuits: false, ...more }))
  running.push(one)
  await one.start()
  const served = async (): Promise<boolean> => {
    const identity = await one.ask({ op: 'identity' })
    const homes = identity.relays.filter(({ role }) => role === 'home')
    return homes.every(({ connected, preKeysLeft }) => connected && preKeysLeft === 100)
  }
  await expect.poll(served, { timeout: 30_000 }).toBe(true)
  return one
}

async function meet(alice: Person, bob: Person): Promise<void> {
  const link = await bob.ask({ op: 'invite' })
  expect(await alice.ask({ op: 'add', link })).toMatchObject({ name: 'bob', state: 'added' })
  await bob.event(({ event }) => event.type === 'contact' && event.state === 'added')
}

async function placesOf(whose: Person, who: string): Promise<readonly string[]> {
  const contacts = await whose.ask({ op: 'contacts' })
  return contacts.find(({ name }) => name === who)?.relays ?? []
}

function addresses(relays: readonly RelayProcess[]): readonly string[] {
  return relays.map(({ address }) => address)
}

/** The command itself, on what a person left behind. */
function linnet(name: string, ...words: string[]): string {
  const argv = [main, ...words, '--data-dir', folder.path(name)]
  return execFileSync(process.execPath, argv, { encoding: 'utf8', timeout: 30_000 })
}

function saying(text: string): (stored: StoredEvent) => boolean {
  return ({ event }) => event.type === 'message' && event.text === text
}
