/**
 * A relay that swallows every packet, as a dead machine or a careless firewall does, comes first on a card: what is sent goes
 * by the next one almost as soon as if the dead one were not there (Linux, root).
 */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { StoredEvent } from '../../node/index.ts'
import { canMakeMachines, Machines, type Machine } from './machines.ts'
import { Person, RelayProcess, scratch } from './processes.ts'

/** Without a head start for the other relay a dial takes 5 s to fail, and a connection that stood 15 s to be found dead. */
const msMax = 2_500

let folder: ReturnType<typeof scratch>
let machines: Machines
let swallowed: Machine
let ofAlice: Machine
let dead: RelayProcess
let well: RelayProcess
let alice: Person
let bob: Person

beforeEach(async () => {
  if (!canMakeMachines()) return
  folder = scratch()
  machines = new Machines()
  const [first, second] = [machines.add(), machines.add()]
  swallowed = first
  ofAlice = machines.add()
  dead = relayOn(first, 'dead')
  well = relayOn(second, 'well')
  await Promise.all([dead.start(), well.start()])
  alice = new Person(() => mailboxOnly('alice', [well.address]), ofAlice.prefix)
  bob = new Person(() => mailboxOnly('bob', [dead.address, well.address]), machines.add().prefix)
  await Promise.all([alice.start(), bob.start()])
  await served(bob)
})

afterEach(async () => {
  if (!canMakeMachines()) return
  await Promise.all([alice.kill(), bob.kill(), dead.kill(), well.kill()])
  machines.remove()
  folder.remove()
})

test.runIf(canMakeMachines())('with a connection to it that stood a moment ago', async () => {
  await meet()
  await roundTrip('over the first relay')
  machines.separate(ofAlice, swallowed)
  expect(await roundTrip('first after it went')).toBeLessThan(msMax)
  expect(await roundTrip('second')).toBeLessThan(msMax)
})

test.runIf(canMakeMachines())('after a start, with no connection to it', async () => {
  await meet()
  await alice.kill()
  machines.separate(ofAlice, swallowed)
  await alice.start()
  await served(alice)
  expect(await roundTrip('first after the start')).toBeLessThan(msMax)
  expect(await roundTrip('second')).toBeLessThan(msMax)
})

test.runIf(canMakeMachines())('between two who meet', async () => {
  machines.separate(ofAlice, swallowed)
  const sinceMs = performance.now()
  await meet()
  expect(since(sinceMs, 'met')).toBeLessThan(2 * msMax)
  expect(await roundTrip('hello')).toBeLessThan(msMax)
})

async function meet(): Promise<void> {
  const link = await bob.ask({ op: 'invite' })
  await alice.ask({ op: 'add', link })
  await bob.event(({ event }) => event.type === 'contact' && event.state === 'added')
}

/** Milliseconds until it was shown to Bob. */
async function roundTrip(text: string): Promise<number> {
  const sinceMs = performance.now()
  await alice.ask({ op: 'send', who: 'bob', text })
  await bob.event(saying(text))
  return since(sinceMs, text)
}

function since(ms: number, what: string): number {
  const tookMs = Math.round(performance.now() - ms)
  if (process.env['LINNET_TELL'] !== undefined) process.stderr.write(`${what}: ${tookMs} ms\n`)
  return tookMs
}

async function served(person: Person): Promise<void> {
  for (;;) {
    const { relays } = await person.ask({ op: 'identity' })
    if (relays.every(({ connected, preKeysLeft }) => connected && preKeysLeft === 100)) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Reached by nobody and calling nobody: all that is said goes by mailboxes. */
function mailboxOnly(name: string, relays: readonly string[]) {
  return { dataDir: folder.path(name), name, relays, listen: [], circuits: false, lan: false }
}

function relayOn(machine: Machine, name: string): RelayProcess {
  const listen = [`/ip4/${machine.address}/tcp/4001`]
  return new RelayProcess(() => ({ dataDir: folder.path(name), listen }), machine.prefix)
}

function saying(text: string): (stored: StoredEvent) => boolean {
  return ({ event }) => event.type === 'message' && event.text === text
}
