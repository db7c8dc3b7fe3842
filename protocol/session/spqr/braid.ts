/**
 * The ML-KEM Braid (revision 1): two devices take turns to send each other a KEM key and a ciphertext in chunks small
 * enough to ride along with messages, and get a new shared secret per epoch. This file has the states and who may go
 * where; each side's moves are in `key-side.ts` and `ciphertext-side.ts`. What becomes of a secret is the key
 * schedule's business.
 */
import type { Secret } from '../../crypto/secret.ts'
import type { Random } from '../../crypto/random.ts'
import type { Authenticator } from './authenticator.ts'
import { startAuthenticator } from './authenticator.ts'
import { receiveOnCiphertextSide, sendOnCiphertextSide, waitForHeader } from './ciphertext-side.ts'
import type { Decoder, Encoder } from './erasure.ts'
import type { Opened } from './incremental-kem.ts'
import { receiveOnKeySide, sendOnKeySide } from './key-side.ts'
import type { Payload } from './message.ts'

interface Common {
  readonly epoch: number
  readonly auth: Authenticator
}

/** The side that makes the key pair of this epoch and ends with decapsulation. */
export type KeySide = Common &
  (
    | { readonly name: 'KeysUnsampled' }
    | { readonly name: 'KeysSampled'; readonly seed: Secret; readonly vector: Uint8Array; readonly header: Encoder }
    | { readonly name: 'HeaderSent'; readonly seed: Secret; readonly vector: Encoder; readonly ct1: Decoder }
    | { readonly name: 'Ct1Received'; readonly seed: Secret; readonly vector: Encoder; readonly ct1: Uint8Array }
    | { readonly name: 'EkSentCt1Received'; readonly seed: Secret; readonly ct1: Uint8Array; readonly ct2: Decoder }
  )

/** The side that encapsulates in this epoch: first to the header, then to the whole key. */
export type CiphertextSide = Common &
  (
    | { readonly name: 'NoHeaderReceived'; readonly header: Decoder }
    | { readonly name: 'HeaderReceived'; readonly header: Uint8Array }
    | {
        readonly name: 'Ct1Sampled'
        readonly header: Uint8Array
        readonly opened: Opened
        readonly ct1: Encoder
        readonly vector: Decoder
      }
    | {
        readonly name: 'EkReceivedCt1Sampled'
        readonly opened: Opened
        readonly ct1: Encoder
        readonly vector: Uint8Array
      }
    | {
        readonly name: 'Ct1Acknowledged'
        readonly header: Uint8Array
        readonly opened: Opened
        readonly ct1: Uint8Array
        readonly vector: Decoder
      }
    | { readonly name: 'Ct2Sampled'; readonly ct2: Encoder }
  )

export type BraidState = KeySide | CiphertextSide

/** The secret that an epoch gave to both sides, 32 bytes. */
export interface NewSecret {
  readonly epoch: number
  readonly secret: Uint8Array
}

export interface BraidSent {
  readonly state: BraidState
  readonly payload: Payload
  readonly made?: NewSecret
}

/** Undefined: the payload contradicts what was authenticated before it, or is of an epoch that cannot be yet. */
export type BraidReceived = { readonly state: BraidState; readonly made?: NewSecret } | undefined

export function startBraid(role: 'initiator' | 'responder', authKey: Uint8Array): BraidState {
  const auth = startAuthenticator(authKey)
  return role === 'initiator' ? { name: 'KeysUnsampled', epoch: 1, auth } : waitForHeader(1, auth)
}

export function sendBraid(state: BraidState, random: Random): BraidSent {
  return isKeySide(state) ? sendOnKeySide(state, random) : sendOnCiphertextSide(state, random)
}

export function receiveBraid(state: BraidState, epoch: number, payload: Payload): BraidReceived {
  if (epoch < state.epoch) return { state }
  if (epoch > state.epoch) {
    // Only a peer that has the whole ciphertext goes on to the next epoch, in which the sides change places.
    const mayFollow = state.name === 'Ct2Sampled' && epoch === state.epoch + 1
    return mayFollow ? { state: { name: 'KeysUnsampled', epoch, auth: state.auth } } : undefined
  }
  return isKeySide(state) ? receiveOnKeySide(state, payload) : receiveOnCiphertextSide(state, payload)
}

function isKeySide(state: BraidState): state is KeySide {
  switch (state.name) {
    case 'KeysUnsampled':
    case 'KeysSampled':
    case 'HeaderSent':
    case 'Ct1Received':
    case 'EkSentCt1Received':
      return true
    case 'NoHeaderReceived':
    case 'HeaderReceived':
    case 'Ct1Sampled':
    case 'EkReceivedCt1Sampled':
    case 'Ct1Acknowledged':
    case 'Ct2Sampled':
      return false
  }
}
