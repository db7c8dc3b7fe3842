/**
 * Diagnostics on stderr: which of them are shown, and what of them is hidden with `--scrub-log`. The node and the relay
 * keep names, contents and secrets out by themselves; addresses and shortened ids they may write.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { LogEntry } from '../node/index.ts'
import { printable } from './printable.ts'
import type { Settings } from './settings.ts'

const shownAt: Readonly<Record<LogEntry['level'], number>> = { error: 0, warn: 1, info: 1, debug: 2 }

export function openLog(settings: Settings): (entry: LogEntry) => void {
  const verbose = settings.get('verbose') ?? 0
  const scrub = settings.get('scrub-log') === true ? openScrubber() : (text: string): string => text
  return (entry) => {
    if (shownAt[entry.level] > verbose) return
    const { level, message, ...fields } = entry
    const words = Object.entries(fields).map(([name, value]) => `${name}=${plain(value)}`)
    const time = new Date().toISOString().slice(11, 23)
    process.stderr.write(`${time} ${level} ${printable(scrub([message, ...words].join(' ')))}\n`)
  }
}

/**
 * Addresses, keys and ids become short tags: the same thing has the same tag throughout one run, so that a log can still be
 * followed, and no tag can be turned back or compared with another run's.
 */
function openScrubber(): (text: string) => string {
  const salt = randomBytes(16)
  const telling =
    /\/(?:ip4|ip6|dns|dns4|dns6|dnsaddr)\/\S+|\b(?:12D3KooW|Qm)[1-9A-HJ-NP-Za-km-z]+\b|\b[0-9a-f]{8,}\b|\b\d{1,3}(?:\.\d{1,3}){3}\b/gu
  return (text) =>
    text.replace(telling, (found) => `#${createHash('sha256').update(salt).update(found).digest('hex').slice(0, 6)}`)
}

function plain(value: unknown): string {
  if (value instanceof Error) return value.message
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined')
}
