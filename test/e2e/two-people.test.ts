/** Two people and a relay, each a real process with a disk of its own, over real TCP. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { StoredEvent } from '../../node/index.ts'
import { freePort } from './ports.ts'
import { Person, RelayProcess, scratch } from './processes.ts'

let folder: ReturnType<typeof scratch>
let relay: RelayProcess
let alice: Person
let bob: Person

beforeEach(async () => {
  folder = scratch()
  const relayPort = await freePort()
  relay = new RelayProcess(() => ({ dataDir: folder.path('relay'), listen: [`/ip4/127.0.0.1/tcp/${relayPort}`] }))
  await relay.start()
  alice = await person('alice')
  bob = await person('bob')
})

afterEach(async () => {
  await Promise.all([alice.kill(), bob.kill(), relay.kill()])
  folder.remove()
})

test('they meet by invite, talk directly, and each knows the other has it', async () => {
  await meet()
  const { id } = await alice.ask({ op: 'send', who: 'bob', text: 'hello bob' })
  await bob.event(saying('hello bob'))
  expect(await alice.ask({ op: 'wait', id, state: 'delivered' })).toBe('delivered')
  await bob.ask({ op: 'send', who: 'alice', text: 'hello alice' })
  await alice.event(saying('hello alice'))
  const why = await alice.ask({ op: 'why', id })
  expect(why.attempts.at(-1)).toMatchObject({ route: 'direct', outcome: 'delivered: their device confirmed it' })
  const { seq } = await bob.event(saying('hello bob'))
  await bob.ask({ op: 'ack', upTo: seq })
  expect(await alice.ask({ op: 'wait', id, state: 'read' })).toBe('read')
})

test('what one of them missed waits at the relay, also across its SIGKILL, and receipts return', async () => {
  await meet()
  await bob.signal('SIGTERM')
  const { id } = await alice.ask({ op: 'send', who: 'bob', text: 'while you were away' })
  expect(await alice.ask({ op: 'wait', id, state: 'stored' })).toBe('stored')
  await alice.kill()
  await relay.kill()
  await relay.start()
  await bob.start()
  await bob.event(saying('while you were away'))
  await alice.start()
  expect(await alice.ask({ op: 'wait', id, state: 'delivered' })).toBe('delivered')
  const [said] = await alice.ask({ op: 'history', who: 'bob', limit: 1 })
  expect(said).toMatchObject({ id, from: 'me', text: 'while you were away', state: 'delivered' })
})

test('what was accepted while nothing could be reached goes out by itself after a restart', async () => {
  await meet()
  await bob.kill()
  await relay.kill()
  const { id, state } = await alice.ask({ op: 'send', who: 'bob', text: 'into the void' })
  expect(state).toBe('queued')
  await alice.kill()
  await alice.start()
  await relay.start()
  expect(await alice.ask({ op: 'wait', id, state: 'stored' })).toBe('stored')
  await bob.start()
  await bob.event(saying('into the void'))
  expect(await alice.ask({ op: 'wait', id, state: 'delivered' })).toBe('delivered')
})

test('two people without any relay meet by the addresses in an invite', async () => {
  const carol = new Person(() => options('carol', []))
  const dave = new Person(() => options('dave', []))
  try {
    await Promise.all([carol.start(), dave.start()])
    const link = await carol.ask({ op: 'invite' })
    expect(await dave.ask({ op: 'add', link })).toMatchObject({ name: 'carol', state: 'added' })
    const { id } = await dave.ask({ op: 'send', who: 'carol', text: 'no relay needed' })
    await carol.event(saying('no relay needed'))
    expect(await dave.ask({ op: 'wait', id, state: 'delivered' })).toBe('delivered')
  } finally {
    await Promise.all([carol.kill(), dave.kill()])
  }
})

async function meet(): Promise<void> {
  const link = await alice.ask({ op: 'invite' })
  expect(await bob.ask({ op: 'add', link })).toMatchObject({ name: 'alice', state: 'added' })
  await alice.event(({ event }) => event.type === 'contact' && event.state === 'added')
}

async function person(name: string): Promise<Person> {
  const port = await freePort()
  const someone = new Person(() => options(name, [relay.address], port))
  await someone.start()
  return someone
}

function options(name: string, relays: readonly string[], port = 0) {
  return { dataDir: folder.path(name), name, relays, listen: [`/ip4/127.0.0.1/tcp/${port}`] }
}

function saying(text: string): (stored: StoredEvent) => boolean {
  return ({ event }) => event.type === 'message' && event.text === text
}
