/** What every party agrees on: names, wire formats, sessions, limits. Re-exports only. */
export {
  accountIdOf,
  deviceIdOf,
  deviceIdOfPeerId,
  envelopeIdOf,
  idBytes,
  isAccountId,
  isMessageId,
  messageIdOf,
  peerIdOf,
} from './ids.ts'
export type { AccountId, DeviceId, EnvelopeId, MessageId } from './ids.ts'
export * as limits from './limits.ts'
export { LocalError, UsageError } from './errors.ts'
export type { Core, Step } from './step.ts'
export type { Codec } from './codec/schema.ts'
export type { Random } from './crypto/random.ts'
export { systemRandom } from './crypto/primitives.ts'
export type * from './session/types.ts'
export { createIdentity, signalSessions } from './session/signal.ts'
export { openCard, signCard, signConsent, signedCard } from './wire/card.ts'
export type { Card, CardDevice, OpenedCard, SignedCard } from './wire/card.ts'
export { body, content } from './wire/content.ts'
export type { Body, Content, Introduction, ReceiptState } from './wire/content.ts'
export { signCustody, verifyCustody } from './wire/custody.ts'
export { directFrame, directProtocol } from './wire/direct.ts'
export type { DirectFrame, DirectRefusal } from './wire/direct.ts'
export { directoryFrame, directoryProtocol } from './wire/directory.ts'
export type { DirectoryFrame, DirectoryRefusal, PublicPreKey, SignedBundle } from './wire/directory.ts'
export { formatInvite, parseInvite } from './wire/invite.ts'
export type { Invite } from './wire/invite.ts'
export { mailboxFrame, mailboxProtocol } from './wire/mailbox.ts'
export type {
  Custody,
  CustodyReceipt,
  DepositRefusal,
  Envelope,
  LossReason,
  MailboxFrame,
  Tombstone,
} from './wire/mailbox.ts'
export { sealing } from './wire/sealed.ts'
export type { SealedMessage, Sealing } from './wire/sealed.ts'
