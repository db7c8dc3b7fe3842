/**
 * So many streams of one protocol to a connection. libp2p has such a bound as well, and keeps it without a word: this one
 * stands in front of it and is counted.
 */
import type { Stream, StreamHandler } from '@libp2p/interface'

export interface StreamBound {
  readonly max: number
  /** Told of each stream that was refused. */
  readonly reached?: () => void
}

export function boundedStreams(handler: StreamHandler, { max, reached }: StreamBound): StreamHandler {
  return (stream, connection) => {
    const others = connection.streams.filter((other) => other !== stream && isAlike(other, stream)).length
    if (others < max) return handler(stream, connection)
    reached?.()
    stream.abort(new Error('too many streams of this protocol'))
  }
}

function isAlike(one: Stream, other: Stream): boolean {
  return one.protocol === other.protocol && one.direction === other.direction
}

/** What libp2p is told: high enough never to be the bound that is met. */
export const libp2pStreamsMax = 100_000
