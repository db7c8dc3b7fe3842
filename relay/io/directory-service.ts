/**
 * The directory as a libp2p service: cards and prekey bundles for whoever asks.
 *
 * @example
 * const node = await createLibp2p({ services: { directory: directory({ switchboard }) } })
 */
import type { Startable, StreamHandler, StreamHandlerOptions } from '@libp2p/interface'
import { directoryProtocol } from '../../protocol/wire/directory.ts'
import { boundedStreams, libp2pStreamsMax } from './bounded-streams.ts'
import type { Switchboard } from './switchboard.ts'

export interface DirectoryInit {
  readonly switchboard: Switchboard
  /** Streams of one connection. Each asks one question at a time, so a device that opens a group's sessions uses several. */
  readonly maxInboundStreams?: number
  /** Told of each stream that was one too many. */
  readonly reached?: () => void
}

export interface DirectoryComponents {
  readonly registrar: {
    handle(protocol: string, handler: StreamHandler, options?: StreamHandlerOptions): Promise<void>
    unhandle(protocol: string): Promise<void>
  }
}

export type DirectoryService = Startable

export function directory(init: DirectoryInit): (components: DirectoryComponents) => DirectoryService {
  const { switchboard, maxInboundStreams: max = 8, reached = () => undefined } = init
  return ({ registrar }) => ({
    start: () =>
      registrar.handle(
        directoryProtocol,
        boundedStreams((stream, connection) => switchboard.openDirectory(stream, connection), { max, reached }),
        { maxInboundStreams: libp2pStreamsMax },
      ),
    stop: () => registrar.unhandle(directoryProtocol),
  })
}
