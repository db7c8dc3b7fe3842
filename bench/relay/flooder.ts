/**
 * People who mean a relay no good, in a process of their own: one who deposits as fast as it is read, thousands who begin a
 * handshake and do not go on, a thousand who ask for their mail and hardly read it. Told what to do by the process that started
 * it.
 */
import { connect, type Socket } from 'node:net'
import { mailboxFrame, mailboxProtocol, type MailboxFrame } from '../../protocol/wire/mailbox.ts'
import { createPerson, envelope, type Person } from '../../test/relay/people.ts'
import { elapsed, inTurns } from './contender.ts'
import { LightLine } from './light-line.ts'
import { connectLight, type LightConnection } from './light.ts'
import { publish } from './ours.ts'

export interface Wickedness {
  /** Sockets that begin a handshake; each that is closed is opened again. */
  readonly halfOpen: number
  readonly slowReaders: number
  readonly fullSpeed: boolean
}

export type FloodOrder =
  | { readonly kind: 'prepare'; readonly port: number; readonly slowReaders: number }
  | ({ readonly kind: 'begin'; readonly port: number } & Wickedness)
  | { readonly kind: 'end' }

/** What has been done since the last order. */
export interface FloodReport {
  readonly deposits: number
  readonly refused: number
  readonly cutOff: number
  readonly halfOpenHeld: number
  readonly halfOpenTurnedAway: number
  readonly slowReadersHeld: number
  /** Processor time of this process so far. */
  readonly cpuUs: number
}

/** Waiting for each slow reader: 512 KiB, in pieces of what a picture's part has. */
const [waitingMessages, waitingBytes] = [8, 65_536]
const hello = Buffer.concat([word('/multistream/1.0.0'), word('/noise')])
/** The first message of a Noise handshake; any 32 bytes are a key. */
const noiseFirst = Buffer.concat([Buffer.of(0, 32), Buffer.alloc(32, 9)])
const againMs = 2_000
const slowReadMs = { every: 1_000, for: 5 }

let port = 0
let readers: Person[] = []
let endings: (() => void)[] = []
const nothing = { deposits: 0, refused: 0, cutOff: 0, halfOpenHeld: 0, halfOpenTurnedAway: 0, slowReadersHeld: 0 }
let counts = { ...nothing }

process.on('message', (order: FloodOrder) => {
  void obey(order).then((report) => process.send?.(report))
})
process.on('disconnect', () => process.exit(0))

async function obey(order: FloodOrder): Promise<FloodReport> {
  switch (order.kind) {
    case 'prepare':
      port = order.port
      await prepareReaders(order.slowReaders)
      break
    case 'begin':
      port = order.port
      counts = { ...nothing }
      if (order.fullSpeed) await depositAtFullSpeed()
      if (order.halfOpen > 0) beginHandshakes(order.halfOpen)
      if (order.slowReaders > 0) await readSlowly(order.slowReaders)
      break
    case 'end':
      for (const end of endings) end()
      endings = []
  }
  const { user, system } = process.cpuUsage()
  return { ...counts, cpuUs: user + system }
}

/** A relay counts by address, and the loopback has many: so many of them, below `net`, for the crowd. */
function addressOf(net: number, i: number): string {
  return `127.0.${net}.${1 + (i % 100)}`
}

function call(net: number, i: number, person?: Person): Promise<LightConnection> {
  const seed = person === undefined ? {} : { seed: person.identity.seed }
  return connectLight({ address: `/ip4/127.0.0.1/tcp/${port}`, localAddress: addressOf(net, i), ...seed })
}

