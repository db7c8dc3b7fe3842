/**
 * Where things are: the XDG directories, a profile's directory beneath them, and the control socket. Decides paths and the
 * modes of what it makes; what is written there belongs to the node and the relay.
 */
import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync } from 'node:fs'
import { homedir, tmpdir, userInfo } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { CliError, exitCode, usageError } from './exit.ts'

type Env = NodeJS.ProcessEnv

/** Bytes of a Unix socket's path, without the ending zero: 107 on Linux, 103 on macOS and the BSDs. */
const socketPathBytesMax = process.platform === 'linux' ? 107 : 103

export const defaultProfile = 'default'

export function configFile(env: Env, dataDir: string | undefined, name: string): string {
  if (dataDir !== undefined) return join(resolve(dataDir), name)
  return join(xdg(env, 'XDG_CONFIG_HOME', '.config'), 'linnet', name)
}

/** An explicit data directory is the default profile's own, so that what was asked for is what is found there. */
export function profileDir(env: Env, dataDir: string | undefined, profile: string): string {
  if (!/^[\p{L}\p{N}_-][\p{L}\p{N}._-]{0,63}$/u.test(profile)) {
    throw usageError(`“${profile}” cannot name a profile: use letters, digits, “-”, “_” and “.”, at most 64`)
  }
  if (dataDir !== undefined && profile === defaultProfile) return resolve(dataDir)
  return join(dataDir === undefined ? dataHome(env) : resolve(dataDir), 'profiles', profile)
}

export function relayDir(env: Env, dataDir: string | undefined): string {
  return dataDir === undefined ? join(dataHome(env), 'relay') : resolve(dataDir)
}

/** For what can be made again at any time. Not the system's temporary directory, where others could put things for us to run. */
export function cacheDir(env: Env): string {
  return join(xdg(env, 'XDG_CACHE_HOME', '.cache'), 'linnet')
}

/**
 * The socket beside the data; where that path is too long for a socket, one in a private directory of the runtime or
 * temporary directory, under a name that follows from the data directory. Every process of this user finds the same one.
 */
export function socketPath(env: Env, dir: string, name: string): string {
  const beside = join(dir, name)
  if (Buffer.byteLength(beside) <= socketPathBytesMax) return beside
  const runtime = env['XDG_RUNTIME_DIR']
  const base = runtime !== undefined && isAbsolute(runtime) ? runtime : tmpdir()
  const own = join(base, `linnet-${userInfo().uid}`)
  refuseForeign(own)
  const hash = createHash('sha256').update(beside).digest('hex').slice(0, 24)
  return join(own, `${hash}.sock`)
}

/** Makes the directory of a socket, and refuses one that another user could have prepared for us. */
export function makePrivateDir(dir: string): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  refuseForeign(dir)
}

/** Where everybody may put things, somebody else may have been first: to speak there, or to be spoken to. */
function refuseForeign(dir: string): void {
  const found = lstatSync(dir, { throwIfNoEntry: false })
  if (found === undefined || (found.isDirectory() && found.uid === (process.getuid?.() ?? found.uid))) return
  const words = `${dir} belongs to someone else: remove it or use --data-dir`
  throw new CliError(exitCode.usage, 'unsafe-directory', words)
}

function dataHome(env: Env): string {
  return join(xdg(env, 'XDG_DATA_HOME', '.local/share'), 'linnet')
}

/** The specification says to ignore a relative path here. */
function xdg(env: Env, variable: string, fallback: string): string {
  const set = env[variable]
  return set !== undefined && isAbsolute(set) ? set : join(env['HOME'] ?? homedir(), fallback)
}
