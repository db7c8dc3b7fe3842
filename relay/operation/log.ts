/**
 * The log of a relay: one JSON object a line, with what an operator can act on. An entry is built from a fixed set of words
 * (`RelayLogEntry`), so there is no way for a name, a key or an address to get into it.
 */
import { pino, type DestinationStream } from 'pino'
import type { RelayLogEntry } from '../relay.ts'
import type { RelaySettings } from './settings.ts'

export type Log = (entry: RelayLogEntry) => void

export function openLog(level: RelaySettings['logLevel'], destination: DestinationStream): Log {
  const logger = pino(
    {
      level,
      base: null, // Neither the process nor the machine: whoever collects logs knows where they come from.
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  )
  return ({ level: severity, ...fields }) => logger[severity](fields)
}
