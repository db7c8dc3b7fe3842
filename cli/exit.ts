/**
 * How the program ends: the exit codes people's scripts rely on, and which of them an error means. What is written to
 * whom before ending is `output.ts`; when to end is `ending.ts`.
 */
import type { NodeErrorReason } from '../node/index.ts'

export const exitCode = {
  done: 0,
  /** Wrong usage: the caller can put it right. */
  usage: 1,
  /** Unexpected: a fault of ours or of this machine. */
  unexpected: 2,
  network: 3,
  untrustedKey: 4,
  rateLimited: 5,
  /** What was waited for did not happen in time; it goes on. */
  timedOut: 6,
  notFound: 7,
  /** The profile is in use by something that does not answer. */
  inUse: 8,
  /** By a signal, in the middle of something: 128 and its number, as shells have it. */
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
} as const

export type ExitCode = (typeof exitCode)[keyof typeof exitCode]

/** An end that has been thought of: a word for programs, a sentence for people, a code for scripts. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly code: ExitCode
  readonly reason: string

  constructor(code: ExitCode, reason: string, message: string) {
    super(message)
    this.code = code
    this.reason = reason
  }
}

export function usageError(message: string): CliError {
  return new CliError(exitCode.usage, 'usage', message)
}

export type EndSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP'

export const codeOfSignal: Readonly<Record<EndSignal, ExitCode>> = {
  SIGHUP: exitCode.hungUp,
  SIGINT: exitCode.interrupted,
  SIGTERM: exitCode.terminated,
}

export function interrupted(by: EndSignal = 'SIGINT'): CliError {
  return new CliError(codeOfSignal[by], 'interrupted', 'interrupted')
}

/** Whatever was thrown, as an end. */
export function endOf(error: unknown): CliError {
  if (error instanceof CliError) return error
  if (isNodeError(error)) return new CliError(codeOfReason[error.reason], error.reason, error.message)
  if (isAbort(error)) return interrupted()
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof Error && error.name === 'UsageError') return new CliError(exitCode.usage, 'usage', message)
  if (!isOfMachine(error)) return new CliError(exitCode.unexpected, 'unexpected', message)
  return new CliError(exitCode.unexpected, 'machine', sentenceOf(error, message))
}

/** What Node says of something that was given up on request; by whose, it does not say. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}

/** What the system says in a code, for people who have to do something about it. */
const machineSentences: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: make room and start again',
  EDQUOT: 'your share of the disk (quota) is used up: make room and start again',
  EROFS: 'this disk can only be read: choose a directory on another',
  EACCES: 'you may not read or write here: look whose it is, or choose another directory',
  EPERM: 'you may not read or write here: look whose it is, or choose another directory',
  EFBIG: 'files may not grow so large here (ulimit -f, or the kind of disk): choose another place',
  EIO: 'the disk fails: look into the log of the system, and copy what is on it while that is possible',
  SQLITE_FULL: 'the disk is full: make room and start again',
}

const machineFaults: ReadonlySet<string> = new Set([
  ...Object.keys(machineSentences),
  'EMFILE',
  ...['ENOTDIR', 'EISDIR', 'EEXIST', 'ENOENT', 'ENAMETOOLONG'], // Something else stands where a file is to be.
])

const noDirectoryHere = 'no directory can be made here: choose another place'

/** Of the system's own words only the path is kept. */
function sentenceOf(error: unknown, otherwise: string): string {
  if (!(error instanceof Error) || !('code' in error)) return otherwise
  const isMaking = 'syscall' in error && error.syscall === 'mkdir'
  const sentence = machineSentences[String(error.code)] ?? (isMaking ? noDirectoryHere : undefined)
  if (sentence === undefined) return otherwise
  return 'path' in error && typeof error.path === 'string' ? `${error.path}: ${sentence}` : sentence
}

/** A disk that is full or may not be written is nobody's bug; the store says so in its own words, with SQLite's as the cause. */
function isOfMachine(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = String('code' in error ? error.code : undefined)
  return (
    machineFaults.has(code) || /^SQLITE_(FULL|READONLY|CANTOPEN|PERM|IOERR)/u.test(code) || isOfMachine(error.cause)
  )
}

/** Recognised by shape, so that a command which only speaks to a running process need not load the library. */
export function isNodeError(error: unknown): error is Error & { readonly reason: NodeErrorReason } {
  return error instanceof Error && 'reason' in error && typeof error.reason === 'string' && error.reason in codeOfReason
}

const codeOfReason: Readonly<Record<NodeErrorReason, ExitCode>> = {
  'unknown-contact': exitCode.notFound,
  'not-found': exitCode.notFound,
  'not-accepted': exitCode.untrustedKey,
  blocked: exitCode.usage,
  'own-invite': exitCode.usage,
  'invalid-invite': exitCode.usage,
  'name-taken': exitCode.usage,
  'invalid-name': exitCode.usage,
  empty: exitCode.usage,
  'too-long': exitCode.usage,
  'outbox-full': exitCode.rateLimited,
  'too-many-invites': exitCode.rateLimited,
  'too-many-relays': exitCode.usage,
  'invalid-relay': exitCode.usage,
  'no-route-in': exitCode.network,
  'no-card': exitCode.network,
  'in-use': exitCode.inUse,
  'wrong-passphrase': exitCode.usage,
  'passphrase-needed': exitCode.usage,
  'newer-store': exitCode.usage,
  'corrupt-store': exitCode.unexpected,
  'lost-store': exitCode.unexpected,
  'no-profile': exitCode.usage,
  'invalid-address': exitCode.usage,
  'cannot-listen': exitCode.network,
  stopped: exitCode.unexpected,
}
