/**
 * The stored form of the post-quantum ratchet: each braid state by its number, then its parts in the order of its
 * type.
 */
import { Secret } from '../../crypto/secret.ts'
import { skippedKeysMax } from '../limits.ts'
import { damaged } from '../stored-bytes.ts'
import type { ByteReader, ByteWriter } from '../stored-bytes.ts'
import type { BraidState } from './braid.ts'
import { chunkBytes } from './erasure.ts'
import type { Decoder, Encoder } from './erasure.ts'
import { ct1Bytes, ct2Bytes, headerBytes, vectorBytes } from './incremental-kem.ts'
import { pqMacBytes } from './authenticator.ts'
import type { EpochChains, KeySchedule, PqChain } from './key-schedule.ts'
import type { PqRatchet } from './pq-ratchet.ts'

/** Written numbers: their order is part of the format. */
const stateNames: readonly BraidState['name'][] = [
  'KeysUnsampled',
  'KeysSampled',
  'HeaderSent',
  'Ct1Received',
  'EkSentCt1Received',
  'NoHeaderReceived',
  'HeaderReceived',
  'Ct1Sampled',
  'EkReceivedCt1Sampled',
  'Ct1Acknowledged',
  'Ct2Sampled',
]

/** The send epoch, one behind it, and one ahead that the peer has not entered. */
const epochsMax = 3

/** Chunks a decoder holds before it is done: those of the longest object. */
const chunksMax = vectorBytes / chunkBytes

export function writePqRatchet(out: ByteWriter, { braid, schedule }: PqRatchet): void {
  writeBraid(out, braid)
  writeSchedule(out, schedule)
}

export function readPqRatchet(from: ByteReader): PqRatchet {
  return { braid: readBraid(from), schedule: readSchedule(from) }
}

function writeBraid(out: ByteWriter, state: BraidState): void {
  out.number(stateNames.indexOf(state.name))
  out.number(state.epoch)
  out.fixed(state.auth.rootKey.bytes)
  out.fixed(state.auth.macKey.bytes)
  switch (state.name) {
    case 'KeysUnsampled':
      return
    case 'KeysSampled':
      out.fixed(state.seed.bytes)
      out.fixed(state.vector)
      return writeEncoder(out, state.header)
    case 'HeaderSent':
      out.fixed(state.seed.bytes)
      writeEncoder(out, state.vector)
      return writeDecoder(out, state.ct1)
    case 'Ct1Received':
      out.fixed(state.seed.bytes)
      writeEncoder(out, state.vector)
      return out.fixed(state.ct1)
    case 'EkSentCt1Received':
      out.fixed(state.seed.bytes)
      out.fixed(state.ct1)
      return writeDecoder(out, state.ct2)
    case 'NoHeaderReceived':
      return writeDecoder(out, state.header)
    case 'HeaderReceived':
      return out.fixed(state.header)
    case 'Ct1Sampled':
      out.fixed(state.header)
      out.fixed(state.opened.randomness.bytes)
      writeEncoder(out, state.ct1)
      return writeDecoder(out, state.vector)
    case 'EkReceivedCt1Sampled':
      out.fixed(state.opened.randomness.bytes)
      writeEncoder(out, state.ct1)
      return out.fixed(state.vector)
    case 'Ct1Acknowledged':
      out.fixed(state.header)
      out.fixed(state.opened.randomness.bytes)
      out.fixed(state.ct1)
      return writeDecoder(out, state.vector)
    case 'Ct2Sampled':
      return writeEncoder(out, state.ct2)
  }
}

