/**
 * The messages of a Noise handshake on a socket, each with its length in two bytes before it. libp2p's own reader takes one byte
 * at a time, and learns by an exception, stack trace and all, that one byte is no length yet: a thirtieth of what it
 * costs to connect.
 */
import type { MessageStream, StreamMessageEvent } from '@libp2p/interface'

type Bytes = StreamMessageEvent['data']
type List = Exclude<Bytes, Uint8Array>

interface Options {
  readonly signal?: AbortSignal
}

/** As the handshake uses it, and as libp2p's own reader is. */
export interface HandshakeMessages {
  read(options?: Options): Promise<List>
  write(message: Bytes, options?: Options): Promise<void>
  /** Hands back the socket, with what was not read. */
  unwrap(): MessageStream
}

const lengthBytes = 2
/** Sent before the handshake is through: its own messages, and what somebody in a hurry puts behind the last of them. */
const unreadBytesMax = 1_048_576

export function handshakeMessages(socket: MessageStream): HandshakeMessages {
  let unread: List | undefined
  let changed: () => void = () => undefined
  const onMessage = ({ data }: StreamMessageEvent): void => {
    if (data instanceof Uint8Array) return socket.abort(new Error('not as sockets tell it'))
    if (unread === undefined) unread = data
    else unread.append(data)
    if (unread.byteLength > unreadBytesMax) socket.abort(new Error('too much for a handshake'))
    changed()
  }
  const onClose = (): void => changed()
  socket.addEventListener('message', onMessage)
  socket.addEventListener('close', onClose)

  const take = (): List | undefined => {
    if (unread === undefined || unread.byteLength < lengthBytes) return undefined
    const end = lengthBytes + unread.get(0) * 256 + unread.get(1)
    if (unread.byteLength < end) return undefined
    const message = unread.sublist(lengthBytes, end)
    unread.consume(end)
    return message
  }
  return {
    read: async (options) => {
      const aborted = (): void => changed()
      options?.signal?.addEventListener('abort', aborted)
      try {
        for (;;) {
          const message = take()
          if (message !== undefined) return message
          options?.signal?.throwIfAborted()
          if (socket.status !== 'open') throw new Error('the socket was closed during the handshake')
          await new Promise<void>((resolve) => (changed = resolve))
        }
      } finally {
        options?.signal?.removeEventListener('abort', aborted)
      }
    },
    // Without waiting for the socket to drain: a handshake is a fraction of what it takes.
    write: async (message) => {
      const whole = new Uint8Array(lengthBytes + message.byteLength)
      new DataView(whole.buffer).setUint16(0, message.byteLength)
      whole.set(message.subarray(), lengthBytes)
      socket.send(whole)
    },
    unwrap: () => {
      socket.removeEventListener('message', onMessage)
      socket.removeEventListener('close', onClose)
      if (unread !== undefined && unread.byteLength > 0) socket.unshift(unread)
      return socket
    },
  }
}
