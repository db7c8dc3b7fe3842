/**
 * A client that costs little, so that a load generator has processor time left for load: a TCP socket, multistream-select,
 * Noise, yamux, and nothing of a libp2p node around them. One Ed25519 identity a connection. It speaks to what a bench started
 * itself: the server's identity is not verified, and what it sends is believed.
 */
import { connect, type Socket } from 'node:net'
import { concatBytes, utf8Bytes } from '../../protocol/crypto/bytes.ts'
import { systemRandom } from '../../protocol/crypto/primitives.ts'
import { bytesField, Inbox, prefixed } from './light-bytes.ts'
import { identityMessage, NoiseInitiator, recordBytesMax, type RecordCipher } from './light-noise.ts'
import { Muxer, type MuxedStream } from './light-yamux.ts'

export interface LightInit {
  /** A multiaddr that begins with /ip4/…/tcp/… */
  readonly address: string
  /** Of the Ed25519 identity, 32 bytes; a new one when absent. */
  readonly seed?: Uint8Array
  /** Where to call from: a server counts connections by address, and 127.0.0.0/8 has many. */
  readonly localAddress?: string
}

/** How long a connection may take to be set up. */
const setUpMsMax = 60_000
const muxerProtocol = '/yamux/1.0.0'
const identifyProtocol = '/ipfs/id/1.0.0'
const hello = word('/multistream/1.0.0')

/** One for all sockets, out of which what came is copied at once: a read then costs its own length instead of 64 KiB. */
const readInto = Buffer.allocUnsafeSlow(65_536)

/** Connected and authenticated; throws when that failed. */
export function connectLight(init: LightInit): Promise<LightConnection> {
  const { host, port } = placeOf(init.address)
  const { localAddress, seed = systemRandom.bytes(32) } = init
  let connection: LightConnection | undefined
  const callback = (length: number): boolean => {
    connection?.receive(Buffer.from(readInto.subarray(0, length)))
    return true
  }
  const onread = { buffer: readInto, callback }
  const from = localAddress === undefined ? {} : { localAddress }
  const socket = connect({ host, port, noDelay: true, onread, ...from })
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => socket.destroy(new Error('not set up in time')), setUpMsMax)
    const begun = new LightConnection(socket, seed, () => {
      clearTimeout(late)
      resolve(begun)
    })
    connection = begun
    begun.onEnd = (error) => {
      clearTimeout(late)
      reject(error ?? new Error('the connection was closed while it was set up'))
    }
  })
}

export class LightConnection {
  readonly #socket: Socket
  readonly #seed: Uint8Array
  readonly #ready: () => void
  readonly #inbox = new Inbox()
  readonly #muxer: Muxer
  #state: 'greeted' | 'chosen' | 'handshaking' | 'open' = 'greeted'
  #noise: NoiseInitiator | undefined
  #sending: RecordCipher | undefined
  #receiving: RecordCipher | undefined
  #error: Error | undefined
  /** Told once, when the connection is gone. */
  onEnd: (error: Error | undefined) => void = () => undefined

