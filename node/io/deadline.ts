/**
 * Waiting for a remote party, never for longer than said, whatever the libraries below do with the signal they are given;
 * and what went wrong, in words for people. Decides nothing about trying again.
 */

/** A remote party or the network between did not do what was asked; the message is one of the plain reasons below. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable'
}

/**
 * Runs `act` for at most `ms`, then rejects with `Unreachable` and aborts its signal. A result that arrives later goes to
 * `late`, so that nothing stays open that nobody knows of. The signal is never aborted after success: libp2p keeps
 * listening to it and would close what it has just opened.
 */
export function withDeadline<T>(
  ms: number,
  act: (signal: AbortSignal) => Promise<T>,
  late: (value: T) => void = () => undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const controller = new AbortController()
    let expired = false
    const timer = setTimeout(() => {
      expired = true
      reject(new Unreachable('no answer'))
      controller.abort(new Unreachable('no answer'))
    }, ms)
    act(controller.signal).then(
      (value) => {
        clearTimeout(timer)
        if (expired) late(value)
        else resolve(value)
      },
      (error: unknown) => {
        clearTimeout(timer)
        reject(error instanceof Error ? error : new Unreachable('unknown'))
      },
    )
  })
}

const reasons: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED/, 'connection refused'],
  [/ECONNRESET|EPIPE|StreamReset/, 'connection reset'],
  [/ENETUNREACH|EHOSTUNREACH|EADDRNOTAVAIL/, 'network unreachable'],
  [/ENOTFOUND|EAI_AGAIN/, 'host name not found'],
  [/does not match|UnexpectedPeer/, 'someone else answered'],
  [/dial self/, 'own address'],
  [/UnsupportedProtocol/, 'does not speak this protocol'],
  [/ETIMEDOUT|Timeout|Abort/, 'no answer'],
  [/EncryptionFailed|InvalidCryptoExchange|MuxerUnavailable/, 'handshake failed'],
  [/Closed|UnexpectedEOF|StreamState/, 'connection closed'],
]

/** Why something remote failed, in a few plain words without addresses or names. */
export function reasonOf(error: unknown): string {
  if (error instanceof Unreachable) return error.message
  if (error instanceof AggregateError) return reasonOf(error.errors[0])
  if (!(error instanceof Error)) return 'unknown'
  const text = `${error.name} ${error.message}`
  return reasons.find(([pattern]) => pattern.test(text))?.[1] ?? error.name
}
