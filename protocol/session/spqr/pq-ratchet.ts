/**
 * The sparse post-quantum ratchet (SPQR): the braid that makes secrets and the schedule that makes keys of them, as
 * one value with one key per message.
 */
import type { Random } from '../../crypto/random.ts'
import type { Work } from '../chain.ts'
import { receiveBraid, sendBraid, startBraid } from './braid.ts'
import type { BraidState, NewSecret } from './braid.ts'
import { addEpoch, keyToReceive, keyToSend, startSchedule } from './key-schedule.ts'
import type { KeySchedule } from './key-schedule.ts'
import { decodePqMessage, encodePqMessage } from './message.ts'

export interface PqRatchet {
  readonly braid: BraidState
  readonly schedule: KeySchedule
}

/** `authKey` is the handshake's third secret, 32 bytes; it is wiped. */
export function startPqRatchet(role: 'initiator' | 'responder', authKey: Uint8Array): PqRatchet {
  const ratchet = { braid: startBraid(role, authKey), schedule: startSchedule(role, authKey) }
  authKey.fill(0)
  return ratchet
}

export interface PqSent {
  readonly ratchet: PqRatchet
  /** The message to carry along. */
  readonly bytes: Uint8Array
  /** 32 bytes, for the keys of the message that carries it. */
  readonly key: Uint8Array
}

/** Undefined cannot happen in a ratchet this code made. */
export function nextPqToSend(ratchet: PqRatchet, random: Random): PqSent | undefined {
  const { state, payload, made } = sendBraid(ratchet.braid, random)
  const schedule = withSecret(ratchet.schedule, made)
  const taken = schedule && keyToSend(schedule, state.epoch - 1)
  if (taken === undefined) return undefined
  const bytes = encodePqMessage({ epoch: state.epoch, index: taken.index, payload })
  return { ratchet: { braid: state, schedule: taken.schedule }, bytes, key: taken.key }
}

export type PqReceived =
  { readonly ratchet: PqRatchet; readonly key: Uint8Array } | 'malformed' | 'forged' | 'duplicate' | 'too-far-ahead'

export function receivePq(ratchet: PqRatchet, bytes: Uint8Array, work: Work): PqReceived {
  const message = decodePqMessage(bytes)
  if (message === undefined) return 'malformed'
  const received = receiveBraid(ratchet.braid, message.epoch, message.payload)
  if (received === undefined) return 'forged'
  const schedule = withSecret(ratchet.schedule, received.made)
  if (schedule === undefined) return 'forged'
  const taken = keyToReceive(schedule, message.epoch - 1, message.index, work)
  if (typeof taken === 'string') return taken
  return { ratchet: { braid: received.state, schedule: taken.schedule }, key: taken.key }
}

function withSecret(schedule: KeySchedule, made: NewSecret | undefined): KeySchedule | undefined {
  return made === undefined ? schedule : addEpoch(schedule, made.epoch, made.secret)
}
