/** A device that listens to its mailbox: what it may still be sent, what is on its way to it, and what it is waiting for. */
import type { DeviceId, EnvelopeId } from '../../protocol/ids.ts'
import { InFlight } from './in-flight.ts'
import type { OpenStream } from './streams.ts'

export interface Subscription {
  readonly stream: OpenStream
  readonly device: DeviceId
  credit: number
  readonly inFlight: InFlight
  /** How many bytes may be in flight: widened by what is acknowledged, as a reader shows that it reads. */
  windowBytes: number
  /** A page is being read; `arrived` says that something was stored meanwhile. */
  reading: boolean
  arrived: boolean
  /** Nothing waits besides what is in flight. */
  drained: boolean
  /** Tombstones told on this subscription and not acknowledged. */
  readonly told: Set<EnvelopeId>
  /** Tombstones are being read; `lostMeanwhile` says that another was left since. */
  telling: boolean
  lostMeanwhile: boolean
  /** The device is known to have a mailbox here. */
  served: boolean
  /** It acknowledges before a deposit handed to it would have to be stored; taken for granted until it does not. */
  prompt: boolean
  /** The store was busy; try again then. */
  retryAtMs: number | undefined
}

/** Before anything is acknowledged: a thousand who never read must not hold a thousand full windows of our memory. */
const windowBytesFirst = 65_536

export function opened(stream: OpenStream, device: DeviceId, credit: number): Subscription {
  return {
    stream,
    device,
    credit,
    inFlight: new InFlight(),
    windowBytes: windowBytesFirst,
    reading: false,
    arrived: false,
    drained: false,
    told: new Set(),
    telling: false,
    lostMeanwhile: false,
    served: false,
    prompt: true,
    retryAtMs: undefined,
  }
}
