/**
 * The directory as a libp2p service: cards and prekey bundles for whoever asks.
 *
 * @example
 * const node = await createLibp2p({ services: { directory: directory({ switchboard }) } })
 */
import type { Startable, StreamHandler, StreamHandlerOptions } from '@libp2p/interface'
import { directoryProtocol } from '../../protocol/wire/directory.ts'
import type { Switchboard } from './switchboard.ts'

export interface DirectoryInit {
  readonly switchboard: Switchboard
  /** Streams of one connection. Each asks one question at a time, so a device that opens a group's sessions uses several. */
  readonly maxInboundStreams?: number
}

export interface DirectoryComponents {
  readonly registrar: {
    handle(protocol: string, handler: StreamHandler, options?: StreamHandlerOptions): Promise<void>
    unhandle(protocol: string): Promise<void>
  }
}

export type DirectoryService = Startable

export function directory(init: DirectoryInit): (components: DirectoryComponents) => DirectoryService {
  const { switchboard, maxInboundStreams = 8 } = init
  return ({ registrar }) => ({
    start: () =>
      registrar.handle(directoryProtocol, (stream, connection) => switchboard.openDirectory(stream, connection), {
        maxInboundStreams,
      }),
    stop: () => registrar.unhandle(directoryProtocol),
  })
}
