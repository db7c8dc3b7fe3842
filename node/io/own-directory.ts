/**
 * `/linnet/directory/1` on the device itself: whoever knows its address, from an invite, can ask for its card and a bundle
 * without a relay. Bounds strangers; what they are answered is the core's to decide.
 */
import type { Startable, Stream } from '@libp2p/interface'
import { strangerIdleMs } from '../../protocol/limits.ts'
import { Frames } from '../../protocol/shell/frames.ts'
import { directoryFrame, directoryProtocol, type DirectoryFrame } from '../../protocol/wire/directory.ts'
import type { AnswererComponents } from './direct-service.ts'

export interface OwnDirectoryInit {
  /** Answered by `answer`, once; an asker that has gone is forgotten. */
  readonly onAsked: (asker: number, frame: DirectoryFrame) => void
}

/** Open at one time: strangers, who need one each for a second or two. */
const streamsMax = 16
const streamsPerConnectionMax = 2
/** Questions answered at once, and then one more for every interval: nobody is let in a hundred times a minute. */
const questionsMax = 20
const questionEveryMs = 500

interface Asker {
  readonly frames: Frames<DirectoryFrame>
  readonly stream: Stream
  /** The question that waits for its answer: one at a time. */
  asked: number | undefined
}

export class OwnDirectory implements Startable {
  readonly #components: AnswererComponents
  readonly #init: OwnDirectoryInit
  readonly #askers = new Set<Asker>()
  readonly #waiting = new Map<number, Asker>()
  #lastAsked = 0
  #questions = questionsMax
  #refilledMs = performance.now()

  constructor(components: AnswererComponents, init: OwnDirectoryInit) {
    this.#components = components
    this.#init = init
  }

  async start(): Promise<void> {
    await this.#components.registrar.handle(directoryProtocol, (stream) => this.#accept(stream), {
      maxInboundStreams: streamsPerConnectionMax,
    })
  }

  async stop(): Promise<void> {
    for (const { frames } of this.#askers) frames.close()
    await this.#components.registrar.unhandle(directoryProtocol)
  }

  answer(asked: number, frame: DirectoryFrame): void {
    const asker = this.#waiting.get(asked)
    if (asker === undefined) return
    this.#waiting.delete(asked)
    asker.asked = undefined
    asker.frames.send(frame)
  }

  #accept(stream: Stream): void {
    if (this.#askers.size >= streamsMax) return stream.abort(new Error('too many askers'))
    const asker: Asker = {
      stream,
      asked: undefined,
      frames: new Frames(stream, {
        codec: directoryFrame,
        idleMsMax: strangerIdleMs,
        onFrame: (frame) => this.#ask(asker, frame),
        onEnd: () => this.#forget(asker),
      }),
    }
    this.#askers.add(asker)
  }

  #ask(asker: Asker, frame: DirectoryFrame): void {
    if (asker.asked !== undefined) return asker.stream.abort(new Error('a question before the answer to the last'))
    if (!this.#allowed()) {
      asker.frames.send({ kind: 'refused', reason: 'rate-limited', retryMs: questionEveryMs })
      return
    }
    asker.asked = ++this.#lastAsked
    this.#waiting.set(asker.asked, asker)
    this.#init.onAsked(asker.asked, frame)
  }

  #allowed(): boolean {
    const nowMs = performance.now()
    const refill = Math.floor((nowMs - this.#refilledMs) / questionEveryMs)
    this.#questions = Math.min(questionsMax, this.#questions + refill)
    this.#refilledMs += refill * questionEveryMs
    return this.#questions > 0 && this.#questions-- > 0
  }

  #forget(asker: Asker): void {
    this.#askers.delete(asker)
    if (asker.asked !== undefined) this.#waiting.delete(asker.asked)
  }
}

/** The service in libp2p's own form. */
export function ownDirectory(init: OwnDirectoryInit): (components: AnswererComponents) => OwnDirectory {
  return (components) => new OwnDirectory(components, init)
}
