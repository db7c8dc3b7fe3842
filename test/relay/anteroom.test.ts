/** Sockets that say nothing fill a relay's anteroom, and take nobody else's place in it. */
import { connect, type Socket } from 'node:net'
import type { MultiaddrConnection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, test } from 'vitest'
import { Anteroom } from '../../relay/io/anteroom.ts'
import { caller, runningRelay } from './network.ts'
import { openMailbox } from './caller.ts'
import { atEnd } from './temporary.ts'

async function silentFrom(localAddress: string, relay: string): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: Number(/tcp\/(\d+)/.exec(relay)?.[1]), localAddress })
  socket.on('error', () => undefined).resume()
  atEnd(() => void socket.destroy())
  await new Promise<void>((resolve) => socket.once('connect', resolve).once('close', () => resolve()))
  return socket
}

async function severalFrom(localAddress: string, relay: string, count: number): Promise<Socket[]> {
  const sockets: Socket[] = []
  for (let i = 0; i < count; i++) sockets.push(await silentFrom(localAddress, relay))
  return sockets
}

const open = (sockets: readonly Socket[]): number => sockets.filter(({ destroyed }) => !destroyed).length

test('whoever comes from elsewhere is served, though one address has filled the anteroom', async ({ skip }) => {
  if (process.platform !== 'linux') return skip('only Linux gives the whole of 127.0.0.0/8 away')
  const { address, relay } = await runningRelay({ limits: { handshakesMax: 8 } })
  const crowd = await severalFrom('127.0.0.2', address, 12)
  await expect.poll(() => open(crowd)).toBe(8)
  await openMailbox(await caller(), address)
  expect(open(crowd)).toBe(7)
  expect(relay.reached.get('handshakesMax')).toBe(5)
})

test('two crowds share the anteroom and do not chase each other out of it', async ({ skip }) => {
  if (process.platform !== 'linux') return skip('only Linux gives the whole of 127.0.0.0/8 away')
  const { address } = await runningRelay({ limits: { handshakesMax: 8 } })
  const first = await severalFrom('127.0.0.2', address, 8)
  const second = await severalFrom('127.0.0.3', address, 8)
  await expect.poll(() => [open(first), open(second)]).toEqual([4, 4])
})

test('whoever has shown who they are is out of the anteroom', async () => {
  const { address, relay } = await runningRelay({ limits: { handshakesMax: 2 } })
  for (let i = 0; i < 5; i++) await openMailbox(await caller(), address)
  expect((await relay.status()).connections).toBe(5)
  expect(relay.reached.get('handshakesMax')).toBeUndefined()
})

test('while many are not through, one more is begun now and then, and first for whoever has fewest', async () => {
  const anteroom = new Anteroom({ max: 1_000, msMax: 10_000, full: () => undefined })
  const gater = anteroom.behind({})
  const letOn: string[] = []
  const come = async (host: string): Promise<void> => {
    const socket = { remoteAddr: multiaddr(`/ip4/${host}/tcp/1`), addEventListener: () => undefined }
    if ((await gater.denyInboundConnection?.(socket as unknown as MultiaddrConnection)) === false) letOn.push(host)
  }
  const crowd = Array.from({ length: 300 }, () => come('192.0.2.1'))
  await expect.poll(() => letOn.length).toBeGreaterThanOrEqual(256)
  const before = letOn.length
  expect(before).toBeLessThan(300)
  await come('192.0.2.2')
  expect(letOn.length - before).toBeLessThan(5)
  await Promise.all(crowd)
  expect(letOn).toHaveLength(301)
})

test('those who came together and say nothing are sent away one after another', async () => {
  const { address, relay } = await runningRelay({ limits: { handshakesMax: 20, handshakeMsMax: 1_000 } })
  const crowd = await severalFrom('127.0.0.1', address, 20)
  const leftMs = await Promise.all(
    crowd.map(async (socket) => {
      if (!socket.closed) await new Promise((left) => socket.once('close', left))
      return performance.now()
    }),
  )
  expect(Math.max(...leftMs) - Math.min(...leftMs)).toBeGreaterThan(700) // One of them in 50 ms.
  await expect.poll(() => relay.reached.get('handshakeMsMax')).toBe(20)
})
