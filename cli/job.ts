/**
 * What a command works with: the settings in force, the streams, the wish to end, and the node behind the command
 * line. Made once per run; each command takes what it needs.
 */
import type { LinnetNode, NodeOptions } from '../node/index.ts'
import type { Ending } from './ending.ts'
import type { ExitCode } from './exit.ts'
import type { Output } from './output.ts'
import type { Settings } from './settings.ts'

/** Loaded when first called: a command that speaks to a running process does without, and starts in a tenth of the time. */
export interface Programs {
  readonly createNode: (options: NodeOptions) => Promise<LinnetNode>
}

export interface Job {
  readonly settings: Settings
  readonly output: Output
  readonly ending: Ending
  readonly programs: Programs
  readonly env: NodeJS.ProcessEnv
}

/** What the builders of commands are given. */
export interface Tools {
  readonly programs: Programs
  readonly env: NodeJS.ProcessEnv
  /** Runs a command's work with its settings resolved; what it returns is the exit code, 0 when nothing. */
  act(work: (job: Job) => Promise<ExitCode | void>, fileName?: string): Promise<void>
}
