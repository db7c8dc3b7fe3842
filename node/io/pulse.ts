/**
 * Notices dead connections. Yamux's own keepalive waits for its answer without end and lets a failure pass, so a
 * connection whose other side lost power would stay open for as long as TCP believes in it. Here every connection is asked
 * for a sign of life, cheaply, by yamux's own ping, and ended when none comes.
 */
import type { MessageStream, StreamMuxerFactory } from '@libp2p/interface'
import { yamux } from '@libp2p/yamux'
import { Unreachable, withDeadline } from './deadline.ts'

export interface PulseInit {
  readonly intervalMs?: number
  readonly answerMsMax?: number
}

/** With both, a dead connection is noticed after 15 seconds at most; an idle one costs 24 bytes every ten. */
const intervalMsDefault = 10_000
const answerMsMaxDefault = 5_000

/** Yamux, with a pulse, and with windows that a paused stream cannot overflow. */
export function steadyYamux(init: PulseInit = {}): () => StreamMuxerFactory {
  const factory = yamux({
    enableKeepAlive: false,
    // As shipped the window grows past the read buffer, and pausing a fast stream kills it.
    streamOptions: { maxStreamWindowSize: 1_048_576, maxReadBufferLength: 8 * 1_048_576 },
  })()
  return () => ({
    protocol: factory.protocol,
    createStreamMuxer: (connection: MessageStream) => {
      const muxer = factory.createStreamMuxer(connection)
      beat(muxer, connection, init)
      return muxer
    },
  })
}

interface Pinged {
  readonly status: string
  ping(options: { readonly signal: AbortSignal }): Promise<number>
  abort(error: Error): void
}

function beat(muxer: Pinged, connection: MessageStream, init: PulseInit): void {
  const timer = setInterval(() => {
    if (muxer.status !== 'open') {
      clearInterval(timer)
      return
    }
    withDeadline(init.answerMsMax ?? answerMsMaxDefault, (signal) => muxer.ping({ signal })).catch(() => {
      clearInterval(timer)
      const error = new Unreachable('no answer')
      muxer.abort(error)
      connection.abort(error)
    })
  }, init.intervalMs ?? intervalMsDefault)
  timer.unref()
  connection.addEventListener('close', () => clearInterval(timer))
}
