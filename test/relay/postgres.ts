/**
 * A PostgreSQL server of the test's own, in a directory of its own, reached by a socket file there and by nothing else.
 * Needs the programs (Debian: `apt-get install postgresql`) and, when the test is root's, a user who is not, because the
 * server refuses to be.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import pg from 'pg'

export interface PostgresServer {
  readonly pid: number
  /** The address of a new, empty database. */
  database(): Promise<string>
  kill(): Promise<void>
  /** On the same files. */
  start(): Promise<void>
  end(): Promise<void>
}

/** Why there is no server to be had, for the name of a skipped test. */
export const notInstalled = 'PostgreSQL is not here, so its tests are not run (Debian: apt-get install postgresql)'

export async function startPostgres(): Promise<PostgresServer | undefined> {
  const bin = programs()
  const identity = someoneElse()
  if (bin === undefined || identity === undefined) return undefined
  const dir = mkdtempSync(join(tmpdir(), 'linnet-pg-'))
  if (identity.uid !== undefined) chownSync(dir, identity.uid, identity.gid ?? identity.uid)
  const data = join(dir, 'data')
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'linnet', '-A', 'trust', '--no-sync', '-E', 'UTF8'], {
    ...identity,
    cwd: dir,
    stdio: 'ignore',
  })
  let server = await serve(bin, dir, data, identity)
  let databases = 0
  const url = (name: string): string => `postgres://linnet@/${name}?host=${encodeURIComponent(dir)}`
  return {
    get pid() {
      return server.pid ?? 0
    },
    database: async () => {
      const name = `relay_${++databases}`
      const client = new pg.Client(url('postgres'))
      await client.connect()
      await client.query(`CREATE DATABASE ${name}`)
      await client.end()
      return url(name)
    },
    kill: () => ended(server, 'SIGQUIT'),
    start: async () => {
      server = await serve(bin, dir, data, identity)
    },
    end: async () => {
      await ended(server, 'SIGQUIT') // At once: nothing here is worth a checkpoint.
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

interface Identity {
  readonly uid?: number
  readonly gid?: number
}

async function serve(bin: string, dir: string, data: string, identity: Identity): Promise<ChildProcess> {
  const settings = [
    'listen_addresses=',
    'shared_buffers=32MB',
    'max_connections=60',
    'timezone=UTC',
    'log_timezone=UTC',
  ]
  const server = spawn(join(bin, 'postgres'), ['-D', data, '-k', dir, ...settings.flatMap((one) => ['-c', one])], {
    ...identity,
    cwd: dir,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const lines = createInterface({ input: server.stderr })
  for await (const line of lines) if (line.includes('ready to accept connections')) break
  server.stderr.resume()
  return server
}

async function ended(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const gone = once(server, 'exit')
  server.kill(signal)
  await gone
}

function programs(): string | undefined {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : []
  const places = [...versions.map((version) => join(debian, version, 'bin')), '/usr/local/bin', '/usr/bin']
  return places.find((place) => existsSync(join(place, 'initdb')) && existsSync(join(place, 'postgres')))
}

/** Ourselves, or, when we are root, the user Debian makes for the server. */
function someoneElse(): Identity | undefined {
  if (process.getuid?.() !== 0) return {}
  try {
    const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { stdio: 'pipe' }))
    return { uid: id('-u'), gid: id('-g') }
  } catch {
    return undefined
  }
}
