/** Everything that can happen to a device. */
import type { AccountId, DeviceId, EnvelopeId } from '../../protocol/ids.ts'
import type { Invite } from '../../protocol/wire/invite.ts'
import type { DirectoryFrame } from '../../protocol/wire/directory.ts'
import type { DirectFrame } from '../../protocol/wire/direct.ts'
import type { RelayTokens } from './relay-tokens.ts'
import type { CustodyReceipt, DepositRefusal, Envelope, LossReason, Tombstone } from '../../protocol/wire/mailbox.ts'

export type Input =
  /** The deadline the core asked for has come, or may have. */
  | { readonly kind: 'tick' }
  /** The node listens; `addresses` are multiaddrs without PeerId where others may dial it. Also when they change. */
  | { readonly kind: 'listening'; readonly addresses: readonly string[] }

  /** Other addresses, or awake after a sleep: what failed a moment ago may go now. */
  | { readonly kind: 'surroundings-changed' }
  /** A device says on the local network that it is there; full multiaddrs. */
  | { readonly kind: 'device-nearby'; readonly device: DeviceId; readonly addresses: readonly string[] }

  // From the user or a program. `request` comes back in the `answer`.
  | { readonly kind: 'text-submitted'; readonly request: number; readonly to: AccountId; readonly text: string }
  | { readonly kind: 'invite-requested'; readonly request: number }
  | { readonly kind: 'invite-opened'; readonly request: number; readonly invite: Invite; readonly name?: string }
  | { readonly kind: 'contact-accepted'; readonly request: number; readonly account: AccountId }
  | { readonly kind: 'contact-blocked'; readonly request: number; readonly account: AccountId }
  | { readonly kind: 'contact-verified'; readonly request: number; readonly account: AccountId }
  | { readonly kind: 'contact-renamed'; readonly request: number; readonly account: AccountId; readonly name: string }
  /** `tokens` are for those among them that are private. */
  | {
      readonly kind: 'relays-chosen'
      readonly request: number
      readonly relays: readonly string[]
      readonly tokens?: RelayTokens
    }
  /** Whoever displays messages has shown every event up to here: they go, and read receipts are owed. */
  | { readonly kind: 'events-shown'; readonly request: number; readonly upTo: number }

  // Direct links. A link is one authenticated stream to one device.
  | { readonly kind: 'link-risen'; readonly link: number; readonly device: DeviceId; readonly address: string }
  | { readonly kind: 'link-lost'; readonly link: number; readonly reason: string }
  /** Whether circuits were `called`, too. */
  | { readonly kind: 'dial-failed'; readonly device: DeviceId; readonly called: boolean; readonly reason: string }
  | { readonly kind: 'frame-received'; readonly link: number; readonly frame: DirectFrame }

  // Our own relays.
  | { readonly kind: 'relay-risen'; readonly relay: string }
  | { readonly kind: 'relay-lost'; readonly relay: string; readonly reason: string }
  /** It is about to end. `elsewhere` are relays its operator names, for the user to judge. */
  | { readonly kind: 'relay-closing'; readonly relay: string; readonly elsewhere: readonly string[] }
  | { readonly kind: 'envelope-collected'; readonly relay: string; readonly envelope: Envelope }
  | { readonly kind: 'tombstones-collected'; readonly relay: string; readonly lost: readonly Tombstone[] }
  | { readonly kind: 'prekeys-counted'; readonly relay: string; readonly left: number }
  | { readonly kind: 'publish-answered'; readonly relay: string; readonly answer: DirectoryAnswer }

  // Other people's relays and directories.
  | {
      readonly kind: 'deposit-answered'
      readonly relay: string
      readonly mailbox: DeviceId
      readonly id: EnvelopeId
      readonly answer: DepositAnswer
    }
  /** A dial there has gone on for a moment, and no machine has taken it. What was asked is still answered. */
  | { readonly kind: 'relay-silent'; readonly relay: string }
  | { readonly kind: 'room-noticed'; readonly relay: string; readonly mailbox: DeviceId }
  | { readonly kind: 'loss-noticed'; readonly relay: string; readonly id: EnvelopeId; readonly reason: LossReason }
  | { readonly kind: 'directory-answered'; readonly ask: number; readonly answer: DirectoryAnswer }

  /** Someone asks this device's own directory, over a link that need not say who they are. */
  | { readonly kind: 'directory-asked'; readonly asker: number; readonly frame: DirectoryFrame }

/** What came of a deposit. `unreachable` is the network's fault; the request may or may not have arrived. */
export type DepositAnswer =
  | { readonly kind: 'stored'; readonly receipt: CustodyReceipt }
  | { readonly kind: 'delivered' }
  | { readonly kind: 'refused'; readonly reason: DepositRefusal; readonly retryMs: number }
  | { readonly kind: 'unreachable'; readonly reason: string }

export type DirectoryAnswer =
  | { readonly kind: 'answered'; readonly frame: DirectoryFrame }
  | { readonly kind: 'unreachable'; readonly reason: string }
