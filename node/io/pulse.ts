/**
 * Notices dead connections. Yamux's own keepalive waits for its answer without end and lets a failure pass, so a
 * connection whose other side lost power would stay open for as long as TCP believes in it. Here every connection is asked
 * for a sign of life, cheaply, by yamux's own ping, and ended when none comes.
 */
import type { MessageStream, StreamMuxerFactory } from '@libp2p/interface'
import { yamux } from '@libp2p/yamux'
import { boundMuxers } from '../../protocol/shell/muxer-bounds.ts'
import { Unreachable, withDeadline } from './deadline.ts'

export interface PulseInit {
  readonly intervalMs?: number
  readonly answerMsMax?: number
  /** Asks every connection at once, outside the rhythm. */
  readonly alarm?: Alarm
}

/** Rung when there is reason to doubt every connection: other addresses, or a sleep. */
export class Alarm {
  readonly #checks = new Set<() => void>()

  ring(): void {
    for (const check of this.#checks) check()
  }

  add(check: () => void): void {
    this.#checks.add(check)
  }

  remove(check: () => void): void {
    this.#checks.delete(check)
  }
}

/** With both, a dead connection is noticed after 15 seconds at most; an idle one costs 24 bytes every ten. */
const intervalMsDefault = 10_000
const answerMsMaxDefault = 5_000
/** With a reason to doubt it, a connection gets less time to prove itself. */
const alarmedMsMax = 2_000

/** As shipped a window grows past the read buffer, and pausing a fast stream kills it. */
const windowBytesMax = 1_048_576

/** Yamux, with a pulse, with windows that a paused stream cannot overflow, and with bounds. */
export function steadyYamux(init: PulseInit = {}): () => StreamMuxerFactory {
  const factory = yamux({
    enableKeepAlive: false,
    streamOptions: { maxStreamWindowSize: windowBytesMax, maxReadBufferLength: 8 * windowBytesMax },
  })()
  return () => ({
    protocol: factory.protocol,
    createStreamMuxer: (connection: MessageStream) => {
      const muxer = factory.createStreamMuxer(connection)
      boundMuxers(muxer)
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
  const end = (): void => {
    clearInterval(timer)
    init.alarm?.remove(alarmed)
  }
  const check = (answerMsMax: number): void => {
    if (muxer.status !== 'open') return end()
    withDeadline(answerMsMax, (signal) => muxer.ping({ signal })).catch(() => {
      end()
      const error = new Unreachable('no answer')
      muxer.abort(error)
      connection.abort(error)
    })
  }
  const alarmed = (): void => check(alarmedMsMax)
  const timer = setInterval(() => check(init.answerMsMax ?? answerMsMaxDefault), init.intervalMs ?? intervalMsDefault)
  timer.unref()
  init.alarm?.add(alarmed)
  connection.addEventListener('close', end)
}
