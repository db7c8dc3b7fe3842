/**
 * The cures for what a connection costs: each is shown to be needed and to work. A failure of the first half is good news: upstream
 * has mended it, and the cure can go.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { TypedEventEmitter, type Libp2p, type Stream } from '@libp2p/interface'
import { noise } from '@chainsafe/libp2p-noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { expect, test } from 'vitest'
import { Keepalive } from '../../relay/io/keepalive.ts'
import { cureListeners } from '../../relay/io/listeners-cure.ts'
import { curedNoise } from '../../relay/io/noise-cure.ts'
import { curedPeers } from '../../relay/io/peers-cure.ts'
import { quietLogger } from '../../protocol/shell/quiet-logger.ts'
import { curedTcp } from '../../relay/io/writes-cure.ts'
import { curedYamux } from '../../relay/io/yamux-cure.ts'
import { atEnd } from './temporary.ts'

interface Events {
  said: CustomEvent<string>
}

// Before any other test: the cure is of the whole process.
test('a stream that is read slowly is cut off as shipped, and slowed down when cured', async () => {
  expect(await fateOfSlowReader(false)).not.toBe('open')
  expect(await fateOfSlowReader(true)).toBe('open')
})

test('an event target registers each listener twice as shipped, and once when cured, with the same results', () => {
  const early = new TypedEventEmitter<Events>()
  const heard: string[] = []
  early.addEventListener('said', ({ detail }) => heard.push(`early ${detail}`))
  expect(registrations(() => new TypedEventEmitter<Events>())).toBe(1)
  cureListeners()
  cureListeners()
  expect(registrations(() => new TypedEventEmitter<Events>())).toBe(0)

  early.addEventListener('said', ({ detail }) => heard.push(`late ${detail}`))
  early.safeDispatchEvent('said', { detail: 'a' })
  expect(heard.splice(0).toSorted()).toEqual(['early a', 'late a'])
  expect(early.listenerCount('said')).toBe(2)
})

test('a cured event target keeps the rules of event targets', async () => {
  cureListeners()
  const target = new TypedEventEmitter<Events>()
  const heard: string[] = []
  const note = (who: string) => (): void => void heard.push(who)
  const again = note('again')
  target.addEventListener('said', again)
  target.addEventListener('said', again)
  target.addEventListener('said', note('once'), { once: true })
  target.addEventListener('said', { handleEvent: note('object') })
  const leaving = new AbortController()
  target.addEventListener('said', note('until it is aborted'), { signal: leaving.signal })
  target.addEventListener('said', note('never'), { signal: AbortSignal.abort() })
  const removed = note('removed meanwhile')
  target.addEventListener('said', () => {
    target.removeEventListener('said', removed)
    target.addEventListener('said', note('added meanwhile'))
  })
  target.addEventListener('said', removed)
  target.safeDispatchEvent('said')
  expect(heard.splice(0)).toEqual(['again', 'once', 'object', 'until it is aborted'])
  leaving.abort()
  target.removeEventListener('said', again)
  target.safeDispatchEvent('said')
  expect(heard.splice(0)).toEqual(['object', 'added meanwhile'])

  const failing = new TypedEventEmitter<Events>()
  const thrown = new Promise((resolve) => {
    const [before] = process.listeners('uncaughtException').splice(0, 1)
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', (error) => {
      if (before !== undefined) process.on('uncaughtException', before)
      resolve(error.message)
    })
  })
  failing.addEventListener('said', () => {
    throw new Error('a listener failed')
  })
  failing.addEventListener('said', note('told all the same'))
  failing.safeDispatchEvent('said')
  expect(heard).toEqual(['told all the same'])
  expect(await thrown).toBe('a listener failed')
})

test.each([true, false])(
  'cured and stock nodes speak to each other, whoever calls (cured listens: %s)',
  async (cured) => {
    const listener = await node({ cured })
    const dialler = await node({ cured: !cured })
    await listener.handle('/echo', (stream) => stream.addEventListener('message', ({ data }) => void stream.send(data)))
    const stream = await dialler.dialProtocol(listener.getMultiaddrs(), '/echo')
    const said = new Uint8Array(3_000_000).map((_, i) => i)
    let heard = 0
    const wrong = new Promise<number>((resolve) => {
      let mistakes = 0
      stream.addEventListener('message', ({ data }) => {
        for (const byte of data.subarray()) if (byte !== (heard++ & 0xff)) mistakes += 1
        if (heard === said.length) resolve(mistakes)
      })
    })
    for (let at = 0; at < said.length; at += 50_000)
      if (!stream.send(said.slice(at, at + 50_000))) await stream.onDrain()
    expect(await wrong).toBe(0)
  },
)

test('libp2p keeps an entry of whoever opened a stream; cured, none', async () => {
  for (const cured of [false, true]) {
    const listener = await node({ cured })
    await listener.handle('/hello', (stream) => void stream.close())
    const dialler = await node({ cured: false })
    await dialler.dialProtocol(listener.getMultiaddrs(), '/hello')
    await expect.poll(async () => listener.peerStore.has(dialler.peerId)).toBe(!cured)
    await dialler.stop()
    await expect.poll(() => listener.getConnections().length).toBe(0)
    expect(await listener.peerStore.has(dialler.peerId)).toBe(!cured)
    expect((await listener.peerStore.get(listener.peerId)).protocols).toContain('/hello')
  }
})

test('connections take turns to be asked after, and those that are gone are forgotten', async () => {
  const keepalive = new Keepalive(240)
  const asked: number[] = []
  const connections = Array.from({ length: 300 }, (_, i) => ({
    status: 'open',
    ping: () => {
      asked.push(i)
      return i === 7 ? Promise.reject(new Error('closed meanwhile')) : Promise.resolve()
    },
  }))
  for (const connection of connections) keepalive.include(connection)
  await expect.poll(() => new Set(asked).size, { timeout: 20_000 }).toBe(300)
  for (const connection of connections) connection.status = 'closed'
  await elapsed(500)
  const before = asked.length
  await elapsed(500)
  expect(asked.length).toBe(before)
})

test('a cured node asks after whoever is connected', async () => {
  const listener = await node({ cured: true })
  const dialler = await node({ cured: false })
  await dialler.dial(listener.getMultiaddrs())
  await expect.poll(() => listener.getConnections().length).toBe(1)
  const [connection] = listener.getConnections()
  const roundTripMs = (): number => Number(Reflect.get(Object(Reflect.get(Object(connection), 'muxer')), 'rtt'))
  await expect.poll(roundTripMs, { timeout: 20_000 }).toBeGreaterThanOrEqual(0)
})

test('upstream still parses its keys for each agreement, signs for each handshake, and writes piece by piece', () => {
  const crypto = sourceOf('@chainsafe/libp2p-noise', 'crypto/index.js')
  expect(
    crypto.match(/generateX25519SharedKey\(privateKey, publicKey\) \{[\s\S]*?diffieHellman[\s\S]*?\}\);/)?.[0],
  ).toMatch(/createPublicKey[\s\S]*createPrivateKey/)
  expect(sourceOf('@chainsafe/libp2p-noise', 'performHandshake.js')).toMatch(
    /performHandshakeResponder[\s\S]*createHandshakePayload\(/,
  )
  expect(sourceOf('@libp2p/tcp', 'socket-to-conn.js')).not.toContain('cork')
})

test('the logger that says nothing is not even asked to put words together', () => {
  const log = quietLogger.forComponent('anything')
  expect(log.enabled).toBe(false)
  expect(log.newScope('more')).toBe(log)
})

/** How often one listener is registered with the engine's own event target. */
function registrations(create: () => TypedEventEmitter<Events>): number {
  const target = create()
  const stock = Reflect.get(EventTarget.prototype, 'addEventListener')
  let times = 0
  EventTarget.prototype.addEventListener = function (...given): void {
    times += 1
    stock.apply(this, given)
  }
  try {
    target.addEventListener('said', () => undefined)
  } finally {
    EventTarget.prototype.addEventListener = stock
  }
  return times
}