  constructor(socket: Socket, seed: Uint8Array, ready: () => void) {
    this.#socket = socket
    this.#seed = seed
    this.#ready = ready
    this.#muxer = new Muxer({
      write: (pieces) => this.#seal(pieces),
      onStream: (stream) => this.#answer(stream),
      onGoAway: () => socket.end(),
    })
    socket.once('error', (error) => (this.#error = error))
    socket.once('close', () => {
      this.#muxer.end()
      this.onEnd(this.#error)
    })
    socket.write(concatBytes(hello, word('/noise')))
  }

  /** At the socket. */
  get bytesIn(): number {
    return this.#socket.bytesRead
  }

  get bytesOut(): number {
    return this.#socket.bytesWritten
  }

  /** A stream that may be written to at once, whole frames or parts of them; it ends when the other side does not speak the protocol. */
  openStream(protocol: string): MuxedStream {
    const stream = this.#muxer.open()
    const inbox = new Inbox()
    const outer: MuxedStream = {
      send: (bytes) => stream.send(bytes),
      close: () => stream.close(),
      reset: () => stream.reset(),
      get waiting() {
        return stream.waiting
      },
      onData: () => undefined,
      onEnd: () => undefined,
    }
    let expected = 2
    stream.onEnd = () => outer.onEnd()
    stream.onData = (bytes) => {
      inbox.push(bytes)
      for (; expected > 0; expected--) {
        const answer = inbox.takePrefixed()
        if (answer === undefined) return
        if (expected === 1 && textOf(answer) !== protocol) return stream.reset()
      }
      stream.onData = (more) => outer.onData(more)
      if (inbox.length > 0) outer.onData(inbox.drain())
    }
    stream.send(concatBytes(hello, word(protocol)))
    return outer
  }

  /** Asks the other side who it is and how it sees us, as a libp2p node does first; the answer is not looked at. */
  identify(): Promise<void> {
    return new Promise((resolve) => {
      const stream = this.openStream(identifyProtocol)
      stream.onEnd = resolve
      stream.onData = () => stream.close()
    })
  }

  /** Takes what the socket read. */
  receive(bytes: Uint8Array): void {
    this.#guarded(() => this.#take(bytes))
  }

  /** Reads nothing more, until told to again. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Has nothing more to say: the other side is told, and closes. */
  end(): void {
    this.#socket.end()
  }

  /** Leaves without a word, as a process that dies does. */
  close(): void {
    this.#socket.destroy()
  }

  #take(bytes: Uint8Array): void {
    const inbox = this.#inbox
    inbox.push(bytes)
    while (this.#state === 'greeted' || this.#state === 'chosen') {
      const answer = inbox.takePrefixed()
      if (answer === undefined) return
      if (this.#state === 'greeted') this.#state = 'chosen'
      else this.#handshake(textOf(answer))
    }
    for (;;) {
      if (inbox.length < 2) return
      const length = inbox.at(0) * 256 + inbox.at(1)
      const record = inbox.take(2 + length)?.subarray(2)
      if (record === undefined) return
      if (this.#receiving !== undefined) this.#muxer.receive(this.#receiving.open(record))
      else this.#finish(record)
    }
  }

  #handshake(chosen: string): void {
    if (chosen !== '/noise') throw new Error(`the server chose ${chosen}`)
    this.#state = 'handshaking'
    this.#noise = new NoiseInitiator(this.#seed, muxerProtocol)
    this.#socket.write(sized(this.#noise.first))
  }

  #finish(second: Uint8Array): void {
    if (this.#noise === undefined) throw new Error('no handshake is under way')
    const { third, sending, receiving } = this.#noise.answer(second)
    this.#noise = undefined
    this.#sending = sending
    this.#receiving = receiving
    this.#state = 'open'
    this.#socket.write(sized(third))
    this.#ready()
  }

  #seal(pieces: readonly Uint8Array[]): void {
    const sending = this.#sending
    if (sending === undefined || this.#socket.destroyed) return
    const plaintext = joined(pieces)
    if (plaintext.length <= recordBytesMax) return void this.#socket.write(sending.record(plaintext))
    const records: Uint8Array[] = []
    for (let at = 0; at < plaintext.length; at += recordBytesMax) {
      records.push(sending.record(plaintext.subarray(at, at + recordBytesMax)))
    }
    this.#socket.write(Buffer.concat(records))
  }

  /** Says who we are to a server that asks; everything else it opens is refused. */
  #answer(stream: MuxedStream): void {
    const inbox = new Inbox()
    let greeted = false
    stream.onData = (bytes) => {
      inbox.push(bytes)
      for (let asked = inbox.takePrefixed(); asked !== undefined; asked = inbox.takePrefixed()) {
        if (!greeted) {
          greeted = true
          stream.send(hello)
        } else if (textOf(asked) === identifyProtocol) {
          stream.send(concatBytes(word(identifyProtocol), prefixed(this.#identity())))
          stream.close()
        } else stream.send(word('na'))
      }
    }
  }

  #identity(): Uint8Array {
    const [protocols, agent] = [[identifyProtocol, '/ipfs/ping/1.0.0'], 'light']
    return concatBytes(
      bytesField(1, identityMessage(this.#seed)),
      ...protocols.map((protocol) => bytesField(3, utf8Bytes(protocol))),
      bytesField(5, utf8Bytes('ipfs/0.1.0')),
      bytesField(6, utf8Bytes(agent)),
    )
  }

  #guarded(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#socket.destroy(error instanceof Error ? error : new Error('a server that is not understood'))
    }
  }
}

/** Most of what is said is small, and is gone from here as soon as it is sealed. */
const scratch = Buffer.allocUnsafeSlow(4_096)

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
  if (length > scratch.length) return Buffer.concat(pieces, length)
  let at = 0
  for (const piece of pieces) {
    scratch.set(piece, at)
    at += piece.length
  }
  return scratch.subarray(0, length)
}

function placeOf(address: string): { host: string; port: number } {
  const [, host, port] = /^\/ip4\/([\d.]+)\/tcp\/(\d+)/.exec(address) ?? []
  if (host === undefined) throw new Error(`${address} is no address of a TCP server`)
  return { host, port: Number(port) }
}

/** As multistream-select says it. */
function word(text: string): Uint8Array {
  return prefixed(utf8Bytes(`${text}\n`))
}

function textOf(line: Uint8Array): string {
  return new TextDecoder().decode(line).trimEnd()
}

/** With its length in two bytes before it. */
function sized(message: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(message.length >> 8, message.length & 0xff), message)
}
