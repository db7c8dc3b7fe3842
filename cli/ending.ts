/**
 * When to end: the first Ctrl-C or SIGTERM asks for a clean end, the second Ctrl-C ends at once, and a clean end that
 * takes too long is cut short. What a clean end consists of belongs to whoever listens to the signal.
 */
import { setMaxListeners } from 'node:events'
import { codeOfSignal, exitCode, interrupted, type EndSignal, type ExitCode } from './exit.ts'

/** Longer than a node takes to finish its open streams, shorter than an init system waits before it kills. */
const cleanEndMsMax = 8_000

export interface Ending {
  readonly signal: AbortSignal
  /** Settles with the promise, or rejects as interrupted, whichever is first. */
  race<T>(promise: Promise<T>): Promise<T>
  /** Resolves when asked to end: for commands that otherwise stay. */
  asked(): Promise<void>
  /** What a service ends with: SIGTERM is the ordinary way to stop it, Ctrl-C an interruption. */
  readonly code: ExitCode
  /** Ends the command from inside, as when its node has failed. */
  fail(error: Error): void
}

export function watchForEnd(): Ending {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal) // One for each thing that is waited for.
  let cause: EndSignal | Error | undefined
  const end = (why: EndSignal | Error): void => {
    if (cause !== undefined) return
    cause = why
    setTimeout(() => process.exit(cutShort(why)), cleanEndMsMax).unref()
    controller.abort(why instanceof Error ? why : interrupted(why))
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (cause !== undefined && name === 'SIGINT') process.exit(exitCode.interrupted)
      end(name)
    })
  }
  const asked = aborted(controller.signal)
  return {
    signal: controller.signal,
    race: (promise) => unlessAborted(promise, controller.signal),
    asked: async () => {
      await asked
      if (cause instanceof Error) throw cause
    },
    get code() {
      return codeOf(cause)
    },
    fail: end,
  }
}

/** Something was still under way, so this is nobody's clean end. */
function cutShort(cause: EndSignal | Error): ExitCode {
  return cause instanceof Error ? exitCode.unexpected : codeOfSignal[cause]
}

function codeOf(cause: EndSignal | Error | undefined): ExitCode {
  if (cause instanceof Error) return exitCode.unexpected
  return cause === 'SIGINT' ? exitCode.interrupted : exitCode.done
}

/** Unlike `Promise.race` with something that settles at the very end, which until then keeps all that was ever raced with it. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(signal.reason as Error)
    if (signal.aborted) giveUp()
    signal.addEventListener('abort', giveUp)
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp))
  })
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