async function prepareReaders(count: number): Promise<void> {
  readers = Array.from({ length: count }, createPerson)
  await inTurns([...readers.keys()], 20, (i) => publish(port, readers[i] ?? createPerson(), addressOf(10, i)))
  const depositors = 16
  await Promise.all(
    Array.from({ length: depositors }, async (_, d) => {
      const connection = await call(11, d)
      const line = new LightLine<MailboxFrame>(connection, mailboxProtocol, mailboxFrame)
      for (const { device } of readers.filter((_reader, i) => i % depositors === d)) {
        for (let m = 0; m < waitingMessages; m++) {
          const message = envelope(Date.now(), { sealed: new Uint8Array(waitingBytes) })
          line.send({ kind: 'deposit', mailbox: device, envelope: message })
          await line.expect('stored')
        }
      }
      connection.close()
    }),
  )
}

/** What the relay does not read waits here, and nothing is added while a lot does; whoever is cut off comes again at once. */
async function depositAtFullSpeed(): Promise<void> {
  const person = createPerson()
  await publish(port, person, addressOf(12, 0))
  const state = { isOver: false }
  endings.push(() => (state.isOver = true))
  void (async () => {
    while (!state.isOver) await depositUntilCutOff(person, state)
  })()
}

async function depositUntilCutOff({ device }: Person, state: { readonly isOver: boolean }): Promise<void> {
  const connection = await call(12, 0).catch(() => undefined)
  if (connection === undefined) return elapsed(100)
  const line = new LightLine<MailboxFrame>(connection, mailboxProtocol, mailboxFrame)
  let isCutOff = false
  line.onEnd = () => (isCutOff = true)
  line.onFrame = (frame) => {
    if (frame.kind === 'refused') counts.refused += 1
  }
  while (!state.isOver && !isCutOff) {
    for (let i = 0; i < 100 && line.waiting < 65_536; i++) {
      const message = envelope(Date.now(), { sealed: new Uint8Array(200) })
      line.send({ kind: 'deposit', mailbox: device, envelope: message })
      counts.deposits += 1
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  if (isCutOff) counts.cutOff += 1
  connection.close()
}

function beginHandshakes(count: number): void {
  const sockets = new Set<Socket>()
  let isOver = false
  const open = (i: number): void => {
    if (isOver) return
    const socket = connect({ port, host: '127.0.0.1', localAddress: addressOf(13, i) })
    let held = false
    sockets.add(socket)
    socket.once('connect', () => {
      held = true
      counts.halfOpenHeld += 1
      socket.write(hello)
      socket.write(noiseFirst)
    })
    socket.on('error', () => undefined)
    socket.resume()
    socket.once('close', () => {
      sockets.delete(socket)
      if (held) counts.halfOpenHeld -= 1
      if (!isOver) counts.halfOpenTurnedAway += 1
      setTimeout(() => open(i), againMs)
    })
  }
  for (let i = 0; i < count; i++) setTimeout(() => open(i), (i * againMs) / count)
  endings.push(() => {
    isOver = true
    for (const socket of sockets) socket.destroy()
  })
}

async function readSlowly(count: number): Promise<void> {
  const connections: LightConnection[] = []
  await inTurns([...readers.slice(0, count).keys()], 20, async (i) => {
    const connection = await call(14, i, readers[i]).catch(() => undefined)
    if (connection === undefined) return // Turned away, as in a crowd of half-open ones.
    const line = new LightLine<MailboxFrame>(connection, mailboxProtocol, mailboxFrame)
    connection.onEnd = () => (counts.slowReadersHeld -= 1)
    counts.slowReadersHeld += 1
    line.send({ kind: 'subscribe', credit: 100 })
    connections.push(connection)
    await elapsed(1)
    connection.pause()
  })
  const reading = setInterval(() => {
    for (const connection of connections) connection.resume()
    setTimeout(() => {
      for (const connection of connections) connection.pause()
    }, slowReadMs.for)
  }, slowReadMs.every)
  endings.push(() => {
    clearInterval(reading)
    for (const connection of connections) connection.close()
  })
}

/** As multistream-select says it. */
function word(text: string): Buffer {
  return Buffer.concat([Buffer.of(text.length + 1), Buffer.from(`${text}\n`)])
}
