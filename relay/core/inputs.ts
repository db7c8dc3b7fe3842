/**
 * What can happen to a relay. The shell numbers streams and connections; a device is named only where the Noise handshake
 * has proved it.
 */
import type { DeviceId, EnvelopeId } from '../../protocol/ids.ts'
import type { DirectoryFrame } from '../../protocol/wire/directory.ts'
import type { LossReason, MailboxFrame } from '../../protocol/wire/mailbox.ts'
import type { StoreOutcome } from './store-calls.ts'

/** A stream, numbered by the shell; never used twice. */
export type StreamId = number
/** The connection under it, likewise. */
export type ConnectionId = number
/** A request to the store, numbered by the core. */
export type RequestId = number

export interface StoreAnswer {
  readonly request: RequestId
  readonly outcome: StoreOutcome
}

export type Notice =
  /** Something left a mailbox that was full. */
  | { readonly kind: 'room'; readonly mailbox: DeviceId }
  | { readonly kind: 'lost'; readonly mailbox: DeviceId; readonly id: EnvelopeId; readonly reason: LossReason }
  | { readonly kind: 'prekeys-left'; readonly device: DeviceId; readonly left: number }

export type Input =
  /** `device` is absent when the other side's key is not an Ed25519 key: it can deposit, and nothing else. */
  | {
      readonly kind: 'stream-opened'
      readonly stream: StreamId
      readonly connection: ConnectionId
      readonly device: DeviceId | undefined
    }
  | { readonly kind: 'stream-closed'; readonly stream: StreamId }
  | { readonly kind: 'connection-closed'; readonly connection: ConnectionId }
  | { readonly kind: 'mailbox-frame-received'; readonly stream: StreamId; readonly frame: MailboxFrame }
  | { readonly kind: 'directory-frame-received'; readonly stream: StreamId; readonly frame: DirectoryFrame }
  /** What the store answered at one time, in the order in which it was asked. */
  | { readonly kind: 'store-answered'; readonly answers: readonly StoreAnswer[] }
  /** Another process on the same store put something into these mailboxes, or may have into any. A hint: it may be wrong. */
  | { readonly kind: 'mail-arrived'; readonly mailboxes: readonly DeviceId[] | 'any' }
  /** Another process on the same store did what somebody connected here may have to be told. Hints, likewise. */
  | { readonly kind: 'noticed'; readonly notices: readonly Notice[] }
  | { readonly kind: 'ticked' }
