/**
 * A libp2p stream as whole messages in and whole messages out: varint length prefix, a limit on each frame, a deadline for
 * whoever sends none. What does not decode ends the stream; nothing that arrives throws.
 */
import type { Stream } from '@libp2p/interface'
import type { Codec } from '../codec/schema.ts'
import { FrameSplitter, withLength } from './frame-splitter.ts'

export interface FramesInit<T> {
  readonly codec: Codec<T>
  readonly onFrame: (frame: T) => void
  /** Told once, however the stream ends. `reason` is for logs and `why`, without names or contents. */
  readonly onEnd: (reason: string) => void
  /** The stream is ended when no whole frame arrives for so long; absent, it may stay silent. */
  readonly idleMsMax?: number
  /** Bytes waiting to be sent beyond which the other side is too slow to keep. */
  readonly backlogBytesMax?: number
  /** What is sent in one turn goes out together: one encryption and one write to the socket instead of one a frame. */
  readonly gather?: boolean
  /**
   * Asked after each frame what to wait for before the next one; nothing, to go on at once. Meanwhile the stream is not read,
   * so that what its sender has too much of stays with the sender.
   */
  readonly pace?: () => Promise<void> | undefined
}

/** Gathered bytes that go out without waiting for the end of the turn: as much as one encryption takes at a time. */
const gatheredBytesMax = 48 * 1_024

/** Bytes a peer may leave unread before we let go of it: it would otherwise be our memory that fills. */
const backlogBytesMaxDefault = 8 * 1_048_576

export class Frames<T> {
  readonly #stream: Stream
  readonly #init: FramesInit<T>
  #ended = false
  #idle: NodeJS.Timeout | undefined
  #gathered: Uint8Array[] = []
  #gatheredBytes = 0
  readonly #splitter = new FrameSplitter()
  /** What came is left where it is until the pace allows more. */
  #waiting = false
  #scheduled = false
  #paused = false
  /** Nothing more will come. */
  #allCame = false

  constructor(stream: Stream, init: FramesInit<T>) {
    this.#stream = stream
    this.#init = init
    this.#restartIdle()
    stream.addEventListener('message', ({ data }) => {
      this.#splitter.push(plain(data.subarray()))
      this.#takeSoon()
    })
    stream.addEventListener('end', () => this.#cameToAnEnd())
    stream.addEventListener('close', ({ error }) => {
      if (error !== undefined) this.#end(nameOf(error))
      else this.#closeSoon()
    })
    // It may have ended before its reader was attached, and then the reader is never told.
    if (stream.readableEnded) this.#cameToAnEnd()
    else if (stream.status !== 'open' && stream.status !== 'closing') this.#closeSoon()
  }

  /** Sends a frame; false when the stream is gone or its reader too slow, and nothing was sent. */
  send(frame: T): boolean {
    if (this.#ended || this.#stream.status !== 'open') return false
    try {
      const bytes = withLength(this.#init.codec.encode(frame))
      if (this.#init.gather === true) this.#gather(bytes)
      else this.#stream.send(bytes)
    } catch (error) {
      this.#end(`send failed: ${nameOf(error)}`)
      return false
    }
    if (this.#stream.writeBufferLength <= (this.#init.backlogBytesMax ?? backlogBytesMaxDefault)) return true
    this.#end('reader too slow')
    return false
  }

  /** From now on the other side may stay silent for as long as it likes. */
  trust(): void {
    clearTimeout(this.#idle)
    this.#idle = undefined
  }

  /** Ends the stream after what was sent is on its way. */
  close(): void {
    if (this.#ended) return
    this.#flush()
    if (this.#ended) return // The flush failed, and that was the end of it.
    this.#finish('closed')
    this.#stream.close({ signal: AbortSignal.timeout(closeMsMax) }).catch((error: unknown) => {
      this.#stream.abort(error instanceof Error ? error : new Error('close failed'))
    })
  }

  #gather(bytes: Uint8Array): void {
    if (this.#gathered.length === 0) queueMicrotask(() => this.#flush())
    this.#gathered.push(bytes)
    this.#gatheredBytes += bytes.length
    if (this.#gatheredBytes >= gatheredBytesMax) this.#flush()
  }

  #flush(): void {
    const gathered = this.#gathered
    if (gathered.length === 0) return
    this.#gathered = []
    this.#gatheredBytes = 0
    if (this.#ended || this.#stream.status !== 'open') return
    try {
      this.#stream.send(joined(gathered))
    } catch (error) {
      this.#end(`send failed: ${nameOf(error)}`)
    }
  }

  /** Not at once: it may come from within the stream's own resuming, and must not pause it there. */
  #takeSoon(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#take()
    })
  }

  /** Hands on what has come whole, as far as the pace allows. */
  #take(): void {
    try {
      while (!this.#waiting && !this.#ended) {
        const bytes = this.#splitter.next()
        if (bytes === undefined) break
        const frame = bytes === false ? undefined : this.#init.codec.decode(bytes)
        if (frame === undefined) return this.#end('malformed frame')
        if (this.#idle !== undefined) this.#restartIdle()
        this.#init.onFrame(frame)
        this.#keepPace()
      }
    } catch (error) {
      return this.#end(nameOf(error))
    }
    if (this.#waiting || this.#ended) return
    this.#goOnReading() // Which may bring the next at once.
    if (this.#allCame && !this.#scheduled) this.close()
  }

  #keepPace(): void {
    const pause = this.#init.pace?.()
    if (pause === undefined) return
    this.#waiting = true
    if (this.#stream.readStatus === 'readable') {
      this.#paused = true
      this.#stream.pause()
    }
    void pause.then(() => {
      this.#waiting = false
      this.#take()
    })
  }

  /** If it was for the pace that it was not read: others may pause a stream for reasons of their own. */
  #goOnReading(): void {
    if (!this.#paused) return
    this.#paused = false
    const error = readOn(this.#stream)
    if (error !== undefined) this.#end(nameOf(error))
  }

  #cameToAnEnd(): void {
    if (this.#stream.status === 'reset' || this.#stream.status === 'aborted') return // The close that follows says why.
    this.#allCame = true
    this.#takeSoon()
  }

  /** What was received before the end is still handed on. */
  #closeSoon(): void {
    const timer = setTimeout(() => {
      if (!this.#ended) this.#finish('closed')
    }, afterCloseMs)
    timer.unref()
  }

  #restartIdle(): void {
    if (this.#init.idleMsMax === undefined) return
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => this.#end('idle'), this.#init.idleMsMax)
    this.#idle.unref()
  }

  #end(reason: string): void {
    if (this.#ended) return
    this.#finish(reason)
    this.#stream.abort(new Error(reason))
  }

  #finish(reason: string): void {
    this.#ended = true
    clearTimeout(this.#idle)
    this.#init.onEnd(reason)
  }
}

const closeMsMax = 2_000
const afterCloseMs = 100

/** Reads a stream that was paused. Its connection may have closed meanwhile, which libp2p lets one find out: the error then. */
function readOn(stream: Stream): Error | undefined {
  try {
    if (stream.readStatus === 'paused') stream.resume()
    return undefined
  } catch (error) {
    return error instanceof Error ? error : new Error('it cannot be read')
  }
}

/** A Buffer's `slice` shares memory where a Uint8Array's copies; whoever decodes must be able to rely on the copy. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown'
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [only] = pieces
  if (only !== undefined && pieces.length === 1) return only
  return Buffer.concat(pieces)
}
