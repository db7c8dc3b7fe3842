/**
 * The streams that are open now, and whose they are. How many there may be is the host's to bound, before it lets one in.
 */
import type { DeviceId, EnvelopeId } from '../../protocol/ids.ts'
import type { ConnectionId, StreamId } from './inputs.ts'
import type { Turn } from './turn.ts'

export interface OpenStream {
  readonly id: StreamId
  readonly connection: ConnectionId
  /** Proved by the Noise handshake; absent when the other side's key is not an Ed25519 key. */
  readonly device: DeviceId | undefined
  /** Questions and deposits of this stream that the store has not answered yet. */
  pending: number
  /** Acknowledged while an earlier acknowledgement is with the store; undefined when none is. */
  toAcknowledge: EnvelopeId[] | undefined
  /** May stay silent: it has shown that it is about a mailbox that exists. */
  trusted: boolean
}

export class Streams {
  readonly #open = new Map<StreamId, OpenStream>()

  open(id: StreamId, connection: ConnectionId, device: DeviceId | undefined): void {
    this.#open.set(id, { id, connection, device, pending: 0, toAcknowledge: undefined, trusted: false })
  }

  get(id: StreamId): OpenStream | undefined {
    return this.#open.get(id)
  }

  close(id: StreamId): void {
    this.#open.delete(id)
  }

  get count(): number {
    return this.#open.size
  }
}

/** Lets a stream stay silent from now on. */
export function trust(stream: OpenStream, turn: Turn): void {
  if (stream.trusted) return
  stream.trusted = true
  turn.act({ kind: 'trust', stream: stream.id })
}
