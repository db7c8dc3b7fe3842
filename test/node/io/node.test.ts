import { mkdtempSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createNode, NodeError, type LinnetNode, type NodeEvents, type NodeOptions } from '../../../node/index.ts'
import { createRelay, type Relay } from '../../../relay/index.ts'
import { atEnd, deadPort } from './support.ts'

const listen = ['/ip4/127.0.0.1/tcp/0']

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'linnet-node-'))
  atEnd(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

async function open(options: Partial<NodeOptions> = {}): Promise<LinnetNode> {
  const node = await createNode({ dataDir: newDirectory(), name: 'Someone', listen, ...options })
  atEnd(() => node.stop())
  return node
}

async function run(options: Partial<NodeOptions> = {}): Promise<LinnetNode> {
  const node = await open(options)
  await node.start()
  return node
}

async function runRelay(): Promise<Relay> {
  const relay = await createRelay({ dataDir: newDirectory(), listen, store: 'memory' })
  await relay.start()
  atEnd(() => relay.stop())
  return relay
}

function heard<K extends keyof NodeEvents>(node: LinnetNode, kind: K): Promise<NodeEvents[K]> {
  return new Promise((resolve) => {
    const off = node.on(kind, (event) => {
      off()
      resolve(event)
    })
  })
}

async function connected(node: LinnetNode, relay: string): Promise<void> {
  // A standing changes without an event of its own.
  while (node.identity().relays.find((standing) => standing.relay === relay)?.connected !== true) {
    await new Promise((resolve) => setImmediate(resolve))
  }
}

async function refusal(attempt: Promise<unknown>): Promise<string> {
  const error: unknown = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return error instanceof NodeError ? error.reason : String(error)
}

test('two people without a relay: an invite, a message, an answer, and how it came', async () => {
  const [alice, bob] = [await run({ name: 'Alice' }), await run({ name: 'Bob' })]
  expect(await bob.add(await alice.invite())).toMatchObject({ name: 'Alice', state: 'added' })
  const [first, { id }] = await Promise.all([heard(alice, 'message'), bob.send('Alice', 'hello')])
  expect(first).toMatchObject({ id, from: 'Bob', text: 'hello', via: 'direct' })
  expect(await bob.waitFor(id, 'delivered', 5_000)).toBe('delivered')
  expect(alice.contacts()).toMatchObject([{ name: 'Bob', state: 'added', online: true }])

  const [second] = await Promise.all([heard(bob, 'message'), alice.send('Bob', 'and hello')])
  expect(second).toMatchObject({ from: 'Alice', text: 'and hello' })
  expect(bob.history('Alice')).toMatchObject([
    { from: 'me', text: 'hello', state: 'delivered' },
    { from: 'Alice', text: 'and hello' },
  ])
  const why = bob.why(id)
  expect(why.devices).toEqual([{ device: alice.identity().device, state: 'delivered' }])
  expect(why.attempts.at(-1)).toMatchObject({ route: 'direct' })
})

test('a message for someone who is away waits at their relay, and comes when they do', async () => {
  const relay = (await runRelay()).addresses[0]!
  const [aliceDir, bobDir] = [newDirectory(), newDirectory()]
  const alice = await run({ name: 'Alice', dataDir: aliceDir, relays: [relay] })
  const bob = await run({ name: 'Bob', dataDir: bobDir, relays: [relay] })
  await connected(alice, relay)
  await bob.add(await alice.invite())
  const { id: early } = await bob.send('Alice', 'are you there?')
  await bob.waitFor(early, 'delivered', 10_000)
  await alice.stop()

  const { id } = await bob.send('Alice', 'read this later')
  expect(await bob.waitFor(id, 'stored', 20_000)).toBe('stored')
  expect(bob.why(id).devices).toMatchObject([{ state: 'stored', heldBy: relay }])
  await bob.stop() // So that only the relay can have it.

  const again = await open({ dataDir: aliceDir })
  const message = heard(again, 'message')
  await again.start()
  expect(await message).toMatchObject({ id, text: 'read this later', via: 'relay' })

  const bobAgain = await run({ dataDir: bobDir })
  expect(await bobAgain.waitFor(id, 'delivered', 20_000)).toBe('delivered')
})

test('what is wrong with the options is said before anything is made', async () => {
  const dataDir = join(newDirectory(), 'none')
  expect(await refusal(open({ dataDir, relays: ['/ip4/127.0.0.1/tcp/1'] }))).toBe('invalid-relay')
  expect(await refusal(open({ dataDir, relays: ['nonsense'] }))).toBe('invalid-relay')
  expect(await refusal(open({ dataDir, listen: ['/ip4/127.0.0.1/udp/0/quic-v1'] }))).toBe('invalid-address')
  expect(await refusal(open({ dataDir, announce: ['127.0.0.1:4001'] }))).toBe('invalid-address')
  for (const name of [' ', '\u200b', 'me', 'two\nlines'])
    expect(await refusal(open({ dataDir, name }))).toBe('invalid-name')
  expect(await refusal(createNode({ dataDir, listen }))).toBe('no-profile')
  const node = await open({ dataDir })
  expect(await refusal(open({ dataDir }))).toBe('in-use')
  await node.stop()
  const unnamed = await createNode({ dataDir, listen })
  expect(unnamed.identity()).toMatchObject({ name: 'Someone', account: node.identity().account })
  await unnamed.stop()
})

test('a store that is gone or empty beside its key is not taken for a first run, unless one is asked for', async () => {
  const dataDir = newDirectory()
  const node = await open({ dataDir })
  await node.stop()
  const store = join(dataDir, 'store.db')
  truncateSync(store)
  expect(await refusal(createNode({ dataDir, listen }))).toBe('lost-store')
  rmSync(store)
  expect(await refusal(createNode({ dataDir, listen }))).toBe('lost-store')
  const anew = await open({ dataDir })
  expect(anew.identity().account).not.toBe(node.identity().account)
  await anew.stop()
})

test('a port that is taken is named, and another may be tried', async () => {
  const address = await deadPort()
  const first = await run({ listen: [address] })
  const second = await open({ listen: [address] })
  await expect(second.start()).rejects.toThrow(`cannot listen on ${address}: another program uses this port`)
  expect(await refusal(second.start())).toBe('cannot-listen')
  await first.stop()
  await second.start()
  expect(second.identity().addresses[0]).toContain(address)
})

test('a node that is not running says so, and stops as often as it is asked to', async () => {
  const node = await open()
  expect(await refusal(node.invite())).toBe('stopped')
  await Promise.all([node.start(), node.start()])
  expect(await refusal(node.send('nobody', 'hello'))).toBe('not-found')
  expect(await refusal(node.add('not a link'))).toBe('invalid-invite')
  const startMs = performance.now()
  await Promise.all([node.stop(), node.stop()])
  await node.stop()
  expect(performance.now() - startMs).toBeLessThan(3_000)
  expect(await refusal(node.start())).toBe('stopped')
  expect(await refusal(node.invite())).toBe('stopped')
  expect(() => node.contacts()).toThrow(NodeError)
})

test('what is done last of all may wake whoever waits', async () => {
  const [alice, bob] = [await run({ name: 'Alice' }), await run({ name: 'Bob' })]
  await alice.add(await bob.invite(), 'Bob')
  await bob.stop()
  const { id } = await alice.send('Bob', 'in vain')
  const waiting = alice.waitFor(id, 'delivered', 60_000)
  const fatal = heard(alice, 'fatal').then(() => 'fatal')
  void alice.block('Bob').catch(() => undefined)
  await alice.stop()
  expect(await Promise.race([waiting, fatal])).toBe('expired')
})

test('whoever waits for a message when the node stops is told', async () => {
  const alice = await run({ name: 'Alice' })
  const bob = await run({ name: 'Bob' })
  await bob.add(await alice.invite())
  await alice.stop()
  const { id } = await bob.send('Alice', 'hello?')
  expect(await bob.waitFor(id, 'delivered', 1)).toBe(undefined)
  const waiting = refusal(bob.waitFor(id, 'delivered', 60_000))
  await bob.stop()
  expect(await waiting).toBe('stopped')
})
