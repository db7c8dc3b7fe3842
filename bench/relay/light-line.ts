/** Whole messages on a light stream: a codec's frames, each with its length in front as a varint. */
import type { Codec } from '../../protocol/codec/schema.ts'
import { withLength } from '../../protocol/shell/frame-splitter.ts'
import { Inbox } from './light-bytes.ts'
import type { LightConnection } from './light.ts'
import type { MuxedStream } from './light-yamux.ts'

export class LightLine<F extends { readonly kind: string }> {
  readonly #stream: MuxedStream
  readonly #codec: Codec<F>
  readonly #inbox = new Inbox()
  readonly #waiters: { readonly kind: F['kind']; readonly settle: (frame: F | undefined) => void }[] = []
  #ended = false
  /** Told of every frame that nobody waits for. */
  onFrame: (frame: F) => void = () => undefined
  onEnd: () => void = () => undefined

  constructor(connection: LightConnection, protocol: string, codec: Codec<F>) {
    this.#stream = connection.openStream(protocol)
    this.#codec = codec
    this.#stream.onData = (bytes) => this.#receive(bytes)
    this.#stream.onEnd = () => {
      this.#ended = true
      for (const { settle } of this.#waiters.splice(0)) settle(undefined)
      this.onEnd()
    }
  }

  send(frame: F): void {
    this.#stream.send(withLength(this.#codec.encode(frame)))
  }

  /** Bytes that wait for the other side to read. */
  get waiting(): number {
    return this.#stream.waiting
  }

  /** The next frame of one kind, stepping over others; throws when the stream ends first. */
  async expect<K extends F['kind']>(kind: K): Promise<Extract<F, { kind: K }>> {
    const frame = await new Promise<F | undefined>((settle) => {
      if (this.#ended) settle(undefined)
      else this.#waiters.push({ kind, settle })
    })
    if (frame === undefined) throw new Error(`the stream ended before ${kind} came`)
    return frame as Extract<F, { kind: K }>
  }

  close(): void {
    this.#stream.close()
  }

  #receive(bytes: Uint8Array): void {
    this.#inbox.push(bytes)
    for (let piece = this.#inbox.takePrefixed(); piece !== undefined; piece = this.#inbox.takePrefixed()) {
      const frame = this.#codec.decode(piece)
      if (frame === undefined) throw new Error('a frame that is none')
      const [first] = this.#waiters
      if (first?.kind === frame.kind) this.#waiters.shift()?.settle(frame)
      else this.onFrame(frame)
    }
  }
}
