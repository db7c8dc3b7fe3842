/** mosquitto as Debian has it, with TLS, passwords, and queues without a bound. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inTurns, numbersOf, type Contender, type Server } from '../contender.ts'
import { freePort, ServerProcess } from '../process.ts'
import { connectMqtt } from './mqtt.ts'
import { makeCertificate } from './tls.ts'

const program = '/usr/sbin/mosquitto'
const usersMax = 5_000

export const mosquitto: Contender = {
  name: 'mosquitto',
  promise: 'in its memory; on disk every 30 minutes',
  missing: () => (existsSync(program) ? undefined : 'mosquitto'),
  version: () => /version (\S+)/.exec(spawnSync(program, ['-h'], { encoding: 'utf8' }).stdout)?.[1] ?? 'unknown',
  start: async (place): Promise<Server> => {
    const port = await freePort()
    configure(place, port)
    const process = new ServerProcess(place)
    process.start({ program, args: ['-c', join(place, 'mosquitto.conf')] })
    await process.listening(port)
    const connect: Server['connect'] = (options) => connectMqtt(port, options)
    return {
      process,
      port,
      connect,
      settle: async (users) => {
        await inTurns(numbersOf(users), 25, async (user) => (await connect({ user, receives: true })).close())
      },
      stop: () => process.kill(),
    }
  },
}

function configure(place: string, port: number): void {
  const { cert, key } = makeCertificate(place)
  const passwords = join(place, 'passwords')
  const lines = numbersOf({ first: 0, count: usersMax }).map((user) => `u${user}:p${user}\n`)
  writeFileSync(passwords, lines.join(''))
  execFileSync('mosquitto_passwd', ['-U', passwords])
  mkdirSync(join(place, 'data'))
  const settings = {
    user: 'root',
    listener: `${port} 127.0.0.1`,
    certfile: cert,
    keyfile: key,
    allow_anonymous: false,
    password_file: passwords,
    max_inflight_messages: 100,
    max_queued_messages: 0,
    log_type: 'error',
    persistence: true,
    persistence_location: `${join(place, 'data')}/`,
  }
  const text = Object.entries(settings).map(([name, value]) => `${name} ${value}\n`)
  writeFileSync(join(place, 'mosquitto.conf'), text.join(''))
}
