/**
 * What a relay has of a message it keeps: its files and its whole memory are searched for what was said and for who said
 * it. The sender's own relay is another one, and the recipient is away, so the message goes by the mailbox alone.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { searchMemory } from './memory.ts'
import { freePort } from './ports.ts'
import { Person, RelayProcess, scratch } from './processes.ts'

const folder = scratch()
const processes: (Person | RelayProcess)[] = []

afterEach(async () => {
  await Promise.all(processes.map((one) => one.kill()))
  folder.remove()
})

const readable = process.platform === 'linux' && process.getuid?.() === 0

test.skipIf(!readable)('a relay that keeps a message has neither its words nor its sender', async () => {
  const [bobsRelay, alicesRelay] = [await relay('bobs-relay'), await relay('alices-relay')]
  const bob = await person('bob', bobsRelay.address)
  const alice = await person('alice', alicesRelay.address)
  const link = await bob.ask({ op: 'invite' })
  await alice.ask({ op: 'add', link })
  await bob.event(({ event }) => event.type === 'contact' && event.state === 'added')
  const words = 'the parcel is under the third bridge'
  await bob.signal('SIGTERM')
  const { id } = await alice.ask({ op: 'send', who: 'bob', text: words })
  expect(await alice.ask({ op: 'wait', id, state: 'stored' })).toBe('stored')

  const she = await alice.ask({ op: 'identity' })
  const he = await alice.ask({ op: 'contacts' }).then(([contact]) => contact)
  const secrets = new Map<string, Buffer>([
    ['the words', Buffer.from(words)],
    ['the words, two bytes a character', Buffer.from(words, 'utf16le')],
    ['the words, base64', Buffer.from(Buffer.from(words).toString('base64').slice(4, 40))],
    ['the message id', Buffer.from(id, 'hex')],
    ['the message id, spelt out', Buffer.from(id)],
    ['her device', Buffer.from(she.device, 'hex')],
    ['her device, spelt out', Buffer.from(she.device)],
    ['her PeerId', Buffer.from(she.peerId)],
    ['her account', Buffer.from(she.account, 'hex')],
    ['her account, spelt out', Buffer.from(she.account)],
  ])
  const known = new Map<string, Buffer>([
    ['his device', Buffer.from(he?.devices[0] ?? '', 'hex')],
    ['his account', Buffer.from(he?.account ?? '', 'hex')],
  ])

  const files = contents(folder.path('bobs-relay'))
  for (const [name, bytes] of secrets)
    expect(
      files.some((file) => file.includes(bytes)),
      `${name} in a file`,
    ).toBe(false)
  for (const [name, bytes] of known)
    expect(
      files.some((file) => file.includes(bytes)),
      `${name} in a file`,
    ).toBe(true)

  const pid = bobsRelay.pid ?? 0
  const memory = searchMemory(pid, new Map([...secrets, ...known]))
  for (const name of secrets.keys()) expect(memory.get(name), `${name} in memory`).toBe(0)
  // The search itself works: whose mailbox it is, the relay must know.
  for (const name of known.keys()) expect(memory.get(name), `${name} in memory`).toBeGreaterThan(0)
})

async function relay(name: string): Promise<RelayProcess> {
  const port = await freePort()
  const started = new RelayProcess(() => ({ dataDir: folder.path(name), listen: [`/ip4/127.0.0.1/tcp/${port}`] }))
  processes.push(started)
  await started.start()
  return started
}

async function person(name: string, home: string): Promise<Person> {
  const started = new Person(() => ({
    dataDir: folder.path(name),
    name,
    relays: [home],
    listen: ['/ip4/127.0.0.1/tcp/0'],
  }))
  processes.push(started)
  await started.start()
  return started
}

function contents(directory: string): Buffer[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name)))
}
