/**
 * The braid's moves on the side that encapsulates:
 *
 *     NoHeaderReceived -(all of header)-> HeaderReceived -(send: secret)-> Ct1Sampled
 *     Ct1Sampled -(all of ek)-> EkReceivedCt1Sampled -(ack)-> Ct2Sampled
 *     Ct1Sampled -(ack)-> Ct1Acknowledged -(all of ek)-> Ct2Sampled
 *     Ct2Sampled -(a message of the next epoch)-> KeysUnsampled of the next epoch
 */
import { concatBytes, equalBytes } from '../../crypto/bytes.ts'
import type { Random } from '../../crypto/random.ts'
import type { Authenticator } from './authenticator.ts'
import { ciphertextMac, epochSecret, headerMac, pqMacBytes, updateAuthenticator } from './authenticator.ts'
import type { BraidReceived, BraidSent, CiphertextSide } from './braid.ts'
import { decoded, decoder, encoder, nextChunk, withChunk } from './erasure.ts'
import { encapsulateFirst, encapsulateSecond, headerBytes, matchesHeader, vectorBytes } from './incremental-kem.ts'
import type { Opened } from './incremental-kem.ts'
import type { Payload } from './message.ts'

export function waitForHeader(epoch: number, auth: Authenticator): CiphertextSide {
  return { name: 'NoHeaderReceived', epoch, auth, header: decoder(headerBytes + pqMacBytes) }
}

export function sendOnCiphertextSide(state: CiphertextSide, random: Random): BraidSent {
  switch (state.name) {
    case 'NoHeaderReceived':
    case 'Ct1Acknowledged':
      return { state, payload: { type: 'None' } }
    case 'HeaderReceived': {
      const { epoch, header } = state
      const { opened, ct1, sharedSecret } = encapsulateFirst(header, random)
      const secret = epochSecret(sharedSecret, epoch)
      const auth = updateAuthenticator(state.auth, epoch, secret)
      const sent = nextChunk(encoder(ct1))
      return {
        state: { name: 'Ct1Sampled', epoch, auth, header, opened, ct1: sent.encoder, vector: decoder(vectorBytes) },
        payload: { type: 'Ct1', chunk: sent.chunk },
        made: { epoch, secret },
      }
    }
    case 'Ct1Sampled':
    case 'EkReceivedCt1Sampled': {
      const sent = nextChunk(state.ct1)
      return { state: { ...state, ct1: sent.encoder }, payload: { type: 'Ct1', chunk: sent.chunk } }
    }
    case 'Ct2Sampled': {
      const sent = nextChunk(state.ct2)
      return { state: { ...state, ct2: sent.encoder }, payload: { type: 'Ct2', chunk: sent.chunk } }
    }
  }
}

export function receiveOnCiphertextSide(state: CiphertextSide, payload: Payload): BraidReceived {
  switch (state.name) {
    case 'NoHeaderReceived': {
      if (payload.type !== 'Hdr') return { state }
      const header = withChunk(state.header, payload.chunk)
      const whole = decoded(header)
      return whole === undefined ? { state: { ...state, header } } : acceptHeader(state, whole)
    }
    case 'HeaderReceived':
    case 'Ct2Sampled':
      return { state }
    case 'Ct1Sampled': {
      if (payload.type !== 'Ek' && payload.type !== 'EkCt1Ack') return { state }
      const isAcknowledged = payload.type === 'EkCt1Ack'
      const vector = withChunk(state.vector, payload.chunk)
      const whole = decoded(vector)
      const { epoch, auth, header, opened, ct1 } = state
      if (whole === undefined) {
        if (!isAcknowledged) return { state: { ...state, vector } }
        return { state: { name: 'Ct1Acknowledged', epoch, auth, header, opened, ct1: ct1.message, vector } }
      }
      if (!matchesHeader(header, whole)) return undefined
      if (isAcknowledged) return makeSecond(state, opened, ct1.message, whole)
      return { state: { name: 'EkReceivedCt1Sampled', epoch, auth, opened, ct1, vector: whole } }
    }
    case 'EkReceivedCt1Sampled': {
      if (payload.type !== 'EkCt1Ack' && payload.type !== 'Ct1Ack') return { state }
      return makeSecond(state, state.opened, state.ct1.message, state.vector)
    }
    case 'Ct1Acknowledged': {
      if (payload.type !== 'Ek' && payload.type !== 'EkCt1Ack') return { state }
      const vector = withChunk(state.vector, payload.chunk)
      const whole = decoded(vector)
      if (whole === undefined) return { state: { ...state, vector } }
      if (!matchesHeader(state.header, whole)) return undefined
      return makeSecond(state, state.opened, state.ct1, whole)
    }
  }
}

function acceptHeader(state: CiphertextSide, headerAndMac: Uint8Array): BraidReceived {
  const { epoch, auth } = state
  const header = headerAndMac.slice(0, headerBytes)
  if (!equalBytes(headerMac(auth, epoch, header), headerAndMac.subarray(headerBytes))) return undefined
  return { state: { name: 'HeaderReceived', epoch, auth, header } }
}

function makeSecond(state: CiphertextSide, opened: Opened, ct1: Uint8Array, vector: Uint8Array): BraidReceived {
  const { epoch, auth } = state
  const ct2 = encapsulateSecond(opened, vector)
  if (ct2 === undefined) return undefined
  const message = concatBytes(ct2, ciphertextMac(auth, epoch, ct1, ct2))
  return { state: { name: 'Ct2Sampled', epoch, auth, ct2: encoder(message) } }
}
