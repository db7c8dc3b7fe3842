/** A libp2p node for tests that speaks a relay's protocols frame by frame. */
import { noise } from '@chainsafe/libp2p-noise'
import { privateKeyFromRaw } from '@libp2p/crypto/keys'
import type { Libp2p, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import type { Codec } from '../../protocol/codec/schema.ts'
import { ed25519PublicKey, systemRandom } from '../../protocol/crypto/primitives.ts'
import { Frames } from '../../protocol/shell/frames.ts'
import { directoryFrame, directoryProtocol, type DirectoryFrame } from '../../protocol/wire/directory.ts'
import { mailboxFrame, mailboxProtocol, type MailboxFrame } from '../../protocol/wire/mailbox.ts'

export function createCaller(seed: Uint8Array = systemRandom.bytes(32)): Promise<Libp2p> {
  return createLibp2p({
    privateKey: privateKeyFromRaw(Buffer.concat([seed, ed25519PublicKey(seed)])),
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
  })
}

export function openRaw(node: Libp2p, relay: string, protocol: string): Promise<Stream> {
  return node.dialProtocol(multiaddr(relay), protocol, {
    signal: AbortSignal.timeout(20_000),
    maxOutboundStreams: 10_000,
  })
}

/** A stream whose frames are awaited one after another. */
export class Line<F extends { readonly kind: string }> {
  readonly stream: Stream
  readonly #frames: Frames<F>
  readonly #received: F[] = []
  readonly #waiting: ((frame: F | undefined) => void)[] = []
  #ended: string | undefined

  constructor(stream: Stream, codec: Codec<F>) {
    this.stream = stream
    this.#frames = new Frames(stream, {
      codec,
      onFrame: (frame) => {
        const waiter = this.#waiting.shift()
        if (waiter === undefined) this.#received.push(frame)
        else waiter(frame)
      },
      onEnd: (reason) => {
        this.#ended = reason
        for (const waiter of this.#waiting.splice(0)) waiter(undefined)
      },
    })
  }

  send(frame: F): void {
    this.#frames.send(frame)
  }

  /** The next frame; undefined once the stream has ended. */
  async next(): Promise<F | undefined> {
    const frame = this.#received.shift()
    if (frame !== undefined || this.#ended !== undefined) return frame
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** The next frame of one kind, stepping over others. */
  async expect<K extends F['kind']>(kind: K): Promise<Extract<F, { kind: K }>> {
    for (;;) {
      const frame = await this.next()
      if (frame === undefined) throw new Error(`the stream ended (${this.#ended ?? ''}) before ${kind} came`)
      if (frame.kind === kind) return frame as Extract<F, { kind: K }>
    }
  }

  async ended(): Promise<void> {
    while ((await this.next()) !== undefined);
  }

  close(): void {
    this.#frames.close()
  }
}

export async function openMailbox(node: Libp2p, relay: string): Promise<Line<MailboxFrame>> {
  return new Line(await openRaw(node, relay, mailboxProtocol), mailboxFrame)
}

export async function openDirectory(node: Libp2p, relay: string): Promise<Line<DirectoryFrame>> {
  return new Line(await openRaw(node, relay, directoryProtocol), directoryFrame)
}
