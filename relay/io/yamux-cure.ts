/**
 * Four cures for @libp2p/yamux 8. It lets a stream's window grow to four times what its reader may buffer, so that a slow
 * reader's stream is cut off instead of slowed down; here the window stays below the buffer. It answers every piece of data
 * with a frame that opens the window by just that piece, where others wait until half of it is used: on a relay that is a
 * frame to encrypt and write for every small one received. And it keeps each connection alive with a task of its own, a tenth of
 * an idle connection's memory; here one timer asks after all of them in turn (`keepalive.ts`). And it passes bytes in lists and
 * describes each frame for a log that nobody reads; here frames are cut and made in one piece (`yamux-frames.ts`).
 *
 * Where the insides have changed, all is as upstream has it. To be dropped when upstream waits and passes on what it is given.
 */
import type { StreamMuxerFactory } from '@libp2p/interface'
import { yamux } from '@libp2p/yamux'
import { StreamState, YamuxStream } from '@libp2p/yamux/stream'
import { boundMuxers } from '../../protocol/shell/muxer-bounds.ts'
import { Keepalive } from './keepalive.ts'
import { cureStreams } from './streams-cure.ts'
import { cureFrames } from './yamux-frames.ts'

export interface CuredYamuxInit {
  readonly maxInboundStreams: number
  /** Each connection is asked once in so many milliseconds. */
  readonly askEveryMs?: number
}

const windowBytesMax = 1_048_576
const readBufferBytesMax = 2 * windowBytesMax
/** Routers on the way forget who says nothing for longer than a minute or two. */
const askEveryMsDefault = 30_000

export function curedYamux(init: CuredYamuxInit): () => StreamMuxerFactory {
  cureUpdates()
  cureStreams()
  const keepalive = new Keepalive(init.askEveryMs ?? askEveryMsDefault)
  const factory = yamux({
    enableKeepAlive: false,
    maxInboundStreams: init.maxInboundStreams,
    streamOptions: { maxStreamWindowSize: windowBytesMax, maxReadBufferLength: readBufferBytesMax },
  })()
  return () => ({
    protocol: factory.protocol,
    createStreamMuxer: (connection) => {
      const muxer = factory.createStreamMuxer(connection)
      boundMuxers(muxer)
      cureFrames(muxer)
      keepalive.include(muxer)
      return muxer
    },
  })
}

interface Insides {
  readonly state?: StreamState
  readonly recvWindow?: number
  readonly recvWindowCapacity?: number
}

const cured = Symbol('waits for half of the window')

/** For all streams of this process; a second time does nothing. */
function cureUpdates(): void {
  const streams: { sendWindowUpdate?: (this: Insides) => void; [cured]?: true } = YamuxStream.prototype
  const { sendWindowUpdate: update } = streams
  if (update === undefined || streams[cured] === true) return
  streams[cured] = true
  streams.sendWindowUpdate = function () {
    const { state, recvWindow = 0, recvWindowCapacity = 0 } = this
    // Until both sides know of the stream, the frame says that too.
    if (state !== StreamState.Established || recvWindowCapacity * 2 <= recvWindow) update.call(this)
  }
}
