/**
 * The contract between a core (the rules) and whatever drives it (the shell, or a simulator).
 *
 * A core is told one thing and the time, and answers with facts to keep and acts to perform. The driver keeps the facts in
 * one transaction before it performs any act, so a crash can repeat an act but never forget one.
 */

/** What one input led to. */
export interface Step<Change, Effect> {
  /** Facts to keep; applied in order, in one transaction with the rest of the batch. */
  readonly changes: readonly Change[]
  /** Acts to perform, in order, after that transaction is on disk. */
  readonly effects: readonly Effect[]
}

/** Rules without a clock, a network, a disk or chance of their own. */
export interface Core<Input, Change, Effect> {
  /** `nowMs` is wall-clock time in milliseconds since the epoch. Never throws for what a remote party did. */
  handle(input: Input, nowMs: number): Step<Change, Effect>
  /** When a `tick` is next wanted, in milliseconds since the epoch; undefined when nothing waits. */
  nextDeadline(): number | undefined
}