function readBraid(from: ByteReader): BraidState {
  const name = stateNames[from.number()]
  if (name === undefined) throw damaged()
  const epoch = from.number()
  const auth = { rootKey: readSecret(from, 32), macKey: readSecret(from, 32) }
  const common = { epoch, auth }
  const readOpened = (): { readonly randomness: Secret } => ({ randomness: readSecret(from, 64) })
  switch (name) {
    case 'KeysUnsampled':
      return { name, ...common }
    case 'KeysSampled': {
      const seed = readSecret(from, 64)
      return { name, ...common, seed, vector: from.fixed(vectorBytes), header: readEncoder(from, headerAndMacBytes) }
    }
    case 'HeaderSent': {
      const seed = readSecret(from, 64)
      return { name, ...common, seed, vector: readEncoder(from, vectorBytes), ct1: readDecoder(from, ct1Bytes) }
    }
    case 'Ct1Received': {
      const seed = readSecret(from, 64)
      return { name, ...common, seed, vector: readEncoder(from, vectorBytes), ct1: from.fixed(ct1Bytes) }
    }
    case 'EkSentCt1Received': {
      const seed = readSecret(from, 64)
      return { name, ...common, seed, ct1: from.fixed(ct1Bytes), ct2: readDecoder(from, ct2AndMacBytes) }
    }
    case 'NoHeaderReceived':
      return { name, ...common, header: readDecoder(from, headerAndMacBytes) }
    case 'HeaderReceived':
      return { name, ...common, header: from.fixed(headerBytes) }
    case 'Ct1Sampled': {
      const header = from.fixed(headerBytes)
      const opened = readOpened()
      const ct1 = readEncoder(from, ct1Bytes)
      return { name, ...common, header, opened, ct1, vector: readDecoder(from, vectorBytes) }
    }
    case 'EkReceivedCt1Sampled': {
      const opened = readOpened()
      return { name, ...common, opened, ct1: readEncoder(from, ct1Bytes), vector: from.fixed(vectorBytes) }
    }
    case 'Ct1Acknowledged': {
      const header = from.fixed(headerBytes)
      const opened = readOpened()
      return { name, ...common, header, opened, ct1: from.fixed(ct1Bytes), vector: readDecoder(from, vectorBytes) }
    }
    case 'Ct2Sampled':
      return { name, ...common, ct2: readEncoder(from, ct2AndMacBytes) }
  }
}

const headerAndMacBytes = headerBytes + pqMacBytes
const ct2AndMacBytes = ct2Bytes + pqMacBytes

function writeEncoder(out: ByteWriter, { message, next }: Encoder): void {
  out.number(next)
  out.fixed(message)
}

function readEncoder(from: ByteReader, length: number): Encoder {
  return { next: from.number(), message: from.fixed(length) }
}

function writeDecoder(out: ByteWriter, { chunks }: Decoder): void {
  out.list(chunks, ({ index, bytes }) => {
    out.number(index)
    out.fixed(bytes)
  })
}

function readDecoder(from: ByteReader, length: number): Decoder {
  const chunks = from.list(chunksMax, () => ({ index: from.number(), bytes: from.fixed(chunkBytes) }))
  return { length, chunks }
}

function writeSchedule(out: ByteWriter, schedule: KeySchedule): void {
  out.number(schedule.role === 'initiator' ? 0 : 1)
  out.fixed(schedule.rootKey.bytes)
  out.number(schedule.sendEpoch)
  out.list(schedule.epochs, (chains) => {
    out.number(chains.epoch)
    out.number(chains.own === undefined ? 0 : 1)
    if (chains.own !== undefined) writeChain(out, chains.own)
    writeChain(out, chains.their)
    out.list(chains.skipped, ({ index, key }) => {
      out.number(index)
      out.fixed(key.bytes)
    })
  })
}

function readSchedule(from: ByteReader): KeySchedule {
  const role = from.number() === 0 ? 'initiator' : 'responder'
  const rootKey = readSecret(from, 32)
  const sendEpoch = from.number()
  return { role, rootKey, sendEpoch, epochs: from.list(epochsMax, () => readEpoch(from)) }
}

function readEpoch(from: ByteReader): EpochChains {
  const epoch = from.number()
  const own = from.number() === 0 ? undefined : readChain(from)
  const their = readChain(from)
  const skipped = from.list(skippedKeysMax, () => ({ index: from.number(), key: readSecret(from, 32) }))
  return { epoch, own, their, skipped }
}

function writeChain(out: ByteWriter, chain: PqChain): void {
  out.number(chain.index)
  out.fixed(chain.key.bytes)
}

function readChain(from: ByteReader): PqChain {
  return { index: from.number(), key: readSecret(from, 32) }
}

function readSecret(from: ByteReader, length: number): Secret {
  return new Secret(from.fixed(length))
}
