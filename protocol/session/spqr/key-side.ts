/**
 * The braid's moves on the side that makes the key:
 *
 *     KeysUnsampled -(send)-> KeysSampled -(Ct1)-> HeaderSent -(all of ct1)-> Ct1Received -(Ct2)-> EkSentCt1Received
 *     EkSentCt1Received -(all of ct2: secret)-> NoHeaderReceived of the next epoch
 *
 * A first chunk of what comes next is the acknowledgement of what was sent before.
 */
import { concatBytes, equalBytes } from '../../crypto/bytes.ts'
import type { Random } from '../../crypto/random.ts'
import { ciphertextMac, epochSecret, headerMac, pqMacBytes, updateAuthenticator } from './authenticator.ts'
import type { BraidReceived, BraidSent, KeySide } from './braid.ts'
import { waitForHeader } from './ciphertext-side.ts'
import { decoded, decoder, encoder, nextChunk, withChunk } from './erasure.ts'
import { ct1Bytes, ct2Bytes, decapsulate, generateKeys } from './incremental-kem.ts'
import type { Payload } from './message.ts'

export function sendOnKeySide(state: KeySide, random: Random): BraidSent {
  switch (state.name) {
    case 'KeysUnsampled': {
      const { epoch, auth } = state
      const { seed, header, vector } = generateKeys(random)
      const sent = nextChunk(encoder(concatBytes(header, headerMac(auth, epoch, header))))
      return {
        state: { name: 'KeysSampled', epoch, auth, seed, vector, header: sent.encoder },
        payload: { type: 'Hdr', chunk: sent.chunk },
      }
    }
    case 'KeysSampled': {
      const sent = nextChunk(state.header)
      return { state: { ...state, header: sent.encoder }, payload: { type: 'Hdr', chunk: sent.chunk } }
    }
    case 'HeaderSent': {
      const sent = nextChunk(state.vector)
      return { state: { ...state, vector: sent.encoder }, payload: { type: 'Ek', chunk: sent.chunk } }
    }
    case 'Ct1Received': {
      const sent = nextChunk(state.vector)
      return { state: { ...state, vector: sent.encoder }, payload: { type: 'EkCt1Ack', chunk: sent.chunk } }
    }
    case 'EkSentCt1Received':
      return { state, payload: { type: 'Ct1Ack' } }
  }
}

export function receiveOnKeySide(state: KeySide, payload: Payload): BraidReceived {
  switch (state.name) {
    case 'KeysUnsampled':
      return { state }
    case 'KeysSampled': {
      if (payload.type !== 'Ct1') return { state }
      const { epoch, auth, seed, vector } = state
      const ct1 = withChunk(decoder(ct1Bytes), payload.chunk)
      return { state: { name: 'HeaderSent', epoch, auth, seed, vector: encoder(vector), ct1 } }
    }
    case 'HeaderSent': {
      if (payload.type !== 'Ct1') return { state }
      const { epoch, auth, seed, vector } = state
      const ct1 = withChunk(state.ct1, payload.chunk)
      const whole = decoded(ct1)
      if (whole === undefined) return { state: { ...state, ct1 } }
      return { state: { name: 'Ct1Received', epoch, auth, seed, vector, ct1: whole } }
    }
    case 'Ct1Received': {
      if (payload.type !== 'Ct2') return { state }
      const { epoch, auth, seed, ct1 } = state
      const ct2 = withChunk(decoder(ct2Bytes + pqMacBytes), payload.chunk)
      return { state: { name: 'EkSentCt1Received', epoch, auth, seed, ct1, ct2 } }
    }
    case 'EkSentCt1Received': {
      if (payload.type !== 'Ct2') return { state }
      const ct2 = withChunk(state.ct2, payload.chunk)
      const whole = decoded(ct2)
      return whole === undefined ? { state: { ...state, ct2 } } : finishEpoch(state, whole)
    }
  }
}

function finishEpoch(state: KeySide & { readonly name: 'EkSentCt1Received' }, ct2AndMac: Uint8Array): BraidReceived {
  const { epoch, seed, ct1 } = state
  const ct2 = ct2AndMac.subarray(0, ct2Bytes)
  const kemSecret = decapsulate(seed, ct1, ct2)
  if (kemSecret === undefined) return undefined
  const secret = epochSecret(kemSecret, epoch)
  const auth = updateAuthenticator(state.auth, epoch, secret)
  if (!equalBytes(ciphertextMac(auth, epoch, ct1, ct2), ct2AndMac.subarray(ct2Bytes))) return undefined
  return { state: waitForHeader(epoch + 1, auth), made: { epoch, secret } }
}
