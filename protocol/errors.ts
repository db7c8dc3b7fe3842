/**
 * Errors by whose fault they are. What came off the wire never throws: it is refused with a reason. These two are for
 * what remains.
 */

/** Our own fault or this machine's: a bug, a corrupted store, a full disk. Ends what was going on. */
export class LocalError extends Error {
  override readonly name = 'LocalError'
}

/** The caller's fault: wrong input to a public function. The message says what was wrong and what to do. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
