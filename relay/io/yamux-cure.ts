/**
 * Two cures for @libp2p/yamux 8. It lets a stream's window grow to four times what its reader may buffer, so that a slow
 * reader's stream is cut off instead of slowed down; here the window stays below the buffer. And it answers every piece of
 * data with a frame that opens the window by just that piece, where others wait until half of it is used: on a relay that is
 * a frame to encrypt and write for every small one received.
 *
 * Where the insides have changed, windows open as upstream has it. To be dropped when upstream waits.
 */
import type { StreamMuxerFactory } from '@libp2p/interface'
import { yamux } from '@libp2p/yamux'
import { StreamState, YamuxStream } from '@libp2p/yamux/stream'

export interface CuredYamuxInit {
  readonly maxInboundStreams: number
}

const windowBytesMax = 1_048_576
const readBufferBytesMax = 2 * windowBytesMax

export function curedYamux(init: CuredYamuxInit): () => StreamMuxerFactory {
  cureUpdates()
  return yamux({
    // Finds out who is gone, and keeps the routers on the way from forgetting who is not.
    enableKeepAlive: true,
    maxInboundStreams: init.maxInboundStreams,
    streamOptions: { maxStreamWindowSize: windowBytesMax, maxReadBufferLength: readBufferBytesMax },
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
