/** As much of AMQP 0-9-1 as the load needs: one channel, persistent messages with confirms, a consumer that acknowledges. */
import type { TLSSocket } from 'node:tls'
import { tagAt, type Client, type ClientOptions } from '../contender.ts'
import { Unanswered } from '../unanswered.ts'
import { Answers, dialTls, Outlet } from './tls.ts'

/** Class and method, as both halves of one number. */
const startOk = 0x000a000b
const [tune, tuneOk, open, openOk, close] = [0x000a001e, 0x000a001f, 0x000a0028, 0x000a0029, 0x000a0032]
const [channelOpen, channelOpenOk] = [0x0014000a, 0x0014000b]
const [declare, declareOk] = [0x0032000a, 0x0032000b]
const [confirm, confirmOk] = [0x0055000a, 0x0055000b]
const [qos, qosOk, consume, consumeOk] = [0x003c000a, 0x003c000b, 0x003c0014, 0x003c0015]
const [publish, deliver, ack] = [0x003c0028, 0x003c003c, 0x003c0050]

const frameEnd = 0xce
const [methodFrame, headerFrame, bodyFrame] = [1, 2, 3]
const basicClass = 60
const frameBytesMax = 131_072
const prefetchMax = 100
/** Property flags of a header with a delivery mode only, and the mode that is kept on disk. */
const persistent = Buffer.of(0x10, 0, 2)

export interface AmqpClient extends Client {
  /** Makes a quorum queue for this user. */
  declare(user: number): Promise<void>
}

export async function connectAmqp(port: number, options: ClientOptions): Promise<AmqpClient> {
  const socket = await dialTls(options.port ?? port)
  const connection = new Connection(socket, options)
  await connection.open()
  if (options.receives) await connection.consume(options.user)
  return connection
}

class Connection implements AmqpClient {
  readonly #options: ClientOptions
  readonly #outlet: Outlet
  readonly #answers = new Answers<number>()
  /** By its number among all that was sent. */
  readonly #unconfirmed = new Unanswered<number>()
  #sent = 0
  #rest: Buffer = Buffer.alloc(0)
  /** The last delivery of this turn, which acknowledges those before it. */
  #delivered: Buffer | undefined

  constructor(socket: TLSSocket, options: ClientOptions) {
    this.#options = options
    this.#outlet = new Outlet(socket)
    socket.on('data', (data) => this.#read(data))
    socket.on('close', () => this.#answers.push(close))
  }

  async open(): Promise<void> {
    this.#outlet.write(Buffer.from('AMQP\0\0\x09\x01', 'latin1'))
    await this.#answers.next()
    const properties = long(0)
    this.#method(0, startOk, properties, short('PLAIN'), longText('\0guest\0guest'), short('en_US'))
    await this.#expect(tune)
    this.#method(0, tuneOk, word(1), long(frameBytesMax), word(0))
    this.#method(0, open, short('/'), Buffer.of(0, 0))
    await this.#expect(openOk)
    this.#method(1, channelOpen, Buffer.of(0))
    await this.#expect(channelOpenOk)
    this.#method(1, confirm, Buffer.of(0))
    await this.#expect(confirmOk)
  }

  async declare(user: number): Promise<void> {
    const kind = Buffer.concat([short('x-queue-type'), Buffer.from('S'), longText('quorum')])
    const durable = 2
    this.#method(1, declare, word(0), short(queueOf(user)), Buffer.of(durable), long(kind.length), kind)
    await this.#expect(declareOk)
  }

  async consume(user: number): Promise<void> {
    this.#method(1, qos, long(0), word(prefetchMax), Buffer.of(0))
    await this.#expect(qosOk)
    this.#method(1, consume, word(0), short(queueOf(user)), short(''), Buffer.of(0), long(0))
    await this.#expect(consumeOk)
  }

  send(to: number, tag: number, body: Uint8Array): void {
    this.#unconfirmed.add(++this.#sent, tag)
    this.#method(1, publish, word(0), short(''), short(queueOf(to)), Buffer.of(0))
    const size = Buffer.alloc(8)
    size.writeUInt32BE(body.length, 4)
    this.#outlet.write(frame(headerFrame, 1, [word(basicClass), word(0), size, persistent]))
    this.#outlet.write(frame(bodyFrame, 1, [body]))
  }

  close(): Promise<void> {
    return this.#outlet.end(methodOf(0, close, [word(200), short(''), long(0)]))
  }

  #method(channel: number, method: number, ...fields: readonly Uint8Array[]): void {
    this.#outlet.write(methodOf(channel, method, fields))
  }

  async #expect(method: number): Promise<void> {
    const answer = await this.#answers.next()
    if (answer !== method) throw new Error(`RabbitMQ answered ${answer.toString(16)} instead of ${method.toString(16)}`)
  }

  #read(data: Buffer): void {
    const bytes = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data])
    let at = 0
    while (at + 8 <= bytes.length) {
      const size = bytes.readUInt32BE(at + 3)
      if (at + 8 + size > bytes.length) break
      this.#take(bytes[at] ?? 0, bytes.subarray(at + 7, at + 7 + size))
      at += 8 + size
    }
    this.#rest = bytes.subarray(at)
    const delivered = this.#delivered
    this.#delivered = undefined
    const multiple = 1
    if (delivered !== undefined) this.#method(1, ack, delivered, Buffer.of(multiple))
  }

  #take(type: number, payload: Buffer): void {
    if (type === bodyFrame) return this.#options.received?.(tagAt(payload, 0))
    if (type !== methodFrame) return
    const method = payload.readUInt32BE(0)
    if (method === deliver) {
      const number = 5 + (payload[4] ?? 0)
      this.#delivered = payload.subarray(number, number + 8)
    } else if (method === ack) this.#onConfirm(payload.readUInt32BE(8), payload[12] === 1)
    else this.#answers.push(method)
  }

  #onConfirm(number: number, multiple: boolean): void {
    const { first = number } = this.#unconfirmed
    if (multiple) for (let before = first; before < number; before++) this.#settle(before)
    this.#settle(number)
  }

  #settle(number: number): void {
    const tag = this.#unconfirmed.take(number)
    if (tag !== undefined) this.#options.acknowledged?.(tag)
  }
}

function queueOf(user: number): string {
  return `m${user}`
}

function methodOf(channel: number, method: number, fields: readonly Uint8Array[]): Buffer {
  return frame(methodFrame, channel, [long(method), ...fields])
}

function frame(type: number, channel: number, parts: readonly Uint8Array[]): Buffer {
  const size = parts.reduce((sum, { length }) => sum + length, 0)
  return Buffer.concat([Buffer.of(type), word(channel), long(size), ...parts, Buffer.of(frameEnd)])
}

function word(value: number): Buffer {
  return Buffer.of(value >> 8, value & 255)
}

function long(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function short(text: string): Buffer {
  return Buffer.concat([Buffer.of(text.length), Buffer.from(text, 'latin1')])
}

function longText(text: string): Buffer {
  return Buffer.concat([long(text.length), Buffer.from(text, 'latin1')])
}
