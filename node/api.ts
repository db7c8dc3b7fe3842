/**
 * The library's face: what a program that embeds a device sees. Re-exported by `node/index.ts`; made by `createNode`.
 */
import type { AccountId, DeviceId, MessageId } from '../protocol/ids.ts'
import type { Refusal } from './core/answers.ts'
import type { LastingRefusal } from './core/refusals.ts'
import type { Attempt, Contact, Message, NodeEvent, StoredEvent } from './core/state.ts'

export interface NodeOptions {
  /** Where everything this device keeps is kept; made with mode 0700 when missing. */
  readonly dataDir: string
  /** Display name for a new profile; ignored when the directory already holds one. */
  readonly name?: string
  /** 32-byte account seed for a new profile, to take up an account on a new device; a fresh one when absent. */
  readonly accountSeed?: Uint8Array
  /** Unwraps the key of the store; with a new profile, wraps it. */
  readonly passphrase?: string
  /**
   * Full multiaddrs of the relays that keep this person's messages, the best first; replaces those set before. The first
   * three that serve are told to contacts; of the others one takes the place of each that stays away. Behind that of a
   * private relay stands what it wants to hear, `?token=…`: it is kept with the keys, stays known when the address alone is
   * given, and is told to nobody but that relay.
   */
  readonly relays?: readonly string[]
  /** A relay that is away for so long, while another serves, is replaced; a day when absent. */
  readonly relayPatienceMs?: number
  /** Multiaddrs to listen on; when absent every IPv4 interface, on a port that stays the same if it can. */
  readonly listen?: readonly string[]
  /** Multiaddrs to tell others instead of those listened on. */
  readonly announce?: readonly string[]
  /**
   * False: no circuits through relays, in either direction. A circuit tells the contact's relay who calls whom, which the
   * mailbox does not; without circuits, people behind routers talk through mailboxes only.
   */
  readonly circuits?: boolean
  /**
   * False: this device does not say on the local network that it is there, and does not hear who else is. It says its
   * PeerId, by which those who know it recognise it.
   */
  readonly lan?: boolean
  /** False: the router is not asked (by UPnP) to forward the port this device listens on. */
  readonly upnp?: boolean
  /** False: contacts are not told when this person is here or types, and nor is this person told of them. */
  readonly presence?: boolean
  /** Structured diagnostics, without names, contents or full identifiers. */
  readonly log?: (entry: LogEntry) => void
}

export interface LogEntry {
  /** `error` is our bug, `warn` the world's. */
  readonly level: 'error' | 'warn' | 'info' | 'debug'
  readonly message: string
  readonly [field: string]: unknown
}

/** Who this device is and how it stands. */
export interface NodeIdentity {
  readonly account: AccountId
  readonly device: DeviceId
  readonly peerId: string
  readonly name: string
  /** Full multiaddrs where this device listens. */
  readonly addresses: readonly string[]
  readonly relays: readonly RelayStanding[]
}

export interface RelayStanding {
  readonly relay: string
  /**
   * `home`: contacts bring their messages there. `spare`: takes the place of one that stays away. `dropped`: it stayed away,
   * and contacts were told so; still tried. `left`: named no more; what is brought there is collected.
   */
  readonly role: 'home' | 'spare' | 'dropped' | 'left'
  readonly connected: boolean
  /** Since when it is connected, or is not. ISO 8601, as are the others. */
  readonly since?: string
  /** Named, and of no use since then, also across restarts. */
  readonly missedSince?: string
  /** Off the card, and collected from until then. */
  readonly collectedUntil?: string
  /** Why not, when not; or what is not well with it. */
  readonly reason?: string
  /** It is shutting down or has; its operator names these relays instead. Nothing is moved to them unasked. */
  readonly elsewhere?: readonly string[]
  /** It can be reached and keeps nothing for this person: its word for why. */
  readonly refused?: LastingRefusal
  /** One-time prekeys left in its directory, as last heard. */
  readonly preKeysLeft?: number
}

export interface ContactView {
  readonly account: AccountId
  readonly name: string
  readonly state: Contact['state']
  readonly verified: boolean
  readonly devices: readonly DeviceId[]
  readonly relays: readonly string[]
  /** A connection to them stands, or they have said within minutes that they are here. */
  readonly online: boolean
  readonly typing?: boolean
  /** The connection that stands: straight to their device, or a circuit through one of the relays. */
  readonly link?: { readonly kind: 'direct' | 'circuit'; readonly address: string; readonly since: string }
}

/** One for each device of the contact. */
export interface SafetyNumber {
  readonly device: DeviceId
  /** 60 digits, as Signal computes them from both devices' identity keys and accounts. */
  readonly digits: string
}

export interface MessageView {
  readonly id: MessageId
  readonly conversation: AccountId
  /** The contact's name, or `me`. */
  readonly from: string
  readonly text?: string
  /** A kind of message this version cannot show. */
  readonly unsupported?: true
  readonly sentAt: string
  readonly receivedAt?: string
  readonly state: Message['state']
  readonly waiting?: string
}

