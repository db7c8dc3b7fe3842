/** Bytes between the sockets for one short message, sender to server to recipient, everybody's acknowledgements included. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { bodyOf, elapsed, within, type Server } from '../contender.ts'
import type { Figures } from '../figures.ts'

export interface WirePlan {
  readonly messages: number
  /** Bytes of a message's body, one row of messages each. */
  readonly sizes: readonly number[]
}

const [sender, recipient] = [10, 3_000]
const messageMsMax = 5_000

/** One message after another, so that nothing is shared with its neighbours. */
export async function wire(server: Server, { messages, sizes }: WirePlan): Promise<Figures> {
  await server.settle({ first: recipient, count: 1 })
  const [theirs, ours] = [await CountingProxy.to(server.port), await CountingProxy.to(server.port)]
  let pending = { left: 0, done: (): void => undefined }
  const step = (): void => {
    pending.left -= 1
    if (pending.left === 0) pending.done()
  }
  const to = await server.connect({ user: recipient, receives: true, port: theirs.port, received: step })
  const from = await server.connect({ user: sender, receives: false, port: ours.port, acknowledged: step })
  let nextTag = 0
  const send = async (bytes: number): Promise<void> => {
    const tag = nextTag++
    const answered = new Promise<void>((resolve) => (pending = { left: 2, done: resolve }))
    from.send(recipient, tag, bodyOf(tag, bytes))
    await within(messageMsMax, 'one message', answered)
    await elapsed(quietMs)
  }
  await elapsed(connectionMs)
  const figures: Record<string, number> = {}
  for (const bytes of sizes) {
    for (let i = 0; i < warmUp; i++) await send(bytes)
    const before = [ours.bytes, theirs.bytes] as const
    for (let i = 0; i < messages; i++) await send(bytes)
    await elapsed(quietMs * 10)
    const [sent, received] = [(ours.bytes - before[0]) / messages, (theirs.bytes - before[1]) / messages]
    Object.assign(figures, {
      [`wire ${bytes}: bytes a message`]: sent + received,
      [`wire ${bytes}: of them beyond the body twice`]: sent + received - 2 * bytes,
      [`wire ${bytes}: between sender and server`]: sent,
      [`wire ${bytes}: between server and recipient`]: received,
    })
  }
  await Promise.all([to.close(), from.close()])
  ours.close()
  theirs.close()
  return figures
}

const warmUp = 20
/** What a connection says when it is new is not a message's. */
const connectionMs = 2_000
/** For acknowledgements that follow what was waited for. */
const quietMs = 8

class CountingProxy {
  bytes = 0
  readonly #server = createServer({ noDelay: true })

  static async to(port: number): Promise<CountingProxy> {
    const proxy = new CountingProxy()
    proxy.#server.on('connection', (client) => {
      const server = connect({ port, host: '127.0.0.1', noDelay: true })
      for (const [one, other] of [
        [client, server],
        [server, client],
      ] as const) {
        one.on('data', (data) => {
          proxy.bytes += data.length
          other.write(data)
        })
        one.on('close', () => other.destroy())
        one.on('error', () => other.destroy())
      }
    })
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  close(): void {
    this.#server.close()
  }
}
