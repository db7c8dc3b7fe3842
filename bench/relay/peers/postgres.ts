/** PostgreSQL as Debian has it: its own data directory, syncing every commit, on a port of the loopback. */
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, globSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, type ServerProcess } from '../process.ts'

const owner = 'postgres'

export function postgresPrograms(): string | undefined {
  const newest = globSync('/usr/lib/postgresql/*/bin/initdb').toSorted().at(-1)
  return newest?.replace(/\/initdb$/, '')
}

/** Starts it among the processes of the server that uses it; its port. The database `owner` has the tables of `schema`. */
export async function startPostgres(place: string, process: ServerProcess, schema: string): Promise<number> {
  const programs = postgresPrograms() ?? ''
  const user = ownerOfFiles()
  const data = join(place, 'postgres')
  mkdirSync(data)
  chmodSync(data, 0o700)
  if (user !== undefined) chownSync(data, user.uid, user.gid)
  execFileSync(join(programs, 'initdb'), ['-D', data, '-U', owner, '-A', 'trust'], { cwd: '/', stdio: 'pipe', ...user })
  const port = await freePort()
  const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=']
  const args = settings.flatMap((setting) => ['-c', setting])
  process.start({ program: join(programs, 'postgres'), args: ['-D', data, ...args], user, endsBy: 'SIGQUIT' })
  await process.listening(port)
  const where = ['-h', '127.0.0.1', '-p', String(port), '-U', owner, '-d', owner]
  await untilReady(() => execFileSync(join(programs, 'psql'), [...where, '-q', '-f', schema], { stdio: 'pipe' }))
  return port
}

/** It refuses to run as root. */
function ownerOfFiles(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const fields = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((line) => line.startsWith(`${owner}:`))
    ?.split(':')
  if (fields === undefined) throw new Error(`there is no user ${owner} to run PostgreSQL as`)
  return { uid: Number(fields[2]), gid: Number(fields[3]) }
}

/** It listens a moment before it answers. */
async function untilReady(act: () => void): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return act()
    } catch (error) {
      if (attempt === 50) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}
