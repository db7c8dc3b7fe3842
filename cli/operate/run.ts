/**
 * Runs a relay until it is asked to end: prints where it can be reached, answers its control socket, and on SIGTERM lets it
 * finish what it has taken. What a relay does is `relay/`.
 */
import type { Operable, Operated, Relay, RelayStatus } from '../../relay/index.ts'
import { findOwner } from '../control/client.ts'
import type { Params } from '../control/rpc.ts'
import { rpcCode, RpcFault } from '../control/rpc.ts'
import { serveControl } from '../control/server.ts'
import { CliError, exitCode, type ExitCode } from '../exit.ts'
import type { Job } from '../job.ts'
import { dialableFirst } from '../commands/relay-addresses.ts'
import { dirOf, settingsOf, socketOf } from './places.ts'

export async function runRelay(job: Job): Promise<ExitCode> {
  const socket = socketOf(job)
  await refuseSecond(job, socket)
  const { settings, warnings } = await settingsOf(job)
  const operated = await open(job, settings, warnings)
  const { relay } = operated
  try {
    relay.on('fatal', (error) => job.ending.fail(error))
    await start(operated)
    const server = await serveControl(socket, (method, params) => answer(operated, dirOf(job), method, params))
    try {
      const addresses = dialableFirst(relay.addresses, settings.listen ?? [])
      for (const address of addresses) await job.output.print({ type: 'ready', address }, address)
      await job.ending.asked()
    } finally {
      await server.close()
    }
  } finally {
    await operated.stop()
  }
  return job.ending.code
}

async function refuseSecond(job: Job, socket: string): Promise<void> {
  const running = await findOwner(socket)
  if (running === undefined) return
  running.close()
  const words = `a relay is running in ${dirOf(job)} already; linnet relay status asks it`
  throw new CliError(exitCode.usage, 'in-use', words)
}

async function open(
  job: Job,
  settings: Awaited<ReturnType<typeof settingsOf>>['settings'],
  warnings: readonly string[],
): Promise<Operable> {
  const { operateRelay } = await import('../../relay/index.ts')
  try {
    return await operateRelay({ dataDir: dirOf(job), settings, warnings })
  } catch (error) {
    // It runs, or is just ending, and nobody answered on its socket.
    if (!(error instanceof Error && error.name === 'UsageError' && /Another relay/u.test(error.message))) throw error
    throw new CliError(exitCode.inUse, 'in-use', error.message)
  }
}

/** The network says what is wrong in its own words, over several lines; an operator wants to know the port. */
async function start(operated: Operable): Promise<void> {
  try {
    await operated.start()
  } catch (error) {
    const text = error instanceof Error ? error.message : ''
    const [, where = 'there', code] =
      /(\/\S+tcp\/\d+)[^\n]*?\b(EADDRINUSE|EACCES|EADDRNOTAVAIL)\b/u.exec(text) ?? monitorFault(text) ?? []
    if (code === undefined) throw error
    const why = { EADDRINUSE: 'another program uses this port', EACCES: 'the system does not allow this port' }
    const said = code === 'EADDRINUSE' || code === 'EACCES' ? why[code] : 'this machine has no such address'
    throw new CliError(exitCode.network, 'cannot-listen', `cannot listen on ${where}: ${said}`)
  }
}

/** Node's own words about the metrics' port: “listen EADDRINUSE: address already in use 127.0.0.1:9401”. */
function monitorFault(text: string): readonly string[] | undefined {
  const [all, code, where] = /^listen (EADDRINUSE|EACCES|EADDRNOTAVAIL): .* (\S+)$/u.exec(text) ?? []
  return all === undefined || code === undefined || where === undefined ? undefined : [all, where, code]
}

async function answer(operated: Operated, dataDir: string, method: string, params: Params): Promise<unknown> {
  switch (method) {
    case 'ping':
      return { pid: process.pid }
    case 'status':
      return statusOf(operated.relay, operated.monitor)
    case 'backup': {
      const { backupTo } = await import('../../relay/index.ts')
      const { directory } = params
      if (typeof directory !== 'string') throw new RpcFault(rpcCode.invalidParams, '“directory” takes a path')
      return { files: await backupTo(dataDir, directory, (path) => operated.relay.backup(path)) }
    }
    default:
      throw new RpcFault(rpcCode.methodNotFound, 'a relay answers “ping”, “status” and “backup”')
  }
}

export type Status = Omit<RelayStatus, 'oldestMs'> & {
  readonly oldest: string | null
  readonly addresses: readonly string[]
  readonly monitor: string | null
  readonly pid: number
}

async function statusOf(relay: Relay, monitor: string | undefined): Promise<Status> {
  const { oldestMs, ...status } = await relay.status()
  const oldest = oldestMs === undefined ? null : new Date(oldestMs).toISOString()
  return { ...status, oldest, addresses: relay.addresses, monitor: monitor ?? null, pid: process.pid }
}
