/**
 * `linnet relay`: runs a relay and prints where it can be reached, first line first. `linnet relay status` asks the running
 * one how it stands. What a relay does is `relay/`.
 */
import { isIP } from 'node:net'
import type { Command } from 'commander'
import type { Relay, RelayOptions, RelayStatus } from '../../relay/index.ts'
import { findOwner } from '../control/client.ts'
import { rpcCode, RpcFault } from '../control/rpc.ts'
import { serveControl } from '../control/server.ts'
import { CliError, exitCode, usageError, type ExitCode } from '../exit.ts'
import type { Job, Tools } from '../job.ts'
import { openLog } from '../log.ts'
import { relayDir, socketPath } from '../places.ts'
import { printable } from '../printable.ts'
import { dialableFirst } from './relay-addresses.ts'
import { examples } from './example.ts'

/** Apart from a person's, so that one machine can have both, each with its own `listen`. */
const configName = 'relay.json'

export function addRelay(program: Command, tools: Tools): void {
  const relay = program
    .command('relay')
    .description('run a relay, which keeps messages for those who are away; prints its address when ready')
    .action(() => tools.act(runRelay, configName))
  examples(
    relay,
    ['linnet relay', 'listens on port 4001, keeps its data in the usual place'],
    ['linnet relay --listen /ip4/0.0.0.0/tcp/4001 --data-dir /var/lib/linnet-relay', 'as a service would start it'],
    ['linnet relay --announce /dns4/relay.example.org/tcp/4001', 'tells others a name instead of what it listens on'],
  )
  const status = relay
    .command('status')
    .description('how the running relay stands: messages, connections, prekeys, reservations, disk')
    .action(() => tools.act(showStatus, configName))
  examples(status, ['linnet relay status --json', 'for a monitor: one object'])
}

async function runRelay(job: Job): Promise<ExitCode> {
  const socket = socketOf(job)
  const relay = await openRelay(job, socket)
  try {
    relay.on('fatal', (error) => job.ending.fail(error))
    await start(relay)
    const server = await serveControl(socket, async (method) => {
      if (method === 'ping') return { pid: process.pid }
      if (method === 'status') return statusOf(relay)
      throw new RpcFault(rpcCode.methodNotFound, 'a relay answers “ping” and “status”')
    })
    try {
      for (const address of addressesOf(job, relay)) await job.output.print({ type: 'ready', address }, address)
      await job.ending.asked()
    } finally {
      await server.close()
    }
  } finally {
    await relay.stop()
  }
  return job.ending.code
}

function addressesOf(job: Job, relay: Relay): readonly string[] {
  return dialableFirst(relay.addresses, job.settings.get('listen') ?? [])
}

async function openRelay(job: Job, socket: string): Promise<Relay> {
  const running = await findOwner(socket)
  if (running !== undefined) {
    running.close()
    throw new CliError(
      exitCode.usage,
      'in-use',
      `a relay is running in ${dirOf(job)} already; linnet relay status asks it`,
    )
  }
  const { settings } = job
  const listen = settings.get('listen')
  const announce = settings.get('announce')
  const log = openLog(settings)
  const options: RelayOptions = {
    dataDir: dirOf(job),
    log: ({ event, ...rest }) => log({ message: `relay ${event}`, ...rest }),
    ...(listen === undefined ? {} : { listen: listen.map(checkAddress) }),
    ...(announce === undefined ? {} : { announce: announce.map(checkAddress) }),
  }
  try {
    return await job.programs.createRelay(options)
  } catch (error) {
    // It runs, or is just ending, and nobody answered on its socket.
    if (!(error instanceof Error && error.name === 'UsageError')) throw error
    throw new CliError(exitCode.inUse, 'in-use', error.message)
  }
}

function checkAddress(address: string): string {
  const [, kind, host = '', port] = /^\/(ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/(\d{1,5})$/u.exec(address) ?? []
  const family = kind === 'ip4' ? 4 : kind === 'ip6' ? 6 : 0
  if (port !== undefined && Number(port) < 65_536 && (family === 0 || isIP(host) === family)) return address
  throw usageError(`“${printable(address)}” is no address a relay can have; one looks like /ip4/0.0.0.0/tcp/4001`)
}

/** The network says what is wrong in its own words, over several lines; an operator wants to know the port. */
async function start(relay: Relay): Promise<void> {
  try {
    await relay.start()
  } catch (error) {
    const text = error instanceof Error ? error.message : ''
    const [, where = 'there', code] = /(\/\S+tcp\/\d+)[^\n]*?\b(EADDRINUSE|EACCES|EADDRNOTAVAIL)\b/u.exec(text) ?? []
    if (code === undefined) throw error
    const why = { EADDRINUSE: 'another program uses this port', EACCES: 'the system does not allow this port' }
    const said = code === 'EADDRINUSE' || code === 'EACCES' ? why[code] : 'this machine has no such address'
    throw new CliError(exitCode.network, 'cannot-listen', `cannot listen on ${where}: ${said}`)
  }
}

type Status = Omit<RelayStatus, 'oldestMs'> & {
  readonly oldest: string | null
  readonly addresses: readonly string[]
  readonly pid: number
}

async function statusOf(relay: Relay): Promise<Status> {
  const { oldestMs, ...status } = await relay.status()
  const oldest = oldestMs === undefined ? null : new Date(oldestMs).toISOString()
  return { ...status, oldest, addresses: relay.addresses, pid: process.pid }
}

async function showStatus(job: Job): Promise<void> {
  const relay = await findOwner(socketOf(job))
  if (relay === undefined) throw new CliError(exitCode.notFound, 'not-found', `no relay is running in ${dirOf(job)}`)
  const status = (await job.ending.race(relay.call('status', {}))) as Status
  relay.close()
  await job.output.print(status, wordsOf(status))
}

function wordsOf(status: Status): string {
  const mib = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MiB`
  const lines: readonly (readonly [string, string | number])[] = [
    ['messages', `${status.messages} waiting (${mib(status.messageBytes)}) in ${status.mailboxes} mailboxes`],
    ['oldest', status.oldest ?? 'none waits'],
    ['tombstones', status.tombstones],
    ['connections', `${status.connections}, ${status.streams} streams, ${status.subscriptions} mailboxes listened to`],
    ['reservations', status.reservations],
    ['prekeys', status.preKeys],
    ['cards', status.cards],
    ['disk', mib(status.diskBytes)],
    ['process', status.pid],
  ]
  return lines.map(([name, value]) => `${name.padEnd(12)} ${value}`).join('\n')
}

function dirOf(job: Job): string {
  return relayDir(job.env, job.settings.get('data-dir'))
}

function socketOf(job: Job): string {
  return socketPath(job.env, dirOf(job), 'relay.sock')
}
