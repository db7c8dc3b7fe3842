/** ejabberd as Debian has it, keeping what waits in PostgreSQL, with its traffic shapers off and no bound on what waits. */
import { existsSync, globSync, mkdirSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { inTurns, numbersOf, type Contender, type Server } from '../contender.ts'
import { freePort, ServerProcess } from '../process.ts'
import { postgresPrograms, startPostgres } from './postgres.ts'
import { makeCertificate, type Certificate } from './tls.ts'
import { connectXmpp } from './xmpp.ts'

const erlang = '/usr/bin/erl'
const schema = '/usr/share/ejabberd/sql/pg.sql'

function home(): string | undefined {
  return globSync('/usr/lib/*/ejabberd-*/ebin').toSorted().at(-1)
}

export const ejabberd: Contender = {
  name: 'ejabberd on PostgreSQL',
  promise: 'committed and synced by the database',
  missing: () => {
    if (home() === undefined || !existsSync(erlang) || !existsSync(schema)) return 'ejabberd'
    if (globSync('/usr/lib/erlang/lib/p1_pgsql-*').length === 0) return 'erlang-p1-pgsql'
    return postgresPrograms() === undefined ? 'postgresql' : undefined
  },
  version: () => basename(dirname(home() ?? '')).replace('ejabberd-', ''),
  start: async (place): Promise<Server> => {
    const process = new ServerProcess(place)
    const ports = { client: await freePort(), admin: await freePort(), database: 0 }
    ports.database = await startPostgres(place, process, schema)
    const config = join(place, 'ejabberd.yml')
    writeFileSync(config, configOf(makeCertificate(place), ports))
    const data = join(place, 'mnesia')
    mkdirSync(data)
    const args = ['-noinput', '+K', 'true', '+P', '250000', '-mnesia', 'dir', `"${data}"`, '-s', 'ejabberd']
    const env = {
      ERL_LIBS: dirname(dirname(home() ?? '')),
      EJABBERD_CONFIG_PATH: config,
      EJABBERD_LOG_PATH: join(place, 'ejabberd.log'),
      ERL_CRASH_DUMP: join(place, 'crash'),
    }
    process.start({ program: erlang, args, env })
    await process.listening(ports.client)
    await process.listening(ports.admin)
    await register(ports.admin, 0, sendersMax)
    return {
      process,
      port: ports.client,
      connect: (options) => connectXmpp(ports.client, options),
      settle: ({ first, count }) => register(ports.admin, first, count),
      stop: () => process.kill(),
    }
  },
}

/** Users that only send need accounts here, and a mailbox nowhere else. */
const sendersMax = 250

async function register(port: number, first: number, count: number): Promise<void> {
  await inTurns(numbersOf({ first, count }), 20, async (user) => {
    const account = { user: `u${user}`, host: 'localhost', password: `p${user}` }
    const answer = await fetch(`http://127.0.0.1:${port}/api/register`, {
      method: 'POST',
      body: JSON.stringify(account),
    })
    const said = await answer.text()
    if (!answer.ok && !said.includes('already')) throw new Error(`ejabberd would not register a user: ${said}`)
  })
}

interface Ports {
  readonly client: number
  readonly admin: number
  readonly database: number
}

/** JSON is YAML. */
function configOf({ both, cert }: Certificate, ports: Ports): string {
  const ip = '127.0.0.1'
  const scrams = ['1', '256', '512'].flatMap((bits) => [`SCRAM-SHA-${bits}`, `SCRAM-SHA-${bits}-PLUS`])
  return JSON.stringify({
    hosts: ['localhost'],
    loglevel: 'warning',
    certfiles: [both],
    ca_file: cert,
    auth_method: ['mnesia'],
    auth_password_format: 'plain',
    disable_sasl_mechanisms: ['digest-md5', ...scrams],
    listen: [
      { port: ports.client, ip, module: 'ejabberd_c2s', tls: true, shaper: 'none', access: 'all', backlog: 4_096 },
      { port: ports.admin, ip, module: 'ejabberd_http', request_handlers: { '/api': 'mod_http_api' } },
    ],
    acl: { local: { user_regexp: '' }, loopback: { ip: ['127.0.0.0/8'] } },
    access_rules: { local: { allow: 'local' }, c2s: { allow: 'all' } },
    api_permissions: { all: { who: [{ acl: 'loopback' }], what: ['*'] } },
    shaper_rules: { max_user_sessions: 10, kept: 'infinity', c2s_shaper: 'none', s2s_shaper: 'none' },
    modules: {
      mod_http_api: {},
      mod_admin_extra: {},
      mod_stream_mgmt: { resend_on_timeout: 'if_offline', resume_timeout: 0 },
      mod_offline: { access_max_user_messages: 'kept', db_type: 'sql' },
    },
    sql_type: 'pgsql',
    sql_server: ip,
    sql_port: ports.database,
    sql_database: 'postgres',
    sql_username: 'postgres',
    sql_password: 'x',
    sql_pool_size: 10,
  })
}
