/**
 * How the network tells what it sees. Entries carry no names, no contents and no full identifiers; `error` is our own bug
 * and `warn` the world's.
 */
export type Level = 'error' | 'warn' | 'info' | 'debug'
export type Log = (level: Level, message: string, fields?: Readonly<Record<string, unknown>>) => void

/** Enough of an identifier to follow it through one log, too little to find its owner. */
export function short(id: string): string {
  return id.slice(0, 6)
}
