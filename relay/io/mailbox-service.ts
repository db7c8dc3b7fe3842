/**
 * The mailbox as a libp2p service, for any libp2p node that wants to keep messages for others.
 *
 * @example
 * const node = await createLibp2p({ services: { mailbox: mailbox({ switchboard }) } })
 */
import type { Startable, StreamHandler, StreamHandlerOptions } from '@libp2p/interface'
import { mailboxProtocol } from '../../protocol/wire/mailbox.ts'
import { boundedStreams, libp2pStreamsMax } from './bounded-streams.ts'
import type { Switchboard } from './switchboard.ts'

export interface MailboxInit {
  readonly switchboard: Switchboard
  /** Streams of one connection: one for its own mailbox, one for deposits, and as many again while they are replaced. */
  readonly maxInboundStreams?: number
  /** Told of each stream that was one too many. */
  readonly reached?: () => void
}

export interface MailboxComponents {
  readonly registrar: {
    handle(protocol: string, handler: StreamHandler, options?: StreamHandlerOptions): Promise<void>
    unhandle(protocol: string): Promise<void>
  }
}

export type MailboxService = Startable

export function mailbox(init: MailboxInit): (components: MailboxComponents) => MailboxService {
  const { switchboard, maxInboundStreams: max = 4, reached = () => undefined } = init
  return ({ registrar }) => ({
    start: () =>
      registrar.handle(
        mailboxProtocol,
        boundedStreams((stream, connection) => switchboard.openMailbox(stream, connection), { max, reached }),
        { maxInboundStreams: libp2pStreamsMax },
      ),
    stop: () => registrar.unhandle(mailboxProtocol),
  })
}
