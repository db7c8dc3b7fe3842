/**
 * `/linnet/direct/1` as a libp2p service: streams between two devices, either dialled or accepted. Who may come in, how
 * many, and what is said is left to `links.ts`.
 */
import type { Connection, Startable, Stream, StreamHandler, StreamHandlerOptions } from '@libp2p/interface'
import { directProtocol } from '../../protocol/wire/direct.ts'

/** What of libp2p a service needs that answers a protocol. */
export interface AnswererComponents {
  readonly registrar: {
    handle(protocol: string, handler: StreamHandler, options?: StreamHandlerOptions): Promise<void>
    unhandle(protocol: string): Promise<void>
  }
}

export interface DirectInit {
  /** Someone opened a stream to us. */
  readonly onStream: (stream: Stream, connection: Connection) => void
}

/** Two to talk on, and as many that are closed here and not yet there. Which of them are links is up to `links.ts`. */
const streamsPerConnectionMax = 4

export class Direct implements Startable {
  readonly #components: AnswererComponents
  readonly #init: DirectInit

  constructor(components: AnswererComponents, init: DirectInit) {
    this.#components = components
    this.#init = init
  }

  async start(): Promise<void> {
    await this.#components.registrar.handle(directProtocol, this.#init.onStream, {
      maxInboundStreams: streamsPerConnectionMax,
      maxOutboundStreams: streamsPerConnectionMax,
      runOnLimitedConnection: true,
    })
  }

  async stop(): Promise<void> {
    await this.#components.registrar.unhandle(directProtocol)
  }
}

/** The service in libp2p's own form. */
export function direct(init: DirectInit): (components: AnswererComponents) => Direct {
  return (components) => new Direct(components, init)
}