/** Everything known of one message's way. */
export interface Why {
  readonly message: MessageView
  /** One for each device it went or goes to; empty for a received message. */
  readonly devices: readonly {
    readonly device: DeviceId
    readonly state: 'unsent' | 'queued' | 'stored' | 'delivered' | 'expired'
    /** Which relay signed for it, and when. */
    readonly heldBy?: string
    readonly heldSince?: string
    readonly nextTryAt?: string
  }[]
  readonly attempts: readonly (Omit<Attempt, 'atMs'> & { readonly at: string })[]
}

export interface NodeEvents {
  /** Every kind of event, with its number for `acknowledge`. */
  event: StoredEvent
  message: Extract<NodeEvent, { type: 'message' }>
  status: Extract<NodeEvent, { type: 'status' }>
  contact: Extract<NodeEvent, { type: 'contact' }>
  gap: Extract<NodeEvent, { type: 'gap' }>
  /** Somebody came, went, began or stopped to type. Passes; it is not kept, and may be missed. */
  presence: PresenceEvent
  /** The store failed or a rule threw: the node has stopped, and everything acknowledged is on disk. */
  fatal: Error
}

export interface Diagnosis {
  /** Nothing keeps messages from coming and going. */
  readonly well: boolean
  /** What stands between this device and the internet, as far as its relays can tell. */
  readonly router: 'open' | 'keeps ports' | 'symmetric' | 'translates' | 'unknown'
  readonly findings: readonly Finding[]
}

export interface Finding {
  readonly about: string
  readonly state: 'good' | 'poor' | 'bad'
  readonly says: string
  /** What the user could do. */
  readonly todo?: string
}

export interface PresenceEvent {
  readonly type: 'presence'
  readonly account: AccountId
  readonly name: string
  readonly online: boolean
  readonly typing: boolean
}

/** A device, running. Methods reject with `NodeError` when what was asked cannot be done. */
export interface LinnetNode {
  start(): Promise<void>
  /** Ends every connection and closes the store; what was accepted goes out after the next start. */
  stop(): Promise<void>

  identity(): NodeIdentity

  /** Safe on disk when it resolves; `who` is a contact's name or account. */
  send(who: string, text: string): Promise<{ readonly id: MessageId; readonly state: Message['state'] }>
  /** Resolves with the state once it is at least `state`, or `expired`; undefined when `timeoutMs` passed first. */
  waitFor(
    id: MessageId,
    state: 'stored' | 'delivered' | 'read',
    timeoutMs: number,
  ): Promise<Message['state'] | undefined>

  /** A link that lets one person in. */
  invite(): Promise<string>
  add(link: string, name?: string): Promise<ContactView>
  accept(who: string): Promise<ContactView>
  block(who: string): Promise<ContactView>
  rename(who: string, name: string): Promise<ContactView>
  /** To compare with the contact over another way: the same digits on both sides when nobody stands between. */
  safetyNumbers(who: string): readonly SafetyNumber[]
  /** The numbers were compared and are the same; undone when their devices change. */
  verify(who: string): Promise<ContactView>
  contacts(): readonly ContactView[]
  setRelays(relays: readonly string[]): Promise<void>

  /** Oldest first: the last `limit` before message `before`. */
  history(who: string, options?: { readonly limit?: number; readonly before?: MessageId }): readonly MessageView[]
  why(id: MessageId): Why

  /** Kept events after number `after`, oldest first. */
  events(after: number, limit: number): readonly StoredEvent[]
  /** These were shown: they are forgotten, and read receipts go out for the messages among them. */
  acknowledge(upTo: number): Promise<void>

  /** How this device stands with the world, and what to do about what is not well. Takes a round trip to each relay. */
  doctor(): Promise<Diagnosis>

  /** Tells a contact that the user is typing, or has stopped; does nothing where presence is off. */
  typing(who: string, isTyping?: boolean): void

  /** Listens; returns the function that stops listening. */
  on<K extends keyof NodeEvents>(kind: K, listener: (event: NodeEvents[K]) => void): () => void
}

/** Why a node would not do what it was asked. */
export class NodeError extends Error {
  override readonly name = 'NodeError'
  readonly reason: NodeErrorReason

  constructor(reason: NodeErrorReason, message: string) {
    super(message)
    this.reason = reason
  }
}

export type NodeErrorReason =
  | Refusal
  /** No contact, or no message, of that name or id. */
  | 'not-found'
  /** Another process owns this data directory. */
  | 'in-use'
  | 'wrong-passphrase'
  | 'passphrase-needed'
  /** The store was written by a newer version of the program. */
  | 'newer-store'
  /** The store is damaged, or not a store. */
  | 'corrupt-store'
  /** The key is there and the store is not: it was lost, or the first run ended before it was made. */
  | 'lost-store'
  | 'no-profile'
  | 'invalid-address'
  | 'cannot-listen'
  /** The node is not running. */
  | 'stopped'
