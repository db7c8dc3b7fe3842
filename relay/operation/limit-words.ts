/**
 * Every limit of a relay in an operator's words. One name serves the code, the configuration file (`mailboxesMax` is
 * `mailboxes-max` there), the metrics' label and the documentation; a limit without a line here does not compile.
 */
import type { AllLimits } from '../relay.ts'

export const limitWords: Readonly<Record<keyof AllLimits, string>> = {
  mailboxesMax: 'Devices with a mailbox here; bounds the disk a crowd can claim.',
  mailboxMessagesMax: 'Messages waiting in one mailbox.',
  mailboxBytesMax: 'Bytes waiting in one mailbox.',
  relayBytesMax:
    'Bytes in all mailboxes together: the disk you give. Beyond it depositors are told to come back later.',
  sealedBytesMax: 'Bytes of one message; less than the protocol allows refuses larger ones.',
  tombstonesMax: 'Notices of dropped messages kept for one mailbox; the oldest go first.',
  preKeysKeptMax: 'One-time prekeys kept for one device: twice what a device publishes.',
  preKeysTakenKeptMax: 'Prekeys already handed out that are remembered, so that none comes back.',
  mailboxIdleMsMax: 'A device that has not published for so long loses its mailbox.',
  inFlightMessagesMax: 'Messages on their way to one subscriber without an acknowledgement.',
  inFlightBytesMax: 'Bytes of them; a reader that does not read costs no more than this.',
  handOverMsMax:
    'How long a deposit handed to a recipient who is there may wait for them before it is stored. 0: stored first, always.',
  pendingPerStreamMax: 'Requests of one stream that the store has not answered.',
  pendingMax: 'Requests of all streams that the store has not answered; beyond it depositors are told “busy”.',
  pendingBytesMax: 'Bytes of messages among them: what a slow disk can cost in memory.',
  waitersPerMailboxMax: 'Depositors remembered for one full mailbox, to be told of room.',
  mailboxesAwaitedMax: 'Full mailboxes with such depositors.',
  depositorsMax: 'Deposits remembered with their stream, so that their sender can be told of a loss.',
  takenDevicesMax: 'Devices whose prekey hand-outs are counted.',
  deposits: 'Deposits of one connection.',
  depositBytes: 'Bytes of them.',
  subscriptions: 'Subscriptions of one connection.',
  acknowledgements: 'Messages acknowledged on one connection.',
  publications: 'Publications of one connection; each costs a few signature checks and a sync.',
  cardLookups: 'Cards looked up by one connection.',
  bundlesPerAsker: 'Prekey bundles taken by one connection.',
  preKeysPerOwner: 'One-time prekeys of one device handed out, whoever asks; beyond it bundles go out without one.',
  sweepEveryMs: 'How often expired messages are looked for. An expired one is never delivered, swept or not.',
  sweepRowsMax: 'Rows touched by one sweep; it shares the disk with deposits.',
  busyRetryMs: 'What a refused depositor is told to wait when the relay is busy.',
  connectionsMax:
    'Connections of everyone together. The process needs as many file descriptors and a few hundred more.',
  connectionsPerAddressMax: 'Connections from one address, half-open ones included. Raise it behind a load balancer.',
  connectionsPerPeerMax: 'Connections of one peer.',
  connectionsPerAddressPerSecond: 'New connections from one address in one second. Raise it behind a load balancer.',
  handshakesMax: 'Connections that have not finished their handshake, shared out by the address they come from.',
  handshakeMsMax: 'How long a handshake may take.',
  connectionUnusedMsMax: 'A connection without a stream or a reservation is closed after one to two of these.',
  streamsPerConnectionMax: 'Streams of one connection, of all protocols together.',
  mailboxStreamsPerConnectionMax: 'Mailbox streams of one connection.',
  directoryStreamsPerConnectionMax: 'Directory streams of one connection.',
  reservationsMax: 'Peers that can be reached through this relay.',
  circuitBytesMax: 'Bytes one circuit may carry, both ways together.',
  circuitMsMax: 'How long one circuit may last.',
  strangerIdleMs: 'A stream that sends no whole frame for so long is closed, until it is about a mailbox that exists.',
  gossipPeersMax: 'Visitors whose signs of presence are carried; 0 for nobody’s.',
  gossipTopicsMax: 'Topics of presence carried at one time; devices take a relay with up to 3,900.',
  gossipTopicsPerPeerMax: 'Of those, topics of one visitor.',
}
