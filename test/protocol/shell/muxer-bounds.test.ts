/** What a stranger who is connected may make a relay or a device keep, with the multiplexer of each. */
import { noise } from '@chainsafe/libp2p-noise'
import type { Connection, StreamMuxerFactory } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p, type Libp2p } from 'libp2p'
import { expect, test } from 'vitest'
import { steadyYamux } from '../../../node/io/pulse.ts'
import { curedYamux } from '../../../relay/io/yamux-cure.ts'
import { atEnd } from '../../relay/temporary.ts'

/** A connection's layers as the stranger has them, and can use as they like. */
interface Layer {
  send(bytes: Uint8Array): boolean
  onDrain(): Promise<void>
  pause(): void
}

const sides = [
  ['device', steadyYamux()],
  ['relay', curedYamux({ maxInboundStreams: 100 })],
] as const
const dataHeader = Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff)
const ping = Uint8Array.of(0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1)
const pieceBytes = 60_000
const [beginFlag, resetFlag] = [1, 8]

test.each(sides)('a %s does not wait for the end of a frame that is longer than any window', async (_, muxer) => {
  const { listener, secured } = await connected(muxer)
  secured.send(dataHeader)
  await sendUntilCutOff(listener, secured, new Uint8Array(pieceBytes), 4_000_000)
})

test.each(sides)('a %s lets go of whoever asks on and on and does not read the answers', async (_, muxer) => {
  const { listener, secured, socket } = await connected(muxer)
  socket.pause()
  const pings = Buffer.alloc(pieceBytes, ping)
  await sendUntilCutOff(listener, secured, pings, 40_000_000)
})

test.each(sides)('a %s lets go of whoever begins streams without end', async (_, muxer) => {
  const { listener, secured } = await connected(muxer)
  let id = 1
  for (let round = 0; round < 30 && listener.getConnections().length > 0; round++) {
    const pairs = Array.from({ length: 100 }, () => [update(beginFlag, (id += 2)), update(resetFlag, id)]).flat()
    secured.send(Buffer.concat(pairs))
    await new Promise(setImmediate)
  }
  await expect.poll(() => listener.getConnections().length).toBe(0)
})

test.each(sides)('a %s answers as many streams as anyone needs', async (_, muxer) => {
  const { listener, connection } = await connected(muxer)
  let answered = 0
  for (let asked = 0; asked < 500; asked++) {
    const stream = await connection.newStream('/none').catch((error: unknown) => error)
    if (stream instanceof Error && stream.name === 'UnsupportedProtocolError') answered++
  }
  expect(answered).toBe(500)
  expect(listener.getConnections().length).toBe(1)
})

function update(flag: number, stream: number): Uint8Array {
  const frame = Buffer.alloc(12)
  frame.writeUInt8(1, 1)
  frame.writeUInt16BE(flag, 2)
  frame.writeUInt32BE(stream, 4)
  return frame
}

async function sendUntilCutOff(listener: Libp2p, to: Layer, piece: Uint8Array, bytesMax: number): Promise<void> {
  for (let sent = 0; sent < bytesMax && listener.getConnections().length > 0; sent += piece.length) {
    // Whoever reads nothing does not learn either that the connection is gone.
    to.send(piece.slice())
    await new Promise(setImmediate)
  }
  await expect.poll(() => listener.getConnections().length).toBe(0)
}

async function connected(
  muxer: () => StreamMuxerFactory,
): Promise<{ listener: Libp2p; connection: Connection; secured: Layer; socket: Layer }> {
  const common = { transports: [tcp()], connectionEncrypters: [noise()], connectionMonitor: { enabled: false } }
  const listen = ['/ip4/127.0.0.1/tcp/0']
  const listener = await createLibp2p({ ...common, addresses: { listen }, streamMuxers: [muxer] })
  const stranger = await createLibp2p({ ...common, streamMuxers: [yamux()] })
  atEnd(() => Promise.all([listener.stop(), stranger.stop()]))
  const connection = await stranger.dial(listener.getMultiaddrs())
  await expect.poll(() => listener.getConnections().length).toBe(1)
  const secured = Reflect.get(Reflect.get(connection, 'muxer') as object, 'maConn') as Layer
  return { listener, connection, secured, socket: Reflect.get(secured, 'stream') as Layer }
}
