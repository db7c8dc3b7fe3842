/** What these tests are played with: a device's network without rules, a relay that says what it is told to, a bad cable. */
import net from 'node:net'
import type { Connection, Stream } from '@libp2p/interface'
import { afterEach } from 'vitest'
import { ed25519PublicKey, systemRandom } from '../../../protocol/crypto/primitives.ts'
import { deviceIdOf, peerIdOf, type DeviceId } from '../../../protocol/ids.ts'
import { Frames } from '../../../protocol/shell/frames.ts'
import { mailboxFrame, mailboxProtocol, type Envelope, type MailboxFrame } from '../../../protocol/wire/mailbox.ts'
import { envelopeIdOf } from '../../../protocol/ids.ts'
import type { Input } from '../../../node/core/inputs.ts'
import { createAnonymousHost, createDeviceHost, stopHost, type DeviceHost } from '../../../node/io/host.ts'
import { Network, type NetworkInit } from '../../../node/io/network.ts'

const endings: (() => unknown)[] = []

/** Runs after the test, last registered first. */
export function atEnd(ending: () => unknown): void {
  endings.push(ending)
}

afterEach(async () => {
  for (const ending of endings.splice(0).toReversed()) await ending()
})

type Kind = Input['kind']
type Of<K extends Kind> = Extract<Input, { kind: K }>

/** Inputs as a core would get them. `next` waits; nothing here sleeps. */
export class Heard {
  readonly all: Input[] = []
  #read = 0
  #wake: () => void = () => undefined

  push = (input: Input): void => {
    this.all.push(input)
    this.#wake()
  }

  of<K extends Kind>(kind: K): Of<K>[] {
    return this.all.filter((input) => input.kind === kind) as Of<K>[]
  }

  /** The next input of this kind; those of other kinds before it are passed over. */
  async next<K extends Kind>(kind: K): Promise<Of<K>> {
    for (;;) {
      while (this.#read < this.all.length) {
        const input = this.all[this.#read++]
        if (input?.kind === kind) return input as Of<K>
      }
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  async count<K extends Kind>(kind: K, count: number): Promise<Of<K>[]> {
    while (this.of(kind).length < count) await new Promise<void>((resolve) => (this.#wake = resolve))
    return this.of(kind)
  }
}

export interface TestDevice {
  readonly network: Network
  readonly heard: Heard
  readonly id: DeviceId
  /** Where it listens, without PeerId. */
  readonly address: string
}

export async function startDevice(init: Partial<NetworkInit> = {}): Promise<TestDevice> {
  const seed = systemRandom.bytes(32)
  const heard = new Heard()
  const network = new Network({
    seed,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    announce: [],
    push: heard.push,
    backlog: () => 0,
    isFriend: () => true,
    log: () => undefined,
    ...init,
  })
  await network.start()
  atEnd(() => network.stop())
  const { addresses } = await heard.next('listening')
  return { network, heard, id: deviceIdOf(ed25519PublicKey(seed)), address: addresses[0]! }
}

/** A link from one to the other, as each of them numbers it. */
export async function link(from: TestDevice, to: TestDevice): Promise<{ ours: number; theirs: number }> {
  from.network.perform({ kind: 'dial', device: to.id, addresses: [to.address] })
  const [ours, theirs] = await Promise.all([from.heard.next('link-risen'), to.heard.next('link-risen')])
  return { ours: ours.link, theirs: theirs.link }
}

export interface ScriptedRelay {
  /** Full multiaddr. */
  readonly relay: string
  readonly host: DeviceHost
  /** Who has opened mailbox streams, in order. */
  readonly visitors: string[]
  readonly frames: MailboxFrame[]
  readonly stop: () => Promise<void>
}

/** `script` answers each frame; what it does not answer stays unanswered. */
export async function startRelay(
  script: (frame: MailboxFrame, send: (answer: MailboxFrame) => void, stream: Stream) => void,
): Promise<ScriptedRelay> {
  const seed = systemRandom.bytes(32)
  const host = await createDeviceHost({
    seed,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    announce: [],
    direct: { onStream: () => undefined },
    directory: { onAsked: () => undefined },
  })
  await host.start()
  const [visitors, frames]: [string[], MailboxFrame[]] = [[], []]
  await host.handle(
    mailboxProtocol,
    (stream: Stream, connection: Connection) => {
      visitors.push(connection.remotePeer.toString())
      const talk: Frames<MailboxFrame> = new Frames<MailboxFrame>(stream, {
        codec: mailboxFrame,
        onFrame: (frame) => {
          frames.push(frame)
          script(frame, (answer) => talk.send(answer), stream)
        },
        onEnd: () => undefined,
      })
    },
    { maxInboundStreams: 64 },
  )
  const stop = (): Promise<void> => stopHost(host, 1_000)
  atEnd(stop)
  const relay = `${host.services.reach.listening()[0]!.toString()}/p2p/${peerIdOf(deviceIdOf(ed25519PublicKey(seed)))}`
  return { relay, host, visitors, frames, stop }
}

export function envelope(bytes = 64): Envelope {
  return {
    id: envelopeIdOf(systemRandom.bytes(16)),
    urgency: 3,
    expiresMs: Date.now() + 60_000,
    sealed: systemRandom.bytes(bytes),
  }
}

export function someDevice(): DeviceId {
  return deviceIdOf(ed25519PublicKey(systemRandom.bytes(32)))
}

/** A stream opened by someone who keeps to no rules. */
export async function rawStream(to: TestDevice, protocol: string): Promise<Stream> {
  const host = await createAnonymousHost()
  atEnd(() => stopHost(host, 1_000))
  return (await host.services.reach.open(to.id, [to.address], protocol)).stream
}

/** A port that accepts and then says nothing. */
export async function silentPort(): Promise<string> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => sockets.add(socket.on('error', () => undefined)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `/ip4/127.0.0.1/tcp/${(server.address() as net.AddressInfo).port}`
}

/** A port nobody listens on. */
export async function deadPort(): Promise<string> {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return `/ip4/127.0.0.1/tcp/${port}`
}

export interface Cable {
  readonly address: string
  /** From now on nothing comes through, and nobody is told. */
  cut(): void
}

export async function cableTo(address: string): Promise<Cable> {
  const port = Number(address.split('/').at(-1))
  const sockets: net.Socket[] = []
  const server = net.createServer((near) => {
    const far = net.connect(port, '127.0.0.1')
    for (const socket of [near, far]) sockets.push(socket.on('error', () => undefined))
    near.pipe(far).pipe(near)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    address: `/ip4/127.0.0.1/tcp/${(server.address() as net.AddressInfo).port}`,
    cut: () => {
      for (const socket of sockets) socket.unpipe().pause()
    },
  }
}
