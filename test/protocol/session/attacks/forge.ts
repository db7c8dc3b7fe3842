/** Honest peers cannot be made to misbehave, so these tests make dishonest ones: a session bent before it writes. */
import { messageKeysOf } from '../../../../protocol/session/chain.ts'
import { advance } from '../../../../protocol/session/chain.ts'
import { nextToSend } from '../../../../protocol/session/double-ratchet.ts'
import type { DoubleRatchet } from '../../../../protocol/session/double-ratchet.ts'
import { encodeCurveKey } from '../../../../protocol/session/keys.ts'
import { encodeSignalMessage, macBytes } from '../../../../protocol/session/messages.ts'
import { SignalRecord } from '../../../../protocol/session/record.ts'
import type { Session } from '../../../../protocol/session/session.ts'
import { nextPqToSend } from '../../../../protocol/session/spqr/pq-ratchet.ts'
import type { PqRatchet } from '../../../../protocol/session/spqr/pq-ratchet.ts'
import type { BraidState } from '../../../../protocol/session/spqr/braid.ts'
import { decodePqMessage, encodePqMessage } from '../../../../protocol/session/spqr/message.ts'
import type { PqMessage } from '../../../../protocol/session/spqr/message.ts'
import { keyToSend } from '../../../../protocol/session/spqr/key-schedule.ts'
import type { SessionRecord } from '../../../../protocol/session/types.ts'
import { aes256CbcEncrypt, hmacSha256 } from '../../../../protocol/crypto/primitives.ts'
import type { Device } from '../device.ts'

/** The sender's record after `messages` more messages that nobody saw. */
export function sessionWith(from: Device, to: Device, messages: number): SessionRecord {
  const { current, archived } = from.sessionsWith(to)
  let { classical, postQuantum } = current.ratchet
  classical = nextToSend(classical, from.random)?.ratchet ?? classical
  let chain = classical.ownChain
  if (chain === undefined) throw new Error('no chain')
  for (let i = 1; i < messages; i++) chain = advance(chain).chain
  let { schedule } = postQuantum
  const epoch = postQuantum.braid.epoch - 1
  for (let i = 0; i < messages; i++) {
    const taken = keyToSend(schedule, epoch)
    if (taken === undefined) throw new Error('no epoch')
    schedule = taken.schedule
  }
  const ratchet = { classical: { ...classical, ownChain: chain }, postQuantum: { ...postQuantum, schedule } }
  return new SignalRecord({ current: { ...current, ratchet }, archived })
}

/** Lies a peer can tell in a message whose MAC is right. */
export interface Lies {
  readonly previousCounter?: number
  readonly ratchetKey?: Uint8Array
  readonly pqRatchet?: (honest: PqMessage, bytes: Uint8Array) => Uint8Array
  readonly braid?: (honest: BraidState) => BraidState
}

export function encryptFrom(
  from: Device,
  to: Device,
  text: string,
  lies: Lies,
): { readonly record: SessionRecord; readonly bytes: Uint8Array } {
  const { current, archived } = from.sessionsWith(to)
  const bent = lies.braid === undefined ? current : withBraid(current, lies.braid)
  const classical = nextToSend(bent.ratchet.classical, from.random)
  const postQuantum = nextPqToSend(bent.ratchet.postQuantum, from.random)
  if (classical === undefined || postQuantum === undefined) throw new Error('cannot send')
  const keys = messageKeysOf(classical.seed, postQuantum.key)
  const honest = decodePqMessage(postQuantum.bytes)
  if (honest === undefined) throw new Error('not a message')
  const bytes = encodeSignalMessage({
    ratchetKey: lies.ratchetKey ?? encodeCurveKey(classical.ratchet.ownRatchetKey.publicKey),
    counter: classical.counter,
    previousCounter: lies.previousCounter ?? 0,
    ciphertext: aes256CbcEncrypt(keys.cipherKey, keys.iv, new TextEncoder().encode(text)),
    pqRatchet: lies.pqRatchet?.(honest, postQuantum.bytes) ?? postQuantum.bytes,
  })
  const end = bytes.length - macBytes
  const mac = hmacSha256(keys.macKey, from.own.identityKey, to.own.identityKey, bytes.subarray(0, end))
  bytes.set(mac.subarray(0, macBytes), end)
  const ratchet: { classical: DoubleRatchet; postQuantum: PqRatchet } = {
    classical: classical.ratchet,
    postQuantum: postQuantum.ratchet,
  }
  return { record: new SignalRecord({ current: { ...bent, ratchet }, archived }), bytes }
}

function withBraid(session: Session, bend: (honest: BraidState) => BraidState): Session {
  const { classical, postQuantum } = session.ratchet
  return { ...session, ratchet: { classical, postQuantum: { ...postQuantum, braid: bend(postQuantum.braid) } } }
}

export { encodePqMessage }
