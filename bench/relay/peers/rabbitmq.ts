/** RabbitMQ as Debian has it, one node, a quorum queue for each mailbox. */
import { existsSync, globSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { inTurns, numbersOf, type Contender, type Server } from '../contender.ts'
import { freePort, ServerProcess } from '../process.ts'
import { connectAmqp } from './amqp.ts'
import { makeCertificate } from './tls.ts'

const nodeMapper = '/usr/bin/epmd'

function program(): string | undefined {
  return globSync('/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server')[0]
}

export const rabbitmq: Contender = {
  name: 'RabbitMQ quorum',
  promise: 'synced to disk',
  missing: () => (program() === undefined || !existsSync(nodeMapper) ? 'rabbitmq-server' : undefined),
  version: () => basename(dirname(dirname(program() ?? ''))).replace('rabbitmq_server-', ''),
  start: async (place): Promise<Server> => {
    const [port, mapperPort, nodePort] = [await freePort(), await freePort(), await freePort()]
    const process = new ServerProcess(place)
    // RabbitMQ would start one of its own, which would stay behind.
    process.start({ program: nodeMapper, args: ['-address', '127.0.0.1', '-port', String(mapperPort)] })
    await process.listening(mapperPort)
    const env = { ...environment(place, port), ERL_EPMD_PORT: String(mapperPort), RABBITMQ_DIST_PORT: String(nodePort) }
    process.start({ program: program() ?? '', args: [], env })
    await process.listening(port)
    return {
      process,
      port,
      connect: (options) => connectAmqp(port, options),
      settle: async (users) => {
        const client = await connectAmqp(port, { user: 0, receives: false })
        await inTurns(numbersOf(users), 1, (user) => client.declare(user))
        await client.close()
      },
      stop: () => process.kill(),
    }
  },
}

function environment(place: string, port: number): NodeJS.ProcessEnv {
  const { cert, key } = makeCertificate(place)
  const settings = {
    'listeners.tcp': 'none',
    'listeners.ssl.1': `127.0.0.1:${port}`,
    'ssl_options.certfile': cert,
    'ssl_options.keyfile': key,
    'ssl_options.verify': 'verify_none',
    'ssl_options.fail_if_no_peer_cert': false,
  }
  const config = join(place, 'rabbitmq.conf')
  writeFileSync(
    config,
    Object.entries(settings)
      .map(([name, value]) => `${name} = ${value}\n`)
      .join(''),
  )
  const plugins = join(place, 'plugins')
  writeFileSync(plugins, '[].\n')
  return {
    RABBITMQ_NODENAME: 'rabbit@localhost',
    RABBITMQ_MNESIA_BASE: join(place, 'data'),
    RABBITMQ_LOG_BASE: place,
    RABBITMQ_CONFIG_FILE: config,
    RABBITMQ_ENABLED_PLUGINS_FILE: plugins,
    RABBITMQ_CONF_ENV_FILE: '/nonexistent',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    ERL_EPMD_ADDRESS: '127.0.0.1',
  }
}
