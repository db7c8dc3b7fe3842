/**
 * A relay that lies, in a process of its own: it takes cards and keys, signs for every message as a relay does, and keeps
 * none. Says its address when it serves.
 */
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@libp2p/yamux'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { createLibp2p } from 'libp2p'
import type { Codec } from '../../protocol/codec/schema.ts'
import { systemRandom } from '../../protocol/crypto/primitives.ts'
import { Frames } from '../../protocol/shell/frames.ts'
import { openCard } from '../../protocol/wire/card.ts'
import { signCustody } from '../../protocol/wire/custody.ts'
import { directoryFrame, directoryProtocol, type DirectoryFrame } from '../../protocol/wire/directory.ts'
import { mailboxFrame, mailboxProtocol, type MailboxFrame } from '../../protocol/wire/mailbox.ts'

const { listen } = JSON.parse(process.argv[2] ?? '{}') as { listen: string[] }
const seed = systemRandom.bytes(32)
const published = new Set<Extract<DirectoryFrame, { kind: 'publish' }>>()

const host = await createLibp2p({
  start: false,
  privateKey: await generateKeyPairFromSeed('Ed25519', seed),
  addresses: { listen },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
})
await host.handle(mailboxProtocol, (stream) => answer(stream, mailboxFrame, promise))
await host.handle(directoryProtocol, (stream) => answer(stream, directoryFrame, direct))
await host.start()
process.stdout.write(`${JSON.stringify({ ready: host.getMultiaddrs()[0]?.toString() })}\n`)

function answer<T>(stream: Stream, codec: Codec<T>, act: (frame: T) => T | undefined): void {
  const frames: Frames<T> = new Frames<T>(stream, {
    codec,
    onFrame: (frame) => {
      const said = act(frame)
      if (said !== undefined) frames.send(said)
    },
    onEnd: () => undefined,
  })
}

function promise(frame: MailboxFrame): MailboxFrame | undefined {
  if (frame.kind === 'subscribe') return { kind: 'page', envelopes: [], empty: true }
  if (frame.kind !== 'deposit') return undefined
  const { id, expiresMs } = frame.envelope
  const taken = [{ mailbox: frame.mailbox, id, storedMs: Date.now(), expiresMs }]
  return { kind: 'stored', receipt: signCustody(taken, seed) }
}

function direct(frame: DirectoryFrame): DirectoryFrame {
  if (frame.kind === 'publish') {
    published.add(frame)
    return { kind: 'published', left: 100 }
  }
  for (const { card, bundle } of [...published].toReversed()) {
    const opened = openCard(card, Date.now())
    if (!opened.ok) continue
    if (frame.kind === 'find-card' && frame.account === opened.card.account) return { kind: 'card', card }
    const isOf = frame.kind === 'take-bundle' && opened.card.devices.some(({ device }) => device === frame.device)
    if (isOf) return { kind: 'bundle', bundle }
  }
  return { kind: 'refused', reason: 'not-found', retryMs: 0 }
}
