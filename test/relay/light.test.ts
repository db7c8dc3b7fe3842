/** The client that benches load a relay with speaks to a real one as a device does. */
import { expect, onTestFinished, test } from 'vitest'
import { connectLight, type LightConnection } from '../../bench/relay/light.ts'
import { LightLine } from '../../bench/relay/light-line.ts'
import { directoryFrame, directoryProtocol, type DirectoryFrame } from '../../protocol/wire/directory.ts'
import { mailboxFrame, mailboxProtocol, type MailboxFrame } from '../../protocol/wire/mailbox.ts'
import { createRelay } from '../../relay/index.ts'
import { createPerson, envelope, publicationOf } from './people.ts'
import { temporaryDirectory } from './temporary.ts'

test('a light client publishes, receives what others deposit however large, and says so', async () => {
  const address = await relayAddress()
  const bob = createPerson()
  const theirs = await connected({ address, seed: bob.identity.seed })
  await theirs.identify()
  const directory = new LightLine<DirectoryFrame>(theirs, directoryProtocol, directoryFrame)
  directory.send(publicationOf(bob, Date.now()))
  await directory.expect('published')
  const inbox = new LightLine<MailboxFrame>(theirs, mailboxProtocol, mailboxFrame)
  inbox.send({ kind: 'subscribe', credit: 100 })
  await inbox.expect('page')
  const received = new Map<string, number>()
  inbox.onFrame = (frame) => {
    if (frame.kind !== 'page') return
    for (const { id, sealed } of frame.envelopes) received.set(id, sealed.length)
    inbox.send({ kind: 'ack', ids: frame.envelopes.map(({ id }) => id) })
  }

  const ours = new LightLine<MailboxFrame>(
    await connected({ address, localAddress: '127.0.0.9' }),
    mailboxProtocol,
    mailboxFrame,
  )
  const sizes = [1, 100, 70_000, 131_072, 131_072, 131_072] // More than a record, a window, and what is confirmed at once.
  const sent = sizes.map((size) => envelope(Date.now(), { sealed: new Uint8Array(size) }))
  const answers: string[] = []
  ours.onFrame = ({ kind }) => answers.push(kind)
  for (const one of sent) ours.send({ kind: 'deposit', mailbox: bob.device, envelope: one })
  await expect
    .poll(() => received, { timeout: 30_000 })
    .toEqual(new Map(sent.map(({ id, sealed }) => [id, sealed.length])))
  await expect.poll(() => answers, { timeout: 30_000 }).not.toEqual([])
  expect(new Set(answers).difference(new Set(['stored', 'delivered']))).toEqual(new Set())
  expect(theirs.bytesIn).toBeGreaterThan(sizes.reduce((sum, size) => sum + size, 0))
  expect(theirs.bytesOut).toBeGreaterThan(0)
})

test('a protocol the relay does not speak ends the stream and nothing else', async () => {
  const connection = await connected({ address: await relayAddress() })
  await expect(new LightLine(connection, '/nobody/speaks/1', mailboxFrame).expect('page')).rejects.toThrow('ended')
  await connection.identify()
})

test('what is no relay is told apart from one', async () => {
  await expect(connectLight({ address: '/ip4/127.0.0.1/tcp/1' })).rejects.toThrow('ECONNREFUSED')
  await expect(async () => connectLight({ address: '/dns4/nowhere.example/tcp/1' })).rejects.toThrow('no address')
})

async function relayAddress(): Promise<string> {
  const relay = await createRelay({
    dataDir: await temporaryDirectory(),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    store: 'memory',
  })
  await relay.start()
  onTestFinished(() => relay.stop())
  return relay.addresses[0] ?? ''
}

async function connected(init: Parameters<typeof connectLight>[0]): Promise<LightConnection> {
  const connection = await connectLight(init)
  onTestFinished(() => connection.close())
  return connection
}
