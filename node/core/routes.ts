/**
 * Decides how what waits for one device travels next. Does not dial, encrypt, or know what a stream is: it is told which
 * ways are open and which failed until when, and answers with a path.
 *
 * Direct comes first. Without a link, a dial gets a short head start; when the device did not answer the last dial either,
 * the relay is used at once and the dial goes on beside it. A link that keeps silent is used and doubted: the relay gets the
 * same messages, and whoever confirms first settles them.
 */
export interface Ways {
  readonly linked: boolean
  /** The link has been silent on something for too long to be relied on alone. */
  readonly doubtful: boolean
  readonly dialling: boolean
  /** Addresses are known to dial. */
  readonly dialable: boolean
  /** Not before this is dialled again. */
  readonly dialFromMs: number
  readonly dialFailures: number
  /** While a dial is given its head start, until when. */
  readonly headStartUntilMs: number
  /** In order of preference. */
  readonly relays: readonly { readonly relay: string; readonly fromMs: number }[]
}

/** Whether a multiaddr leads through a relay. */
export function isCircuit(address: string): boolean {
  return address.includes('/p2p-circuit')
}

export interface Path {
  /** Start dialling now. */
  readonly dial: boolean
  /** Over the link. */
  readonly direct: boolean
  /** At this relay. */
  readonly relay?: string
  /** When to decide again, if nothing happens before. */
  readonly againMs: number
}

const never = Number.POSITIVE_INFINITY

export function choosePath(ways: Ways, nowMs: number): Path {
  if (ways.linked && !ways.doubtful) return { dial: false, direct: true, againMs: never }

  const dial = ways.dialable && !ways.dialling && ways.dialFromMs <= nowMs
  const nextDialMs = ways.dialable && !ways.dialling && !dial ? ways.dialFromMs : never
  const untried = dial && ways.dialFailures === 0
  if (untried || (ways.dialling && nowMs < ways.headStartUntilMs)) {
    return { dial, direct: ways.linked, againMs: untried ? never : ways.headStartUntilMs }
  }

  const open = ways.relays.find((way) => way.fromMs <= nowMs)
  if (open !== undefined) return { dial, direct: ways.linked, relay: open.relay, againMs: nextDialMs }
  const nextRelayMs = Math.min(never, ...ways.relays.map((way) => way.fromMs))
  return { dial, direct: ways.linked, againMs: Math.min(nextDialMs, nextRelayMs) }
}
