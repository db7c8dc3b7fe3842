/** Whatever arrives, a relay refuses it with a reason or ends the stream; it stays up and nothing has changed. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as lp from 'it-length-prefixed'
import fc from 'fast-check'
import type { Libp2p, Stream } from '@libp2p/interface'
import { beforeAll, afterAll, describe, expect, test } from 'vitest'
import { frameBytesMax, sealedBytesMax } from '../../protocol/limits.ts'
import { directoryFrame, directoryProtocol } from '../../protocol/wire/directory.ts'
import { mailboxFrame, mailboxProtocol } from '../../protocol/wire/mailbox.ts'
import { createRelay, type Relay, type RelayStatus } from '../../relay/index.ts'
import { createCaller, openDirectory, openMailbox, openRaw } from './caller.ts'
import { createPerson, envelope, publicationOf } from './people.ts'

const now = Date.now()
const bob = createPerson()
const kept = envelope(now)
let relay: Relay
let eve: Libp2p
let bobs: Libp2p
let address: string
let before: RelayStatus
let dataDir: string

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'linnet-relay-'))
  relay = await createRelay({ dataDir, store: 'memory', listen: ['/ip4/127.0.0.1/tcp/0'] })
  await relay.start()
  address = relay.addresses[0] ?? ''
  eve = await createCaller()
  bobs = await createCaller(bob.identity.seed)
  const directory = await openDirectory(bobs, address)
  directory.send(publicationOf(bob, now))
  await directory.expect('published')
  const mailbox = await openMailbox(eve, address)
  mailbox.send({ kind: 'deposit', mailbox: bob.device, envelope: kept })
  await mailbox.expect('stored')
  before = await relay.status()
})

afterAll(async () => {
  await Promise.all([eve.stop(), bobs.stop()])
  await relay.stop()
  await rm(dataDir, { recursive: true })
})

/** Sends bytes, whole or one by one, and waits for the relay to end the stream. */
async function sendAndSeeItEnd(protocol: string, bytes: Uint8Array, bytewise: boolean): Promise<void> {
  const stream = await openRaw(eve, address, protocol)
  const ended = streamEnded(stream)
  try {
    if (bytewise) for (const byte of bytes) stream.send(Uint8Array.of(byte))
    else stream.send(bytes)
    void stream.close().catch(() => undefined)
  } catch {
    // It has ended the stream already, before the last byte.
  }
  await ended
}

function streamEnded(stream: Stream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.status !== 'open') return resolve()
    stream.addEventListener('close', () => resolve(), { once: true })
    stream.addEventListener('remoteCloseWrite', () => resolve(), { once: true })
  })
}

async function expectUnharmed(): Promise<void> {
  const { mailboxes, messages, preKeys, cards, tombstones } = await relay.status()
  expect({ mailboxes, messages, preKeys, cards, tombstones }).toEqual({
    mailboxes: before.mailboxes,
    messages: before.messages,
    preKeys: before.preKeys,
    cards: before.cards,
    tombstones: before.tombstones,
  })
}

const valid = {
  [mailboxProtocol]: mailboxFrame.encode({ kind: 'deposit', mailbox: bob.device, envelope: envelope(now) }),
  [directoryProtocol]: directoryFrame.encode(publicationOf(createPerson(), now)),
}

describe.each([mailboxProtocol, directoryProtocol] as const)('%s', (protocol) => {
  const framed = (bytes: Uint8Array): Uint8Array => lp.encode.single(bytes).subarray()

  test('garbage in place of a stream', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.boolean(), (bytes, bytewise) =>
        sendAndSeeItEnd(protocol, bytes, bytewise),
      ),
      { numRuns: 40 },
    )
    await expectUnharmed()
  })

  test('garbage in a well-formed frame', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.boolean(), (bytes, bytewise) =>
        sendAndSeeItEnd(protocol, framed(bytes), bytewise),
      ),
      { numRuns: 40 },
    )
    await expectUnharmed()
  })

  test('a good frame cut short', async () => {
    const good = framed(valid[protocol])
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: good.length - 1 }), fc.boolean(), (length, bytewise) =>
        sendAndSeeItEnd(protocol, good.subarray(0, length), bytewise && length < 600),
      ),
      { numRuns: 40 },
    )
    await expectUnharmed()
  })

  test('a good frame with one byte changed is refused or, where it means the same, taken', async () => {
    // A changed byte in an envelope can make another envelope that is as good, so this one only asks that the relay lives.
    const good = valid[protocol]
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: good.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) =>
        sendAndSeeItEnd(protocol, framed(good.with(at, (good[at] ?? 0) ^ flip)), false),
      ),
      { numRuns: 40 },
    )
    before = await relay.status()
  })

  test('a frame announced as larger than any may be', async () => {
    for (const length of [frameBytesMax + 1, 2 ** 31, 2 ** 40]) {
      const announced = Uint8Array.from(varint(length))
      await sendAndSeeItEnd(protocol, announced, false)
      await sendAndSeeItEnd(protocol, announced, true)
    }
    await expectUnharmed()
  })
})

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))]
}

test('a deposit larger than any may be ends the stream, and the mailbox is as it was', async () => {
  const line = await openMailbox(eve, address)
  const sealed = new Uint8Array(sealedBytesMax + 1)
  line.send({ kind: 'deposit', mailbox: bob.device, envelope: envelope(now, { sealed }) })
  expect(await line.next()).toBeUndefined()
  await expectUnharmed()
})

test("a subscription serves nobody else's mailbox, and acknowledges in nobody else's", async () => {
  const line = await openMailbox(eve, address)
  line.send({ kind: 'subscribe', credit: 100 })
  expect(await line.expect('page')).toEqual({ kind: 'page', envelopes: [], empty: true })
  line.send({ kind: 'ack', ids: [kept.id] })
  line.close()
  const owner = await openMailbox(bobs, address)
  owner.send({ kind: 'subscribe', credit: 100 })
  expect((await owner.expect('page')).envelopes.map(({ id }) => id)).toContain(kept.id)
})
