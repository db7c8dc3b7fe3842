/**
 * How the network tells what it sees. Entries carry no names, no contents and no full identifiers; `error` is our own bug
 * and `warn` the world's.
 */
import type { ComponentLogger, Logger } from '@libp2p/interface'

export type Level = 'error' | 'warn' | 'info' | 'debug'
export type Log = (level: Level, message: string, fields?: Readonly<Record<string, unknown>>) => void

/** Enough of an identifier to follow it through one log, too little to find its owner. */
export function short(id: string): string {
  return id.slice(0, 6)
}

const silent: Logger = Object.assign(() => undefined, {
  enabled: false,
  trace: () => undefined,
  error: () => undefined,
  newScope: () => silent,
})

/** libp2p's own logger formats every frame even when nobody reads it: a fifth of a connection's memory and time. */
export const quiet: ComponentLogger = { forComponent: () => silent }
