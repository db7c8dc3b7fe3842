/**
 * A cure for how @libp2p/tcp 11 writes: every piece of every message goes to the socket by itself, and each is a call into the
 * kernel. A connection that is set up says a dozen small things in three turns of the event loop, and those calls were a sixth
 * of what it costs.
 *
 * What is written in one turn goes out together, by the socket's own cork. Only the turn that wrote it has to end, so
 * nothing waits. To be dropped when upstream corks.
 */
import type { MultiaddrConnection, Upgrader } from '@libp2p/interface'
import { tcp, type TCPComponents, type TCPOptions } from '@libp2p/tcp'
import type { Socket } from 'node:net'
import { takesBytes } from './streams-cure.ts'

type Transport = ReturnType<ReturnType<typeof tcp>>

/** What is changed of a connection, private to it. */
interface Insides {
  readonly socket?: Socket
  sendData?: (data: unknown) => unknown
  /** Not before the handshake is through, whose reader wants lists. */
  [takesBytes]?: boolean
}

export function curedTcp(init: TCPOptions): (components: TCPComponents) => Transport {
  return (components) => {
    const transport = tcp(init)(components)
    const createListener = transport.createListener.bind(transport)
    transport.createListener = (options) => createListener({ ...options, upgrader: gathering(options.upgrader) })
    return transport
  }
}

function gathering(upgrader: Upgrader): Upgrader {
  const upgradeInbound: Upgrader['upgradeInbound'] = (connection, options) => {
    gather(connection)
    return upgrader.upgradeInbound(connection, options)
  }
  return Object.create(upgrader, { upgradeInbound: { value: upgradeInbound } }) as Upgrader
}

function gather(connection: MultiaddrConnection): void {
  const insides = connection as Insides
  const { socket } = insides
  const sendData = insides.sendData?.bind(connection)
  if (socket === undefined || sendData === undefined) return
  const uncork = (): void => socket.uncork()
  insides[takesBytes] = false
  insides.sendData = (data) => {
    if (socket.writableCorked === 0) {
      socket.cork()
      process.nextTick(uncork)
    }
    return data instanceof Uint8Array ? { sentBytes: data.byteLength, canSendMore: socket.write(data) } : sendData(data)
  }
}
