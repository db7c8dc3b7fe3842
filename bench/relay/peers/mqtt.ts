/** As much of MQTT 3.1.1 as the load needs: quality of service 1 both ways, a session that the server keeps. */
import { tagAt, type Client, type ClientOptions } from '../contender.ts'
import { Unanswered } from '../unanswered.ts'
import { Answers, dialTls, Outlet } from './tls.ts'

const [connect, connack, publish, puback, subscribe, disconnect] = [1, 2, 3, 4, 8, 14]
const keepAliveSeconds = 1_200

export async function connectMqtt(port: number, options: ClientOptions): Promise<Client> {
  const { user, receives, received, acknowledged } = options
  const socket = await dialTls(options.port ?? port)
  const outlet = new Outlet(socket)
  const answers = new Answers<Buffer>()
  const unanswered = new Unanswered<number>()
  let rest: Buffer = Buffer.alloc(0)
  let lastPacket = 0
  const nextPacket = (): number => (lastPacket = (lastPacket % 65_535) + 1)
  const take = (type: number, packet: Buffer, at: number): void => {
    if (type === publish) {
      const id = at + 2 + packet.readUInt16BE(at)
      outlet.write(Buffer.of(puback << 4, 2, packet[id] ?? 0, packet[id + 1] ?? 0))
      received?.(tagAt(packet, id + 2))
    } else if (type === puback) {
      const tag = unanswered.take(packet.readUInt16BE(at))
      if (tag !== undefined) acknowledged?.(tag)
    } else answers.push(packet.subarray(at))
  }
  socket.on('data', (data) => {
    const bytes = rest.length === 0 ? data : Buffer.concat([rest, data])
    let at = 0
    for (let whole = lengthAt(bytes, at); whole !== undefined; whole = lengthAt(bytes, at)) {
      take((bytes[at] ?? 0) >> 4, bytes.subarray(0, whole.end), whole.start)
      at = whole.end
    }
    rest = bytes.subarray(at)
  })
  socket.on('close', () => answers.push(Buffer.alloc(0)))
  const clean = receives ? 0 : 2
  const header = Buffer.of(4, 0xc0 | clean, keepAliveSeconds >> 8, keepAliveSeconds & 255)
  outlet.write(packetOf(connect << 4, text('MQTT'), header, text(`c${user}`), text(`u${user}`), text(`p${user}`)))
  const welcome = await answers.next()
  if (welcome[1] !== 0)
    throw new Error(`mosquitto answered ${welcome.toString('hex') || 'nothing'} to CONNECT (${connack})`)
  if (receives && welcome[0] !== 1) {
    outlet.write(packetOf((subscribe << 4) | 2, word(nextPacket()), text(`m/${user}`), Buffer.of(1)))
    await answers.next()
  }
  return {
    send: (to, tag, body) => {
      const id = nextPacket()
      unanswered.add(id, tag)
      outlet.write(packetOf((publish << 4) | 2, text(`m/${to}`), word(id), body))
    },
    close: () => outlet.end(Buffer.of(disconnect << 4, 0)),
  }
}

/** Where the packet's content starts and ends, when it is all there. */
function lengthAt(bytes: Buffer, at: number): { readonly start: number; readonly end: number } | undefined {
  let length = 0
  for (let i = 0; i < 4; i++) {
    const byte = bytes[at + 1 + i]
    if (byte === undefined) return undefined
    length += (byte & 127) << (7 * i)
    if (byte > 127) continue
    const start = at + 2 + i
    return start + length <= bytes.length ? { start, end: start + length } : undefined
  }
  throw new Error('a length of more than four bytes')
}

function packetOf(first: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const head = [first]
  let left = length
  do head.push(left > 127 ? (left & 127) | 128 : left)
  while ((left >>= 7) > 0)
  return Buffer.concat([Buffer.from(head), ...parts])
}

function word(value: number): Buffer {
  return Buffer.of(value >> 8, value & 255)
}

function text(value: string): Buffer {
  return Buffer.concat([word(value.length), Buffer.from(value, 'latin1')])
}
