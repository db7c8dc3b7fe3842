/** The short way through libp2p's layers: that upstream still takes the long one, and that nothing is lost or changed on either. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { noise } from '@chainsafe/libp2p-noise'
import type { Libp2p, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import fc from 'fast-check'
import { createLibp2p } from 'libp2p'
import { expect, test } from 'vitest'
import { curedNoise } from '../../relay/io/noise-cure.ts'
import { Records } from '../../relay/io/noise-records.ts'
import { takesBytes } from '../../relay/io/streams-cure.ts'
import { curedTcp } from '../../relay/io/writes-cure.ts'
import { curedYamux } from '../../relay/io/yamux-cure.ts'
import { atEnd } from './temporary.ts'

test('upstream still puts every message into lists at every layer, and describes every frame', () => {
  const utils = import.meta.resolve('libp2p').replace('/libp2p/dist/', '/@libp2p/utils/dist/')
  const stream = sourceOf(utils, 'abstract-message-stream.js')
  expect(stream).toMatch(/onData\(data\) \{[\s\S]*?readBuffer\.append\(data\);\s*this\.dispatchReadBuffer\(\)/)
  expect(stream).toContain('new Uint8ArrayList(toSend)')
  expect(sourceOf(utils, 'length-prefixed-decoder.js')).toContain('catch (err)')
  expect(sourceOf(import.meta.resolve('@libp2p/yamux'), 'muxer.js')).toContain("'sending frame %o', debugFrame(header)")
})

test('any cut of any records yields those records', () => {
  const record = fc.uint8Array({ minLength: 1, maxLength: 300 })
  fc.assert(
    fc.property(fc.array(record, { maxLength: 20 }), fc.infiniteStream(fc.nat(400)), (records, cuts) => {
      const whole = Buffer.concat(records.flatMap((bytes) => [Buffer.of(bytes.length >> 8, bytes.length), bytes]))
      const [begun = 0] = cuts
      const cutter = new Records(whole.subarray(0, begun))
      const found: Uint8Array[] = []
      for (let at = begun; at < whole.length;) {
        const [cut = 1] = cuts
        found.push(...cutter.decode(whole.subarray(at, at + cut)).map((bytes) => new Uint8Array(bytes)))
        at += cut
      }
      found.push(...cutter.decode(new Uint8Array(0)))
      expect(found).toEqual(records)
    }),
  )
})

test('what is sent arrives as it was, however it is cut and whoever pauses', async () => {
  const [listener, dialler] = [await curedNode(), await curedNode()]
  const inbound = Promise.withResolvers<Stream>()
  await listener.handle('/take', (stream) => inbound.resolve(stream))
  const outbound = await dialler.dialProtocol(listener.getMultiaddrs(), '/take')
  const reader = await inbound.promise
  expect([outbound, reader].map((stream) => Reflect.get(stream, takesBytes))).toEqual([true, true])
  const total = 4_000_000
  let heard = 0
  let mistakes = 0
  const all = new Promise<void>((resolve) => {
    reader.addEventListener('message', ({ data }) => {
      for (const byte of data.subarray()) if (byte !== (heard++ & 0xff)) mistakes += 1
      if (heard === total) resolve()
      if (heard % 5 !== 0 || heard === total) return
      reader.pause()
      setTimeout(() => reader.resume(), 1)
    })
  })
  const random = drawn(7)
  for (let sent = 0; sent < total;) {
    const length = Math.min(
      total - sent,
      random() < 0.5 ? 1 + Math.floor(random() * 300) : Math.floor(random() * 90_000),
    )
    const from = sent
    const piece = new Uint8Array(length).map((_, i) => from + i)
    sent += length
    if (length > 0 && !outbound.send(piece)) await outbound.onDrain()
  }
  await all
  expect(mistakes).toBe(0)
  await outbound.close()
  await expect.poll(() => reader.remoteWriteStatus).toBe('closed')
})

test('a cured node lets go of whoever sends what is no frame', async () => {
  const listener = await curedNode()
  const dialler = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
  })
  atEnd(() => dialler.stop())
  const connection = await dialler.dial(listener.getMultiaddrs())
  await expect.poll(() => listener.getConnections().length).toBe(1)
  const muxer = Reflect.get(connection, 'muxer') as { send(bytes: Uint8Array): boolean }
  muxer.send(new Uint8Array(12).fill(9))
  await expect.poll(() => listener.getConnections().length).toBe(0)
})

async function curedNode(): Promise<Libp2p> {
  const made = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [curedTcp({})],
    connectionEncrypters: [curedNoise()],
    streamMuxers: [curedYamux({ maxInboundStreams: 100 })],
    connectionMonitor: { enabled: false },
  })
  atEnd(() => made.stop())
  return made
}

/** The same numbers every time. */
function drawn(seed: number): () => number {
  let state = seed
  return () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648
}

function sourceOf(index: string, file: string): string {
  return readFileSync(fileURLToPath(index).replace(/index\.js$/, file), 'utf8')
}
