/** How a relay begins to listen to a database that will not have it: as after a failover, to a server that only reads. */
import { once } from 'node:events'
import net from 'node:net'
import { expect, test } from 'vitest'
import { Wake } from '../../relay/io/postgres-wake.ts'
import { atEnd } from './temporary.ts'

const authenticated = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0])
const ready = Buffer.from([0x5a, 0, 0, 0, 5, 0x49])

/** `E`, its length, and fields: a severity, a code and a message, each with a letter before it and a zero after. */
function refusal(): Buffer {
  const fields = Buffer.from('SERROR\0C25006\0Mcannot execute LISTEN during recovery\0\0')
  const head = Buffer.from([0x45, 0, 0, 0, 0])
  head.writeUInt32BE(4 + fields.length, 1)
  return Buffer.concat([head, fields])
}

test('a connection on which nothing can be listened to is not kept', async () => {
  const server = net.createServer((socket) => {
    let begun = false
    socket.on('error', () => undefined)
    socket.on('data', () => {
      socket.write(Buffer.concat([begun ? refusal() : authenticated, ready]))
      begun = true
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd(() => void server.close())
  const { port } = server.address() as net.AddressInfo
  const wake = new Wake({
    url: `postgres://linnet@127.0.0.1:${port}/mail`,
    heard: () => undefined,
    missed: () => undefined,
  })
  atEnd(() => wake.close())
  await expect(wake.open()).rejects.toThrow('cannot execute LISTEN')
  await expect.poll(() => new Promise((resolve) => server.getConnections((_, count) => resolve(count)))).toBe(0)
})
