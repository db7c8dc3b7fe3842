/**
 * A logger for libp2p that says nothing. libp2p's own formats peer ids and addresses into every line, which nobody here must
 * keep, and costs a fifth of the memory of an idle connection even when nobody reads it.
 */
import type { ComponentLogger, Logger } from '@libp2p/interface'

const quiet: Logger = Object.assign(() => undefined, {
  enabled: false,
  error: () => undefined,
  trace: () => undefined,
  newScope: () => quiet,
})

export const quietLogger: ComponentLogger = { forComponent: () => quiet }
