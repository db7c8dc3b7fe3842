/**
 * Below what no limit may be set: a relay with room for no handshake serves nobody, and one that sweeps all the time does
 * nothing else. And whether this process has the files and the memory for as many connections as it is to have.
 */
import { readFileSync } from 'node:fs'
import { getHeapStatistics } from 'node:v8'
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
  'gossipTopicsPerPeerMax',
])

const leastSweepEveryMs = 1_000

export function leastOf(limit: keyof AllLimits): number {
  if (limit === 'sweepEveryMs') return leastSweepEveryMs
  return mayBeNone.has(limit) ? 0 : 1
}

/** Files besides connections: the database, the log, a scrape, a listener on each address. */
const otherFiles = 200
/** Of Node's heap: what an idle connection with its mailbox takes there, and everything else; `npm run bench:connections`. */
const heapOfConnection = 26 * 1_024
const heapOfRest = 80 * 1_048_576

/** What to say about so many connections in this process. */
export function meansWarnings(connectionsMax: number): readonly string[] {
  const filesMax = openFilesMax()
  const heapMax = getHeapStatistics().heap_size_limit
  const warnings: string[] = []
  if (filesMax !== undefined && connectionsMax + otherFiles > filesMax) {
    const fit = Math.max(1, filesMax - otherFiles)
    warnings.push(
      `[limits] connections-max is ${connectionsMax}, but this process may open only ${filesMax} files: raise LimitNOFILE (systemd) or “ulimit -n”, or lower the limit to ${fit}`,
    )
  }
  if (connectionsMax * heapOfConnection + heapOfRest > heapMax) {
    const fit = Math.max(1, Math.floor((heapMax - heapOfRest) / heapOfConnection))
    warnings.push(
      `[limits] connections-max is ${connectionsMax}, but memory is enough for about ${fit}: lower the limit, or give this machine or container more`,
    )
  }
  return warnings
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
