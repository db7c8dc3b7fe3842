/**
 * Below what no limit may be set: a relay with room for no handshake serves nobody, and one that sweeps all the time does
 * nothing else. And whether this process may open as many files as it is to have connections.
 */
import { readFileSync } from 'node:fs'
import type { AllLimits } from '../relay.ts'

/** None at all is a choice, and does without what the limit is about. */
const mayBeNone: ReadonlySet<keyof AllLimits> = new Set([
  'mailboxesMax',
  'handOverMsMax',
  'tombstonesMax',
  'preKeysKeptMax',
  'preKeysTakenKeptMax',
  'waitersPerMailboxMax',
  'mailboxesAwaitedMax',
  'depositorsMax',
  'takenDevicesMax',
  'reservationsMax',
  'gossipPeersMax',
  'gossipTopicsMax',
])

const leastSweepEveryMs = 1_000

export function leastOf(limit: keyof AllLimits): number {
  if (limit === 'sweepEveryMs') return leastSweepEveryMs
  return mayBeNone.has(limit) ? 0 : 1
}

/** Files besides connections: the database, the log, a scrape, a listener on each address. */
const otherFiles = 200

/** What to say about so many connections in this process; undefined when it may open enough files, or nobody knows. */
export function descriptorWarning(connectionsMax: number): string | undefined {
  const filesMax = openFilesMax()
  if (filesMax === undefined || connectionsMax + otherFiles <= filesMax) return undefined
  return `[limits] connections-max is ${connectionsMax}, but this process may open only ${filesMax} files: raise LimitNOFILE (systemd) or “ulimit -n”, or lower the limit to ${Math.max(1, filesMax - otherFiles)}`
}

/** Linux' word for it. */
function openFilesMax(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return soft === undefined ? undefined : Number(soft)
  } catch {
    return undefined
  }
}