async function node({ cured }: { readonly cured: boolean }): Promise<Libp2p> {
  const made = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [cured ? curedTcp({}) : tcp()],
    connectionEncrypters: [cured ? curedNoise() : noise()],
    streamMuxers: [cured ? curedYamux({ maxInboundStreams: 100, askEveryMs: 600 }) : yamux()],
    connectionMonitor: { enabled: false },
    ...(cured && { services: { peers: curedPeers() } }),
  })
  atEnd(() => made.stop())
  return made
}

/** What became of a stream whose reader kept up for a while and then stopped reading, with more sent than it may hold. */
async function fateOfSlowReader(cured: boolean): Promise<string> {
  const listener = await node({ cured })
  const dialler = await node({ cured: false })
  let inbound: Stream | undefined
  let read = 0
  await listener.handle('/slow', (stream) => {
    inbound = stream
    stream.addEventListener('message', ({ data }) => {
      read += data.byteLength
      if (read > 32_000_000 && stream.status === 'open') stream.pause()
    })
  })
  const stream = await dialler.dialProtocol(listener.getMultiaddrs(), '/slow')
  // As on a link to the far side of the world: a window grows when it is used up within a few round trips.
  for (const connection of listener.getConnections()) Object.assign(Reflect.get(connection, 'muxer'), { rtt: 200 })
  for (let sent = 0; sent < 64_000_000 && stream.status === 'open'; sent += 64_000) {
    if (!stream.send(new Uint8Array(64_000))) await elapsed(0)
  }
  const buffered = (): number => inbound?.readBufferLength ?? 0
  for (
    let before = -1;
    inbound?.status !== 'aborted' && (buffered() === 0 || buffered() !== before);
    await elapsed(500)
  ) {
    before = buffered()
  }
  return inbound?.status ?? 'never opened'
}

function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function sourceOf(name: string, file: string): string {
  return readFileSync(fileURLToPath(import.meta.resolve(name)).replace(/index\.js$/, file), 'utf8')
}
