/** Private relays, and what they are told: real relays, real devices, and a secret that is nowhere to be found. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { addTokens, tokenFor } from '../../node/core/relay-tokens.ts'
import { createNode, NodeError, type LinnetNode, type LogEntry, type NodeOptions } from '../../node/index.ts'
import { checkRelays } from '../../node/options.ts'
import { relayTokenBytesMax } from '../../protocol/limits.ts'
import { createRelay, type Relay, type RelayLogEntry } from '../../relay/index.ts'
import { atEnd } from './io/support.ts'

const listen = ['/ip4/127.0.0.1/tcp/0']
/** Two publications and a handshake, on a busy machine. */
const patience = { timeout: 15_000 }
const token = 'corréct horse & battery?'
const written = `?token=${encodeURIComponent(token)}`

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'linnet-token-'))
  atEnd(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

interface Private {
  readonly relay: Relay
  readonly address: string
  readonly log: readonly RelayLogEntry[]
}

async function privateRelay(): Promise<Private> {
  const log: RelayLogEntry[] = []
  const relay = await createRelay({
    dataDir: newDirectory(),
    listen,
    store: 'memory',
    access: { token },
    log: (entry) => log.push(entry),
  })
  await relay.start()
  atEnd(() => relay.stop())
  return { relay, address: relay.addresses[0] ?? '', log }
}

async function run(options: Partial<NodeOptions>): Promise<LinnetNode> {
  const node = await createNode({ dataDir: newDirectory(), name: 'Someone', listen, lan: false, ...options })
  atEnd(() => node.stop())
  await node.start()
  return node
}

const standing = (node: LinnetNode) => node.identity().relays[0]

test('who says the token has a mailbox, also after a restart that names the address alone', async () => {
  const { relay, address } = await privateRelay()
  const dataDir = newDirectory()
  const node = await run({ dataDir, relays: [address + written] })
  await expect.poll(() => standing(node)?.preKeysLeft, patience).toBeGreaterThan(0)
  expect(standing(node)).toMatchObject({ relay: address, connected: true })
  expect((await relay.status()).mailboxes).toBe(1)
  await node.stop()
  const again = await run({ dataDir, relays: [address] })
  await expect.poll(() => standing(again)?.preKeysLeft, patience).toBeGreaterThan(0)
  expect(standing(again)?.refused).toBeUndefined()
})

test('a missing and a wrong token are told apart, said in words, and mended without a restart', async () => {
  const { address } = await privateRelay()
  const node = await run({ relays: [address] })
  await expect.poll(() => standing(node)?.refused, patience).toBe('token-needed')
  await node.setRelays([`${address}?token=guess`])
  await expect.poll(() => standing(node)?.refused, patience).toBe('token-wrong')
  const { well, findings } = await node.doctor()
  const about = findings.find((one) => one.about === `relay ${address}`)
  expect([well, about?.state]).toEqual([false, 'bad'])
  expect(about?.says).toBe('keeps nothing for you: it is private and does not take the token it was told')
  expect(about?.todo).toContain('ask its operator for the token')
  await node.setRelays([address + written])
  await expect.poll(() => standing(node)?.preKeysLeft, patience).toBeGreaterThan(0)
  expect((await node.doctor()).well).toBe(true)
})

test('the token is in no card, invite, view, log or file', async () => {
  const { address, log } = await privateRelay()
  const entries: LogEntry[] = []
  const dataDir = newDirectory()
  const node = await run({ dataDir, relays: [`${address}?token=guess`], log: (entry) => entries.push(entry) })
  await expect.poll(() => standing(node)?.refused, patience).toBe('token-wrong')
  await node.setRelays([address + written])
  await expect.poll(() => standing(node)?.preKeysLeft, patience).toBeGreaterThan(0)
  const link = await node.invite()
  const friend = await run({ relays: [] })
  const contact = await friend.add(link)
  expect(contact.relays).toEqual([address])
  await node.doctor()
  const told = JSON.stringify([node.identity(), contact, await node.doctor(), entries, log, link])
  await node.stop()
  const files = readdirSync(dataDir).map((name) => readFileSync(join(dataDir, name)))
  for (const secret of [token, encodeURIComponent(token), 'guess']) {
    expect(told).not.toContain(secret)
    expect(files.filter((file) => file.includes(secret))).toEqual([])
  }
  expect(entries).toContainEqual(
    expect.objectContaining({ message: 'a relay did not take our card', reason: 'token-wrong' }),
  )
})

test('what stands behind an address is a token or a fault, and a fault does not repeat it', () => {
  const address = '/ip4/192.0.2.7/tcp/4001/p2p/12D3KooWQJzcxEXLf1u6BacCyJipwuvGbynJUWYzPSRMtuCKq4TC'
  expect(checkRelays([` ${address}${written} `, address])).toEqual({
    relays: [address],
    tokens: new Map([[address, token]]),
  })
  const long = 'x'.repeat(relayTokenBytesMax)
  expect(checkRelays([`${address}?token=${long}`]).tokens.get(address)).toBe(long)
  for (const bad of ['?', '?secret', '?token', '?token=%zz', '?token=a&b=secret', `?token=${long}y`, '?TOKEN=secret']) {
    try {
      checkRelays([address + bad])
      expect.unreachable(bad)
    } catch (error) {
      expect(error).toBeInstanceOf(NodeError)
      expect(String(error)).toContain('behind the address')
      expect(String(error)).not.toContain('secret')
    }
  }
  expect(() => checkRelays(['nonsense?token=secret'])).toThrow(/^not the address of a relay: nonsense \(/)
})

test('a token is kept until another is given or it is taken back, and their number is bounded', () => {
  const text = (bytes: Uint8Array | undefined): string | undefined => bytes && new TextDecoder().decode(bytes)
  let kept = addTokens(undefined, new Map([['a', 'one']]))
  kept = addTokens(kept, new Map([['b', 'two']]))
  expect([text(tokenFor(kept, 'a')), text(tokenFor(kept, 'b')), tokenFor(kept, 'c')]).toEqual(['one', 'two', undefined])
  kept = addTokens(kept, new Map([['a', '']]))
  expect(tokenFor(kept, 'a')).toBeUndefined()
  for (let i = 0; i < 200; i++) kept = addTokens(kept, new Map([[`relay ${i}`, 'x'.repeat(128)]]))
  expect(kept.length).toBeLessThan(64 * 160)
  expect([tokenFor(kept, 'b'), text(tokenFor(kept, 'relay 199'))?.length]).toEqual([undefined, 128])
})
